package flashsale.lab;

import static flashsale.lab.Bench.HOT;
import static flashsale.lab.Bench.JVM_FLAGS;

import flashsale.lab.Accounts.Session;
import flashsale.lab.BenchEnvironment.Server;
import flashsale.lab.BenchEnvironment.Services;
import flashsale.lab.Figure.Bound;
import flashsale.lab.Figure.Series;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.Function;

/**
 * The measurements of separate services, all on this machine, behind their gateway. Used by one
 * thread, once.
 */
final class ClusterBench {
  private static final String SPLIT = "cluster/one-process";
  private static final String INVENTORIES = "two-inventories/one";
  private static final String READ = "gateway-read/static";
  private static final String HANGING = "hanging-peer-p95";
  private static final String JOURNEY = "journey";

  static final List<String> NAMES = List.of(SPLIT, INVENTORIES, READ, HANGING, JOURNEY);

  private static final String SERVICES = "the same, separate services";
  private static final String ONE = "one inventory";
  private static final String TWO = "two inventories";
  private static final String SALE = "sale through the gateway";

  /** The gateway answers everybody from its pages, and asks the catalogue for who shows a token. */
  private static final String SALE_ITSELF = "with a token";

  private static final String STILL = "static file";

  /** What a role that hangs is; nothing that is measured meanwhile needs it. */
  private static final String HANGS = "payments";

  /** A load that is easily kept up with, so that its times tell of the hanging role. */
  private static final double STEADY_PER_SECOND = 200;

  /** What hangs for longer is taken for dead and started again. */
  private static final Duration STEADY_MAX = Duration.ofSeconds(4);

  /** Kinds of failures of one crowd that are told. */
  private static final int WORDS_MAX = 20;

  private final Bench.Options options;
  private final BenchEnvironment environment;
  private final Function<String, Path> copy;
  private final List<Session> sessions;
  private final Consumer<String> told;
  private final List<Figure> figures = new ArrayList<>();

  /**
   * Measures nothing yet.
   *
   * @param copy a new data directory of this name, with these customers' sessions
   * @param told what is being done
   */
  ClusterBench(
      Bench.Options options,
      BenchEnvironment environment,
      Function<String, Path> copy,
      List<Session> sessions,
      Consumer<String> told) {
    this.options = options;
    this.environment = environment;
    this.copy = copy;
    this.sessions = sessions;
    this.told = told;
  }

  /** Those of {@link #NAMES} that are wanted, measured. */
  List<Figure> figures() {
    if (options.wants(SPLIT)) {
      split();
    }
    if (options.wants(INVENTORIES)) {
      inventories();
    }
    if (options.wantsAny(READ, HANGING, JOURNEY)) {
      try (var side = services("services", 1)) {
        if (options.wants(READ)) {
          reads(side);
        }
        if (options.wants(HANGING)) {
          hanging(side);
        }
        if (options.wants(JOURNEY)) {
          journeys(side);
        }
      }
    }
    return figures;
  }

  /** What runs, and what a round does there. */
  private record Side<S extends Server>(S server, BenchShop shop, BenchRound round)
      implements AutoCloseable {
    double hot(int number) {
      return round.hot(round.leadIn(), number);
    }

    @Override
    public void close() {
      shop.close();
      server.close();
    }
  }

  private Side<Services> services(String name, int inventories) {
    told.accept("starting separate services, " + inventories + " with the ledger");
    return visited(environment.startServices(copy.apply(name), inventories));
  }

  private <S extends Server> Side<S> visited(S server) {
    var shop = new BenchShop(server, sessions);
    var side = new Side<>(server, shop, new BenchRound(options, server, shop));
    try {
      shop.awaitReady();
      return side;
    } catch (RuntimeException e) {
      side.close();
      throw e;
    }
  }

  private void split() {
    var rounds = new Rounds();
    try (var whole = visited(environment.start(copy.apply("whole"), JVM_FLAGS));
        var split = services("split", 1)) {
      rounds.add(HOT, whole::hot);
      rounds.add(SERVICES, split::hot);
      measured(rounds);
    }
    figures.add(rounds.share(SPLIT, "share", 0.25, SERVICES, HOT));
  }

