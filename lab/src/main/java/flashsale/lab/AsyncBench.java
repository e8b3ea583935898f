package flashsale.lab;

import static flashsale.lab.Bench.HOT;
import static flashsale.lab.Bench.JVM_FLAGS;
import static flashsale.lab.Bench.NOOP_POST;

import flashsale.lab.Accounts.Session;
import flashsale.lab.Figure.Bound;
import flashsale.lab.Figure.Series;
import flashsale.platform.messaging.RabbitNode;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.Function;

/**
 * The measurements of requests that are answered with 202 and done later: over the direct bus, and
 * where a broker is named or {@link #RABBIT} is measured, over RabbitMQ in the same run. Used by
 * one thread, once.
 */
final class AsyncBench {
  private static final String ACCEPT = "async-accept/noop";
  private static final String RABBIT = "async-rabbitmq/direct";
  private static final String LOCAL = "async-local/direct";
  private static final String P95 = "async-p95";
  private static final String BACKLOG = "async-backlog";
  private static final String FAILURES = "async-failures";

  static final List<String> NAMES = List.of(ACCEPT, RABBIT, LOCAL, P95, BACKLOG, FAILURES);

  private static final String ACCEPTED = "accepted";
  private static final String ENDED = "accepted, to the end";
  private static final String ENDED_RABBIT = "the same, RabbitMQ";
  private static final String OVER_RABBIT = ", RabbitMQ";

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
  AsyncBench(
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

  /** Fails if a broker is needed and there can be none. */
  static void requireBroker(Bench.Options options) {
    if (options.wants(RABBIT) && options.broker().isEmpty()) {
      RabbitNode.requireAvailable();
    }
  }

  /** Those of {@link #NAMES} that are wanted, measured. */
  List<Figure> figures() {
    if (options.broker().isPresent() || !options.wants(RABBIT)) {
      measure(options.broker());
    } else {
      told.accept("starting a broker");
      try (var node = RabbitNode.start(options.workDir().resolve("rabbitmq"), "")) {
        measure(Optional.of(node.url()));
      }
    }
    return figures;
  }

  private void measure(Optional<String> broker) {
    if (options.wantsAny(ACCEPT, LOCAL, RABBIT, P95, FAILURES)) {
      try (var local = side("accepting", Optional.empty());
          var rabbit = broker.isPresent() ? side("rabbit", broker) : null) {
        measure(local, Optional.ofNullable(rabbit));
      }
    }
    if (options.wants(BACKLOG)) {
      backlog(broker);
    }
  }

  /** A running server, and what a round does there. */
  private record Side(BenchEnvironment.Server server, BenchShop shop, BenchRound round)
      implements AutoCloseable {
    @Override
    public void close() {
      shop.close();
      server.close();
    }
  }

  private Side side(String name, Optional<String> broker) {
    var server = environment.start(copy.apply(name), JVM_FLAGS, broker);
    var shop = new BenchShop(server, sessions);
    var side = new Side(server, shop, new BenchRound(options, server, shop));
    try {
      shop.awaitReady();
      return side;
    } catch (RuntimeException e) {
      side.close();
      throw e;
    }
  }

  private void measure(Side local, Optional<Side> rabbit) {
    if (options.wantsAny(ACCEPT, LOCAL, RABBIT, P95)) {
      var rates = rates(local, rabbit);
      if (options.wants(P95)) {
        p95(local, rabbit, rates);
      }
    }
    if (options.wants(FAILURES)) {
      failures(local, rabbit);
    }
  }

  private Rounds rates(Side local, Optional<Side> rabbit) {
    var rounds = new Rounds();
    var ended = new ArrayList<Double>();
    if (options.wantsAny(LOCAL, RABBIT)) {
      rounds.add(HOT, n -> local.round().hot(local.round().leadIn(), n));
    }
    rounds.add(
        ACCEPTED,
        n -> {
          var both = local.round().accepting(n);
          ended.add(both.ended());
          return both.accepted();
        });
    rabbit.ifPresent(r -> rounds.add(ENDED_RABBIT, n -> r.round().accepting(n).ended()));
    if (options.wants(ACCEPT)) {
      rounds.add(NOOP_POST, n -> local.round().noopPost());
    }
    rounds.warmUpUntilSteady(told);
    ended.clear();
    rounds.measure(options.rounds(), told);
    rounds.add(ENDED, ended);
    if (options.wants(ACCEPT)) {
      figures.add(rounds.share(ACCEPT, "share", 0.5, ACCEPTED, NOOP_POST));
    }
    if (options.wants(RABBIT)) {
      figures.add(rounds.share(RABBIT, "share", 0.5, ENDED_RABBIT, HOT));
    }
    if (options.wants(LOCAL)) {
      figures.add(rounds.share(LOCAL, "share", 0.6, ENDED, HOT));
    }
    return rounds;
  }

  /**
   * The figure is that of the direct bus; RabbitMQ's, at half of its own rate, stands beside it.
   */
  private void p95(Side local, Optional<Side> rabbit, Rounds rates) {
    var rounds = new Rounds();
    double half = Figure.median(rates.of(ENDED)) / 2;
    var name = paced("p95", half);
    rounds.add(name, n -> local.round().endToEndP95(n, half));
    var behind = new LinkedHashMap<String, Series>();
    var names = new ArrayList<>(List.of(name));
    rabbit.ifPresent(
        r -> {
          double halfOfIts = Figure.median(rates.of(ENDED_RABBIT)) / 2;
          names.add(paced("RabbitMQ", halfOfIts));
          rounds.add(names.getLast(), n -> r.round().endToEndP95(n, halfOfIts));
        });
    rounds.warmUp(told);
    rounds.measure(options.rounds(), told);
    names.forEach(series -> behind.put(series, new Series("ms", rounds.of(series))));
    figures.add(Figure.of(P95, "ms", Bound.UNDER, 250, rounds.of(name), behind));
  }

  private static String paced(String what, double perSecond) {
    return String.format(Locale.ROOT, "%s at %,.0f/s", what, perSecond);
  }

  /** Servers of their own, one after the other, whose memory is then that of backlogs only. */
  private void backlog(Optional<String> broker) {
    var behind = new LinkedHashMap<String, Series>();
    var drained = bursts("backlog", Optional.empty(), "", behind);
    if (broker.isPresent()) {
      var others = new LinkedHashMap<String, Series>();
      var rates = bursts("backlog-rabbit", broker, OVER_RABBIT, others);
      behind.put("drained" + OVER_RABBIT, Series.rates(rates));
      behind.putAll(others);
    }
    figures.add(Figure.shown(BACKLOG, "/s", drained, behind));
  }

  /** The rates at which bursts were brought to their end, and what else is told of them. */
  private List<Double> bursts(
      String server, Optional<String> broker, String suffix, Map<String, Series> behind) {
    var name = BACKLOG + suffix;
    var accepted = new ArrayList<Double>();
    var open = new ArrayList<Double>();
    var resident = new ArrayList<Double>();
    var rounds = new Rounds();
    try (var measured = side(server, broker)) {
      rounds.add(
          name,
          n -> {
            var burst = measured.round().backlog(n, options.backlog());
            accepted.add(burst.accepted());
            open.add(burst.open());
            resident.add(measured.round().residentMebibytesMax());
            return burst.ended();
          });
      rounds.warmUp(told);
      List.of(accepted, open, resident).forEach(List::clear);
      rounds.measure(options.rounds(), told);
    }
    behind.put("accepted in the burst" + suffix, Series.rates(accepted));
    behind.put("open when it was over" + suffix, new Series("of " + options.backlog(), open));
    behind.put("resident, the most ever" + suffix, new Series("MiB", resident));
    return rounds.of(name);
  }

  /** As long as all rounds together would take, for each number of customers. */
  private void failures(Side local, Optional<Side> rabbit) {
    var time = options.round().multipliedBy(options.rounds());
    var counts = new ArrayList<Double>();
    var behind = new LinkedHashMap<String, Series>();
    for (int customers : options.crowds()) {
      failures(local, customers + " customers", customers, time, counts, behind);
      rabbit.ifPresent(r -> failures(r, customers + OVER_RABBIT, customers, time, counts, behind));
    }
    figures.add(Figure.none(FAILURES, counts, behind));
  }

  private void failures(
      Side side,
      String name,
      int customers,
      Duration time,
      List<Double> counts,
      Map<String, Series> behind) {
    told.accept(name + " come for " + time.toSeconds() + " s");
    var rush = side.round().rush(customers, time);
    told.accept(
        String.format(
            Locale.ROOT,
            "%s: %,.0f accepted, %.0f failures",
            name,
            rush.accepted(),
            rush.failures()));
    counts.add(rush.failures());
    behind.put(name, new Series("accepted", List.of(rush.accepted())));
  }
}
