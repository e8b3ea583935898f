package flashsale.lab;

import flashsale.lab.Accounts.Session;
import flashsale.lab.BenchShop.Open;
import flashsale.lab.Figure.Bound;
import flashsale.platform.messaging.RabbitNode;
import java.io.IOException;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/**
 * The product's measurements, each held against its bar. What is compared is measured in turn
 * within one run, on this machine, which also carries the load; every round that sells ends with
 * the audit. One benchmark at a time.
 */
public final class Bench {
  static final String HOT = "hot-reservation";
  static final String NOOP_POST = "noop POST";
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
      Stream.concat(
              Stream.of(
                  "hot-reservation/noop",
                  "hot-reservation/naive",
                  "refusal/noop",
                  "sale-read/noop",
                  "hot-reservation full/empty",
                  START,
                  MEMORY),
              Stream.concat(AsyncBench.NAMES.stream(), ClusterBench.NAMES.stream()))
          .toList();

  /** Those of requests that nobody waits for; measured only when they are named. */
  public static final List<String> ASYNC_NAMES = AsyncBench.NAMES;

  /** Those of separate services; the same holds. */
  public static final List<String> CLUSTER_NAMES = ClusterBench.NAMES;

  static final List<String> JVM_FLAGS = List.of("-Xmx256m", "-XX:+UseParallelGC");
  private static final int BACKLOG_MAX = 1_000_000;
  private static final Duration COPY_MAX = Duration.ofMinutes(5);

  /**
   * What to measure, and how long.
   *
   * @param only some of {@link #NAMES}; empty: all but {@link #ASYNC_NAMES} and {@link
   *     #CLUSTER_NAMES}
   * @param json where the figures are written; null: nowhere
   * @param rounds 1 to 100; medians need five
   * @param round how long each is measured
   * @param warmUp load on a freshly started server before it is measured
   * @param connections keep-alive, each with one request under way
   * @param keys whether each reservation carries an Idempotency-Key of its own
   * @param customers whose tokens are used in turn
   * @param filled holds and orders in the tables that count as full
   * @param backlog requests that are accepted in one burst
   * @param crowds how many customers come at a time to see whether anything fails
   * @param broker RabbitMQ's address; empty: what needs one starts its own
   * @param strict whether a missed bar is a failure
   * @param workDir for data directories; empty, or not there yet
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
      int backlog,
      List<Integer> crowds,
      Optional<String> broker,
      boolean strict,
      Path workDir) {
    public Options {
      only = List.copyOf(only);
      crowds = List.copyOf(crowds);
      for (var name : only) {
        if (!NAMES.contains(name)) {
          throw new IllegalArgumentException("There is no '" + name + "', only " + NAMES + ".");
        }
      }
      if (rounds < 1 || rounds > 100) {
        throw new IllegalArgumentException("1 to 100 rounds, not " + rounds + ".");
      }
      if (backlog < 1 || backlog > BACKLOG_MAX) {
        throw new IllegalArgumentException(
            "A backlog of 1 to " + BACKLOG_MAX + " requests, not " + backlog + ".");
      }
    }

    boolean wants(String name) {
      return only.isEmpty()
          ? !ASYNC_NAMES.contains(name) && !CLUSTER_NAMES.contains(name)
          : only.contains(name);
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
   * @throws RabbitNode.NotInstalled before anything is measured, if there is no broker and one is
   *     needed
   * @throws RuntimeException if a round is void: an answer that was not as planned, a breach
   */
  public static int run(Options options, BenchEnvironment environment, PrintStream out)
      throws IOException {
    Files.createDirectories(options.workDir());
    try (var there = Files.list(options.workDir())) {
      if (there.findAny().isPresent()) {
        throw new IllegalArgumentException(options.workDir() + " must be empty.");
      }
    }
    AsyncBench.requireBroker(options);
    if (CLUSTER_NAMES.stream().anyMatch(options::wants)) {
      environment.requireServices();
    }
    var bench = new Bench(options, environment, out);
    bench.makeTemplate();
    bench.shares();
    bench.figures.addAll(
        new AsyncBench(options, environment, bench::copy, bench.sessions, out::println).figures());
    bench.figures.addAll(
        new ClusterBench(options, environment, bench::copy, bench.sessions, out::println)
            .figures());
    bench.fullAgainstEmpty();
    bench.starts();
    var inOrder =
        NAMES.stream()
            .flatMap(n -> bench.figures.stream().filter(f -> f.name().equals(n)))
            .toList();
    out.print(Figure.table(inOrder));
    if (options.json() != null) {
      Files.writeString(options.json(), Figure.json(inOrder));
    }
    return options.strict() && !inOrder.stream().allMatch(Figure::met) ? 1 : 0;
  }

