package flashsale.lab;

import flashsale.lab.Accounts.Session;
import flashsale.lab.BenchEnvironment.Server;
import flashsale.lab.BenchShop.Open;
import flashsale.lab.Figure.Bound;
import java.io.IOException;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.stream.Stream;

/**
 * The product's measurements, each held against its bar. What is compared is measured in turn
 * within one run, on this machine, which also carries the load; every round that sells ends with
 * the audit. One benchmark at a time.
 */
public final class Bench {
  private static final String HOT = "hot-reservation";
  private static final String NOOP_POST = "noop POST";
  private static final String NOOP_GET = "noop GET";
  private static final String NAIVE = "naive peer";
  private static final String REFUSAL = "refusal";
  private static final String SALE_READ = "sale-read";
  private static final String FULL = "hot-reservation full";
  private static final String EMPTY = "hot-reservation empty";
  private static final String MEMORY = "memory";
  private static final String START = "start";

  /** The names that {@link Options#only} knows, in the order in which they are shown. */
  public static final List<String> NAMES =
      List.of(
          "hot-reservation/noop",
          "hot-reservation/naive",
          "refusal/noop",
          "sale-read/noop",
          "hot-reservation full/empty",
          START,
          MEMORY);

  static final List<String> JVM_FLAGS = List.of("-Xmx256m", "-XX:+UseParallelGC");
  private static final int HOT_UNITS = 50_000_000;
  private static final int SALE_OFFERS = 20;
  private static final Duration LEAD_IN = Duration.ofSeconds(1);

  /**
   * What to measure, and how long.
   *
   * @param only some of {@link #NAMES}; empty: all
   * @param json where the figures are written; null: nowhere
   * @param rounds 1 to 100; medians need five
   * @param round how long each is measured
   * @param warmUp load on a freshly started server before it is measured
   * @param connections keep-alive, each with one request under way
   * @param keys whether each reservation carries an Idempotency-Key of its own
   * @param customers whose tokens are used in turn
   * @param filled holds and orders in the tables that count as full
   * @param strict whether a missed bar is a failure
   * @param workDir an empty folder for data directories
   */
  public record Options(
      List<String> only,
      Path json,
      int rounds,
      Duration round,
      Duration warmUp,
      int connections,
      boolean keys,
      int customers,
      int filled,
      boolean strict,
      Path workDir) {
    public Options {
      only = List.copyOf(only);
      for (var name : only) {
        if (!NAMES.contains(name)) {
          throw new IllegalArgumentException("There is no '" + name + "', only " + NAMES + ".");
        }
      }
      if (rounds < 1 || rounds > 100) {
        throw new IllegalArgumentException("1 to 100 rounds, not " + rounds + ".");
      }
    }

    boolean wants(String name) {
      return only.isEmpty() || only.contains(name);
    }

    boolean wantsAny(String... names) {
      return Stream.of(names).anyMatch(this::wants);
    }
  }

  private final Options options;
  private final BenchEnvironment environment;
  private final PrintStream out;
  private final List<Figure> figures = new ArrayList<>();
  private final Path template;
  private List<Session> sessions;
  private Open startSale;

  private Bench(Options options, BenchEnvironment environment, PrintStream out) {
    this.options = options;
    this.environment = environment;
    this.out = out;
    this.template = options.workDir().resolve("template");
  }

  /**
   * Measures, prints a table, and writes the JSON.
   *
   * @return 0; 1 if a bar was missed and that is to be a failure
   * @throws RuntimeException if a round is void: an answer that was not as planned, a breach
   */
  public static int run(Options options, BenchEnvironment environment, PrintStream out)
      throws IOException {
    var bench = new Bench(options, environment, out);
    bench.makeTemplate();
    bench.shares();
    bench.fullAgainstEmpty();
    bench.starts();
    var inOrder =
        NAMES.stream().flatMap(n -> bench.figures.stream().filter(f -> f.name().equals(n))).toList();
    out.print(Figure.table(inOrder));
    if (options.json() != null) {
      Files.writeString(options.json(), Figure.json(inOrder));
    }
    return options.strict() && !inOrder.stream().allMatch(Figure::met) ? 1 : 0;
  }