  private void inventories() {
    var rounds = new Rounds();
    try (var one = services("one", 1);
        var two = services("two", 2)) {
      rounds.add(ONE, one::hot);
      rounds.add(TWO, two::hot);
      measured(rounds);
    }
    figures.add(rounds.share(INVENTORIES, "share", 0.9, TWO, ONE));
  }

  private void measured(Rounds rounds) {
    rounds.warmUpUntilSteady(told);
    rounds.measure(options.rounds(), told);
  }

  private void reads(Side<Services> side) {
    var sale = side.round().openForReading(0);
    var still = side.server().still(body(side, sale));
    var address = side.server().url().resolve(BenchRound.path(sale));
    var rounds = new Rounds();
    var token = side.shop().tokens().getFirst();
    rounds.add(SALE, n -> side.round().read(address, null));
    rounds.add(SALE_ITSELF, n -> side.round().read(address, token));
    rounds.add(STILL, n -> side.round().read(still, null));
    measured(rounds);
    figures.add(rounds.share(READ, "share", 0.5, SALE, STILL, SALE_ITSELF));
  }

  private static byte[] body(Side<Services> side, BenchShop.Open sale) {
    try (var client = new Client(side.server()::url, new Tally())) {
      var path = BenchRound.path(sale);
      return client
          .call("sale", "GET", path, null, null, null)
          .body()
          .toString()
          .getBytes(StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** In each round the worse of the two ratios. */
  private void hanging(Side<Services> side) {
    var round = side.round();
    var measured = options.round().compareTo(STEADY_MAX) < 0 ? options.round() : STEADY_MAX;
    var sale = round.openForReading(0);
    var ratios = new ArrayList<Double>();
    var behind = new LinkedHashMap<String, List<Double>>();
    for (int number = 0; number <= options.rounds(); number++) {
      var hot = side.shop().openSale("steady " + number, 1, BenchRound.HOT_UNITS);
      side.shop().reserve(hot);
      var before = round.steady(sale, hot, STEADY_PER_SECOND, measured);
      BenchRound.Steady meanwhile;
      side.server().hang(HANGS, true);
      try {
        meanwhile = round.steady(sale, hot, STEADY_PER_SECOND, measured);
      } finally {
        side.server().hang(HANGS, false);
      }
      side.shop().audit(hot);
      double ratio =
          Math.max(
              meanwhile.read() / before.read(), meanwhile.reservation() / before.reservation());
      told.accept(
          String.format(
              Locale.ROOT, "round %d: %.2f times, %s, %s", number, ratio, before, meanwhile));
      if (number > 0) {
        ratios.add(ratio);
        keep(behind, "reads", before.read(), meanwhile.read());
        keep(behind, "reservations", before.reservation(), meanwhile.reservation());
      }
    }
    var series = new LinkedHashMap<String, Series>();
    behind.forEach((name, values) -> series.put(name, new Series("ms", List.copyOf(values))));
    figures.add(Figure.of(HANGING, "times", Bound.AT_MOST, 1.2, ratios, series));
  }

  private static void keep(
      Map<String, List<Double>> series, String name, double before, double meanwhile) {
    series.computeIfAbsent(name + " before", n -> new ArrayList<>()).add(before);
    series.computeIfAbsent(name + ", a peer hangs", n -> new ArrayList<>()).add(meanwhile);
  }

  private void journeys(Side<Services> side) {
    var failures = new ArrayList<Double>();
    var behind = new LinkedHashMap<String, Series>();
    int number = 0;
    for (int customers : options.crowds()) {
      for (boolean async : List.of(false, true)) {
        var name = customers + (async ? " customers, async" : " customers, sync");
        told.accept(name + " come");
        var journey = side.round().journey(customers, async, ++number);
        told.accept(
            String.format(
                Locale.ROOT,
                "%s: p95 %.0f ms, %d paid, %d refused by a rule, %d told to come later, %d failures",
                name,
                journey.p95(),
                journey.paid(),
                journey.refused(),
                journey.busy(),
                journey.failures()));
        journey.words().stream().limit(WORDS_MAX).forEach(told);
        failures.add((double) journey.failures());
        behind.put(name, new Series("ms, p95", List.of(journey.p95())));
      }
    }
    figures.add(Figure.none(JOURNEY, failures, behind));
  }
}