  /** A data directory with customers and one open sale; every measurement starts from a copy. */
  private void makeTemplate() {
    say(options.customers() + " customers sign up");
    try (var server = environment.start(template, JVM_FLAGS);
        var shop = BenchShop.visit(server, List.of())) {
      shop.signUp(options.customers());
      startSale = shop.openSale(START, 1, BenchRound.HOT_UNITS);
      shop.reserve(startSale);
      sessions = shop.sessions();
    }
  }

  private void shares() {
    if (!options.wantsAny(
        "hot-reservation/noop",
        "hot-reservation/naive",
        "refusal/noop",
        "sale-read/noop",
        MEMORY)) {
      return;
    }
    var rounds = new Rounds();
    var memory = new ArrayList<Double>();
    try (var server = environment.start(copy("shares"), JVM_FLAGS);
        var shop = BenchShop.visit(server, sessions);
        var naive =
            options.wants("hot-reservation/naive") ? NaiveProcess.start(server, JVM_FLAGS) : null) {
      var measured = new BenchRound(options, server, shop);
      if (options.wantsAny("hot-reservation/noop", "hot-reservation/naive", MEMORY)) {
        rounds.add(
            HOT,
            n -> {
              double rate = measured.hot(measured.leadIn(), n);
              memory.add(measured.residentMebibytes());
              return rate;
            });
      }
      if (naive != null) {
        rounds.add(NAIVE, n -> measured.naive(naive.url(), n));
      }
      if (options.wantsAny("hot-reservation/noop", "refusal/noop")) {
        rounds.add(NOOP_POST, n -> measured.noopPost());
      }
      if (options.wants("refusal/noop")) {
        rounds.add(REFUSAL, measured::refusal);
      }
      if (options.wants("sale-read/noop")) {
        rounds.add(NOOP_GET, n -> measured.noopGet());
        rounds.add(SALE_READ, measured::saleRead);
      }
      rounds.warmUpUntilSteady(out::println);
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

  private void share(
      String name, String unit, double bar, Rounds rounds, String one, String other) {
    if (options.wants(name)) {
      figures.add(rounds.share(name, unit, bar, one, other));
    }
  }

  /** Each round starts both servers anew, the empty one from the template. */
  private void fullAgainstEmpty() {
    var name = "hot-reservation full/empty";
    if (!options.wants(name)) {
      return;
    }
    var full = copy("full");
    say("filling the tables with " + options.filled() + " holds and orders");
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

  /**
   * The rate of a server that was just started and warmed up.
   *
   * @param theirs the customers' sessions on that data directory; replaced by newer ones
   */
  private double freshlyStarted(Path dataDir, List<Session> theirs, int number) {
    try (var server = environment.start(dataDir, JVM_FLAGS);
        var shop = BenchShop.visit(server, List.copyOf(theirs))) {
      double rate = new BenchRound(options, server, shop).hot(options.warmUp(), number);
      theirs.clear();
      theirs.addAll(shop.sessions());
      return rate;
    }
  }

  /** From the start of the process, on data that are there, to the first accepted reservation. */
  private void starts() {
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
            if (n == 0) {
              shop.awaitReady();
              shop.tokens();
            }
            shop.reserve(startSale);
            double seconds = (System.nanoTime() - server.spawnedAtNanoTime()) / 1e9;
            shop.tokens(); // The next start must not have to renew them.
            theirs.set(0, shop.sessions().getFirst());
            return seconds;
          }
        });
    rounds.warmUp(out::println);
    rounds.measure(options.rounds(), out::println);
    figures.add(Figure.of(START, "s", Bound.UNDER, 4, rounds.of(START), Map.of()));
  }

  /** A new copy of the template, whose server is not running. */
  private Path copy(String name) {
    try {
      return copyOfTemplate(name);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private Path copyOfTemplate(String name) throws IOException {
    var target = options.workDir().resolve(name);
    delete(target);
    // Permissions and owners must stay as they are: PostgreSQL looks at them.
    var process =
        new ProcessBuilder("cp", "-a", template.toString(), target.toString()).inheritIO().start();
    try {
      if (!process.waitFor(COPY_MAX.toSeconds(), TimeUnit.SECONDS) || process.exitValue() != 0) {
        process.destroyForcibly();
        throw new IOException("copying " + template + " to " + target + " failed");
      }
    } catch (InterruptedException e) {
      process.destroyForcibly();
      Thread.currentThread().interrupt();
      throw new IOException("interrupted", e);
    }
    return target;
  }

  private static void delete(Path folder) throws IOException {
    if (Files.exists(folder)) {
      try (var all = Files.walk(folder)) {
        for (var path : all.sorted(Comparator.reverseOrder()).toList()) {
          Files.delete(path);
        }
      }
    }
  }

  private void say(String words) {
    out.println(words);
  }
}