  /** A data directory with customers and one open sale; every measurement starts from a copy. */
  private void makeTemplate() {
    say("%d customers sign up …", options.customers());
    try (var server = environment.start(template, JVM_FLAGS);
        var shop = new BenchShop(server, List.of())) {
      shop.signUp(options.customers());
      startSale = shop.openSale(START, 1, HOT_UNITS);
      shop.reserve(startSale);
      sessions = shop.sessions();
    }
  }

  private void shares() throws IOException {
    if (!options.wantsAny(
        "hot-reservation/noop", "hot-reservation/naive", "refusal/noop", "sale-read/noop", MEMORY)) {
      return;
    }
    var rounds = new Rounds();
    var memory = new ArrayList<Double>();
    try (var server = environment.start(copy("shares"), JVM_FLAGS);
        var shop = new BenchShop(server, sessions);
        var naive = options.wants("hot-reservation/naive") ? startNaive(server) : null) {
      if (options.wantsAny("hot-reservation/noop", "hot-reservation/naive", MEMORY)) {
        rounds.add(HOT, n -> hot(server, shop, LEAD_IN, n, memory));
      }
      if (naive != null) {
        rounds.add(NAIVE, n -> naive(naive, shop, n));
      }
      if (options.wantsAny("hot-reservation/noop", "refusal/noop")) {
        rounds.add(NOOP_POST, n -> noopPost(server));
      }
      if (options.wants("refusal/noop")) {
        rounds.add(REFUSAL, n -> refusal(server, shop, n));
      }
      if (options.wants("sale-read/noop")) {
        rounds.add(NOOP_GET, n -> get(server, "/bench/noop", ""));
        rounds.add(SALE_READ, n -> saleRead(server, shop, n));
      }
      rounds.warmUp(out::println);
      memory.clear();
      rounds.measure(options.rounds(), out::println);
    }
    share("hot-reservation/noop", "share", 0.35, rounds, HOT, NOOP_POST);
    share("hot-reservation/naive", "times", 10, rounds, HOT, NAIVE);
    share("refusal/noop", "share", 0.7, rounds, REFUSAL, NOOP_POST);
    share("sale-read/noop", "share", 0.8, rounds, SALE_READ, NOOP_GET);
    if (options.wants(MEMORY)) {
      figures.add(Figure.of(MEMORY, "MiB", Bound.UNDER, 400, memory, Map.of()));
    }
  }

  private NaiveProcess startNaive(Server server) {
    return NaiveProcess.start(server, JVM_FLAGS);
  }

  private void share(
      String name, String unit, double bar, Rounds rounds, String one, String other) {
    if (options.wants(name)) {
      var behind = Map.of(one, rounds.of(one), other, rounds.of(other));
      var shares = rounds.share(one, other);
      figures.add(Figure.of(name, unit, Bound.AT_LEAST, bar, shares, behind));
    }
  }

  /** Each round starts both servers anew, the empty one from the template. */
  private void fullAgainstEmpty() throws IOException {
    var name = "hot-reservation full/empty";
    if (!options.wants(name)) {
      return;
    }
    var full = copy("full");
    say("Filling the tables with %,d holds and orders …", options.filled());
    try (var server = environment.start(full, JVM_FLAGS)) {
      environment.fill(server, options.filled());
    }
    var rounds = new Rounds();
    var fullSessions = new ArrayList<>(sessions);
    rounds.add(EMPTY, n -> freshlyStarted(copy("empty"), new ArrayList<>(sessions), n));
    rounds.add(FULL, n -> freshlyStarted(full, fullSessions, n));
    rounds.measure(options.rounds(), out::println);
    share(name, "share", 0.85, rounds, FULL, EMPTY);
  }

