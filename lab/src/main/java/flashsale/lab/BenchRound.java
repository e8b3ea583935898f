package flashsale.lab;

import flashsale.lab.BenchShop.Open;
import flashsale.lab.Customer.Outcome;
import flashsale.platform.ids.Ids;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;

/**
 * What one round of each measurement does: requests a second, and the check that they did what they
 * said. Each round has a sale of its own. Used by one thread.
 */
final class BenchRound {
  static final int HOT_UNITS = 50_000_000;
  private static final int SALE_OFFERS = 20;
  private static final String RESERVATIONS = "/api/v1/reservations";
  private static final String PENDING = "PENDING";
  private static final int RUSH_UNITS = 2_000;

  /** Each has one request under way: more than an even load needs as long as it is kept up with. */
  private static final int PACED_CONNECTIONS = 512;

  private static final Duration DRAINED_MAX = Duration.ofMinutes(5);

  /** A payment that the gateway does not answer is the last to be settled. */
  private static final Duration JOURNEY_MAX = Duration.ofMinutes(3);

  private static final Duration FINAL_MAX = Duration.ofMinutes(1);

  private static final Duration SETTLED_MAX = Duration.ofSeconds(30);
  private static final Duration LOOK_EVERY = Duration.ofMillis(20);
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
    var first = shop.reserveWithoutKey(open);
    var requests = reservations(open, Request.ASYNC);
    long from = System.nanoTime();
    var round = load(server.url(), requests, leadIn(), 202, PENDING);
    awaitEnded(open, first, round.sent());
    double seconds = (System.nanoTime() - from) / 1e9;
    shop.audit(open);
    return new Accepting(round.rate(), round.sent() / seconds);
  }

  /**
   * The time, in milliseconds, within which 95 of 100 reservations had reached their end, each from
   * the moment at which it was due. The client is told by the answer, for which it waits.
   *
   * @param perSecond how many there are, evenly
   */
  double endToEndP95(int number, double perSecond) {
    var open = shop.openSale("paced " + number, 1, HOT_UNITS);
    shop.reserve(open);
    var plan =
        new Load.Plan(
            server.url(),
            reservations(open, Request.ASYNC + ", wait=30"),
            PACED_CONNECTIONS,
            leadIn(),
            options.round(),
            201,
            "HELD");
    var round = Load.run(plan.paced(perSecond));
    shop.check(open, round.sent() + 1);
    return p95(round);
  }

  /**
   * What became of a burst.
   *
   * @param accepted answers with 202 a second
   * @param open requests without an end when the last of them was accepted
   * @param ended requests that had reached their end a second, from the first request on until none
   *     was left
   */
  record Backlog(double accepted, double open, double ended) {}

  /** Accepts so many reservations as fast as it goes and waits until each has reached its end. */
  Backlog backlog(int number, int requests) {
    var open = shop.openSale("backlog " + number, 1, HOT_UNITS);
    var first = shop.reserveWithoutKey(open);
    var plan =
        new Load.Plan(
            server.url(),
            reservations(open, Request.ASYNC),
            options.connections(),
            Duration.ZERO,
            Load.ROUND_MAX,
            202,
            PENDING);
    long from = System.nanoTime();
    var round = Load.run(plan.atMost(requests));
    double burst = (System.nanoTime() - from) / 1e9;
    double left = statesSince(first).getOrDefault(PENDING, 0L);
    awaitEnded(open, first, round.sent());
    double seconds = (System.nanoTime() - from) / 1e9;
    shop.audit(open);
    return new Backlog(round.sent() / burst, left, round.sent() / seconds);
  }

  /**
   * Returns when so many reservations are held, all there are, and fails if one ends otherwise.
   *
   * @param first the one before them, made by the server too: a clock here would not do, for the
   *     server's may be some milliseconds behind it
   */
  private void awaitEnded(Open open, UUID first, long reservations) {
    shop.awaitTaken(open, reservations + 1, DRAINED_MAX);
    long deadline = System.nanoTime() + SETTLED_MAX.toNanos();
    var expected = Map.of("HELD", reservations + 1);
    var states = statesSince(first);
    while (!states.equals(expected) && System.nanoTime() < deadline) {
      LockSupport.parkNanos(LOOK_EVERY.toNanos());
      states = statesSince(first);
    }
    if (!states.equals(expected)) {
      throw new BenchShop.Failed(
          "%d reservations were accepted after one, and they are now %s"
              .formatted(reservations, states));
    }
  }

  /** Ids of requests without a key are ordered by time; those of the others are no such ids. */
  private Map<String, Long> statesSince(UUID first) {
    return server.reservations(first, Ids.next());
  }

  /**
   * What a crowd that wants to be answered with 202 makes of the shop.
   *
   * @param accepted reservations and payments that were answered so
   * @param failures answers that are no plan's: errors, none, 503 to an order; accepted requests
   *     without an end; rules and promises that were not kept
   */
  record Rush(double accepted, double failures) {}

  /** Customers who reserve and pay again and again, without a pause, until the time is over. */
  Rush rush(int customers, Duration time) {
    var open = shop.openSale("rush of " + customers, SALE_OFFERS, RUSH_UNITS);
    var plan =
        CrowdPlan.of(server.url(), open.saleId(), customers, customers)
            .paced(leadIn(), Duration.ZERO, time)
            .async(true, FINAL_MAX)
            .untilStopped(server::url);
    var report = Crowd.run(plan, Display.none());
    var broken = report.promises().verify(server.url());
    shop.audit(open);
    double accepted = report.count("reserve", 202, "") + report.count("pay", 202, "");
    double failures =
        report.failures()
            + report.busy("reserve")
            + report.busy("pay")
            + report.brokenRules().size()
            + broken.size();
    return new Rush(accepted, failures);
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
    var open = openForReading(number);
    return get(path(open), open.saleId().toString());
  }

  Open openForReading(int number) {
    return shop.openSale("read " + number, SALE_OFFERS, 100);
  }

  static String path(Open open) {
    return "/api/v1/sales/" + open.saleId();
  }

  /**
   * Reads from anywhere.
   *
   * @param token bearer token, or null
   */
  double read(URI address, String token) {
    var request = Request.of("GET", address.getPath(), token, null, null);
    return load(address.resolve("/"), List.of(request), leadIn(), 200, "").rate();
  }

  /**
   * The times, in milliseconds, within which 95 of 100 reads of a sale, and 95 of 100 reservations,
   * were answered, each from the moment at which it was due.
   */
  record Steady(double read, double reservation) {}

  /**
   * So many reads a second, evenly, and after that as many reservations. The reads are a
   * customer's, so that the catalogue itself is asked.
   */
  Steady steady(Open sale, Open hot, double perSecond, Duration measured) {
    var token = shop.tokens().getFirst();
    var read = List.of(Request.of("GET", path(sale), token, null, null));
    var reads = paced(read, 200, sale.saleId().toString(), perSecond, measured);
    var reservations = paced(reservations(hot), 201, "HELD", perSecond, measured);
    return new Steady(p95(reads), p95(reservations));
  }

  private Load.Round paced(
      List<Request> requests, int status, String text, double perSecond, Duration measured) {
    var plan =
        new Load.Plan(
            server.url(), requests, options.connections(), leadIn(), measured, status, text);
    return Load.run(plan.paced(perSecond));
  }

  private static double p95(Load.Round round) {
    return round.latencies().getValueAtPercentile(95) / 1e3;
  }

  /**
   * What became of customers who came, bought once, and went.
   *
   * @param p95 milliseconds within which 95 of 100 of those who paid had done so, from their
   *     sign-in on
   * @param paid how many that were
   * @param refused customers whom a rule refused
   * @param busy calls that were told to come again later, which is no failure if the customer got
   *     there
   * @param failures customers who were let down ({@link CrowdReport#letDown}); server errors and
   *     calls without an answer, also where another try helped; accepted requests without an end;
   *     rules and promises that were not kept
   * @param words what these were
   */
  record Journey(
      double p95, long paid, long refused, long busy, long failures, List<String> words) {}

  /** Everybody comes within the time of a round, and nobody hesitates. */
  Journey journey(int customers, boolean async, int number) {
    var open = shop.openSale("journey " + number, SALE_OFFERS, customers + 1);
    shop.reserve(open); // Who came before the ledger knows the sale would be refused.
    var plan =
        CrowdPlan.of(server.url(), open.saleId(), customers, number)
            .paced(options.round(), Duration.ZERO, JOURNEY_MAX)
            .async(async, FINAL_MAX);
    var report = Crowd.run(plan, Display.none());
    var broken = report.promises().verify(server.url());
    shop.audit(open);
    var line = report.journeys().stream().findFirst();
    return new Journey(
        line.map(l -> l.p95Micros() / 1e3).orElse(0.0),
        report.ended(Outcome.PAID),
        report.ended(Outcome.REFUSED),
        report.busy(),
        report.failures() + report.letDown() + report.brokenRules().size() + broken.size(),
        Stream.of(report.failuresInWords(), report.letDownInWords(), report.brokenRules(), broken)
            .flatMap(List::stream)
            .map(Object::toString)
            .toList());
  }

  /** Of the server's Java process, as the kernel counts it. */
  double residentMebibytes() {
    return residentMebibytes("VmRSS:");
  }

  /** The most that it ever was, where the kernel tells. */
  double residentMebibytesMax() {
    return residentMebibytes("VmHWM:");
  }

  private double residentMebibytes(String name) {
    var status = Path.of("/proc/" + server.pid() + "/status");
    try {
      if (!Files.exists(status)) {
        return askedOfPs();
      }
      var line = Files.readAllLines(status).stream().filter(l -> l.startsWith(name)).findFirst();
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

  private List<Request> reservations(Open open, String prefer) {
    return shop.tokens().stream()
        .map(token -> Request.of("POST", RESERVATIONS, token, null, prefer, open.reservation()))
        .toList();
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
