package flashsale.lab;

import flashsale.lab.BenchShop.Open;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.UUID;

/**
 * What one round of each measurement does: requests a second, and the check that they did what they
 * said. Each round has a sale of its own. Used by one thread.
 */
final class BenchRound {
  static final int HOT_UNITS = 50_000_000;
  private static final int SALE_OFFERS = 20;
  private static final String RESERVATIONS = "/api/v1/reservations";
  private static final Duration DRAINED_MAX = Duration.ofMinutes(5);
  private static final Duration LEAD_IN_MAX = Duration.ofSeconds(1);
  private static final UUID NO_ID = new UUID(0, 0);

  private final Bench.Options options;
  private final BenchEnvironment.Server server;
  private final BenchShop shop;

  BenchRound(Bench.Options options, BenchEnvironment.Server server, BenchShop shop) {
    this.options = options;
    this.server = server;
    this.shop = shop;
  }

  /**
   * Load before each round on a server that is warm already: a second, or less if rounds are short.
   */
  Duration leadIn() {
    return options.round().compareTo(LEAD_IN_MAX) < 0 ? options.round() : LEAD_IN_MAX;
  }

  /** Reservations of one offer that does not run out. */
  double hot(Duration leadIn, int number) {
    var open = shop.openSale("hot " + number, 1, HOT_UNITS);
    shop.reserve(open);
    var round = load(server.url(), reservations(open), leadIn, 201, "HELD");
    shop.check(open, round.sent() + 1);
    return round.rate();
  }

  /**
   * Two rates of requests that nobody waits for.
   *
   * @param accepted answers with 202 a second
   * @param ended reservations that had reached their end a second, until none was left
   */
  record Accepting(double accepted, double ended) {}

  /** Reservations of one offer that are answered with 202 and done later. */
  Accepting accepting(int number) {
    var open = shop.openSale("accepted " + number, 1, HOT_UNITS);
    shop.reserve(open);
    var requests =
        shop.tokens().stream()
            .map(t -> Request.toBeAccepted("POST", RESERVATIONS, t, open.reservation()))
            .toList();
    long from = System.nanoTime();
    var round = load(server.url(), requests, leadIn(), 202, "PENDING");
    shop.awaitTaken(open, round.sent() + 1, DRAINED_MAX);
    double seconds = (System.nanoTime() - from) / 1e9;
    shop.audit(open);
    return new Accepting(round.rate(), round.sent() / seconds);
  }

  /** The same at the naive peer. */
  double naive(URI peer, int number) {
    var open = new Open(NO_ID, NaivePeer.offer(number), NaivePeer.UNITS);
    var round = load(peer, reservations(open), leadIn(), 201, "HELD");
    try (var client = new Client(() -> peer, new Tally())) {
      var path = "/offers/" + open.offerId();
      var left = client.call("left", "GET", path, null, null, null).body().path("available");
      if (left.asLong() != NaivePeer.UNITS - round.sent()) {
        throw new BenchShop.Failed(
            "the naive peer sold %d, and has left %s".formatted(round.sent(), left));
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return round.rate();
  }

  /** Reservations of an offer whose only unit is sold. */
  double refusal(int number) {
    var open = shop.openSale("sold out " + number, 1, 1);
    shop.sellOut(open);
    double rate = load(server.url(), reservations(open), leadIn(), 409, "SOLD_OUT").rate();
    shop.check(open, 1);
    return rate;
  }

  /** A reservation's body without token and key: nothing is done but to parse and to answer. */
  double noopPost() {
    var body = new Open(NO_ID, NO_ID, 0).reservation();
    var request = Request.of("POST", "/bench/noop", null, null, body);
    return load(server.url(), List.of(request), leadIn(), 201, "").rate();
  }

  double noopGet() {
    return get("/bench/noop", "");
  }

  /** A sale with as many offers as a real one. */
  double saleRead(int number) {
    var open = shop.openSale("read " + number, SALE_OFFERS, 100);
    return get("/api/v1/sales/" + open.saleId(), open.saleId().toString());
  }

  /** Of the server's Java process, as the kernel counts it. */
  double residentMebibytes() {
    var status = Path.of("/proc/" + server.pid() + "/status");
    try {
      if (!Files.exists(status)) {
        return askedOfPs();
      }
      var line =
          Files.readAllLines(status).stream().filter(l -> l.startsWith("VmRSS:")).findFirst();
      return kibibytes(line.orElseThrow()) / 1024.0;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Where there is no /proc. */
  private double askedOfPs() throws IOException {
    var ps = new ProcessBuilder("ps", "-o", "rss=", "-p", Long.toString(server.pid())).start();
    try (var out = ps.inputReader()) {
      return kibibytes(out.readLine()) / 1024.0;
    }
  }

  private static long kibibytes(String text) {
    return Long.parseLong(text.replaceAll("[^0-9]", ""));
  }

  private double get(String path, String text) {
    var request = Request.of("GET", path, null, null, null);
    return load(server.url(), List.of(request), leadIn(), 200, text).rate();
  }

  private List<Request> reservations(Open open) {
    var body = open.reservation();
    return shop.tokens().stream()
        .map(
            token ->
                options.keys()
                    ? Request.freshlyKeyed("POST", RESERVATIONS, token, body)
                    : Request.of("POST", RESERVATIONS, token, null, body))
        .toList();
  }

  private Load.Round load(
      URI url, List<Request> requests, Duration leadIn, int status, String text) {
    return Load.run(
        new Load.Plan(url, requests, options.connections(), leadIn, options.round(), status, text));
  }
}