  private double freshlyStarted(Path dataDir, List<Session> theirs, int number) {
    try (var server = environment.start(dataDir, JVM_FLAGS);
        var shop = new BenchShop(server, List.copyOf(theirs))) {
      double rate = hot(server, shop, options.warmUp(), number, new ArrayList<>());
      theirs.clear();
      theirs.addAll(shop.sessions());
      return rate;
    }
  }

  /** From the start of the process, on data that are there, to the first accepted reservation. */
  private void starts() throws IOException {
    if (!options.wants(START)) {
      return;
    }
    var dataDir = copy(START);
    var rounds = new Rounds();
    var theirs = new ArrayList<>(sessions.subList(0, 1));
    rounds.add(
        START,
        n -> {
          try (var server = environment.start(dataDir, JVM_FLAGS);
              var shop = new BenchShop(server, List.copyOf(theirs))) {
            shop.reserve(startSale);
            double seconds = (System.nanoTime() - server.spawnedAtNanoTime()) / 1e9;
            shop.tokens();
            theirs.set(0, shop.sessions().getFirst());
            return seconds;
          }
        });
    rounds.warmUp(out::println);
    rounds.measure(options.rounds(), out::println);
    figures.add(Figure.of(START, "s", Bound.UNDER, 4, rounds.of(START), Map.of()));
  }

  private double hot(
      Server server, BenchShop shop, Duration leadIn, int number, List<Double> memory) {
    var open = shop.openSale("hot " + number, 1, HOT_UNITS);
    shop.reserve(open);
    var requests = reservations(shop.tokens(), open.reservation());
    var round = load(server.url(), requests, leadIn, 201, "HELD");
    memory.add(residentMebibytes(server.pid()));
    shop.check(open, round.sent() + 1);
    return round.rate();
  }

  private double naive(NaiveProcess naive, BenchShop shop, int number) {
    var offer = NaivePeer.offer(number);
    var open = new Open(new UUID(0, 0), offer, NaivePeer.UNITS);
    var requests = reservations(shop.tokens(), open.reservation());
    var round = load(naive.url(), requests, LEAD_IN, 201, "HELD");
    long left = NaivePeer.UNITS - round.sent();
    get(naive.url(), "/offers/" + offer, "{\"available\":" + left + "}");
    return round.rate();
  }

  private double refusal(Server server, BenchShop shop, int number) {
    var open = shop.openSale("sold out " + number, 1, 1);
    shop.sellOut(open);
    var requests = reservations(shop.tokens(), open.reservation());
    double rate = load(server.url(), requests, LEAD_IN, 409, "SOLD_OUT").rate();
    shop.check(open, 1);
    return rate;
  }

  /** Without token and key: it does nothing but parse and answer. */
  private double noopPost(Server server) {
    var body = new Open(new UUID(0, 0), new UUID(0, 0), 0).reservation();
    var request = Request.of("POST", "/bench/noop", null, null, body);
    return load(server.url(), List.of(request), LEAD_IN, 201, "").rate();
  }

  private double saleRead(Server server, BenchShop shop, int number) {
    var open = shop.openSale("read " + number, SALE_OFFERS, 100);
    return get(server, "/api/v1/sales/" + open.saleId(), open.saleId().toString());
  }

  private double get(Server server, String path, String text) {
    var request = Request.of("GET", path, null, null, null);
    return load(server.url(), List.of(request), LEAD_IN, 200, text).rate();
  }

  private List<Request> reservations(List<String> tokens, String body) {
    var path = "/api/v1/reservations";
    return tokens.stream()
        .map(
            token ->
                options.keys()
                    ? Request.freshlyKeyed("POST", path, token, body)
                    : Request.of("POST", path, token, null, body))
        .toList();
  }

  private Load.Round load(
      URI server, List<Request> requests, Duration leadIn, int status, String text) {
    return Load.run(
        new Load.Plan(
            server, requests, options.connections(), leadIn, options.round(), status, text));
  }
}
