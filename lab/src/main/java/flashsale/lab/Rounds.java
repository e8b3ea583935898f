package flashsale.lab;

import flashsale.lab.Figure.Bound;
import flashsale.lab.Figure.Series;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.IntToDoubleFunction;

/**
 * Several things measured in turn within one run, so that what changes on the machine meanwhile
 * changes all of them: each round takes every contestant once, every second round in the opposite
 * order. Used by one thread.
 */
final class Rounds {
  private static final double MUCH_FASTER = 1.15;
  private static final int WARM_UPS_MAX = 10;

  private final Map<String, IntToDoubleFunction> contestants = new LinkedHashMap<>();
  private final Map<String, List<Double>> series = new LinkedHashMap<>();

  /**
   * Takes part from the next round on.
   *
   * @param round measures once, given the round's number; 0 is for warming up and is not kept
   */
  void add(String name, IntToDoubleFunction round) {
    contestants.put(name, round);
    series.put(name, new ArrayList<>());
  }

  /** What one of the contestants measured besides, in the order of the rounds. */
  void add(String name, List<Double> values) {
    series.put(name, List.copyOf(values));
  }

  /** All contestants once, unmeasured. */
  void warmUp(Consumer<String> told) {
    warmUpOnce(new HashMap<>(), told);
  }

  /**
   * All contestants, unmeasured, until none of them is much faster than it ever was before:
   * programs that have just been started compile themselves for minutes when they are many.
   */
  void warmUpUntilSteady(Consumer<String> told) {
    var best = new HashMap<String, Double>();
    int passes = 0;
    do {
      passes++;
    } while (warmUpOnce(best, told) && passes < WARM_UPS_MAX);
  }

  /** Whether one of them was much faster than its best so far, which is kept. */
  private boolean warmUpOnce(Map<String, Double> best, Consumer<String> told) {
    boolean faster = false;
    for (var contestant : contestants.entrySet()) {
      double value = contestant.getValue().applyAsDouble(0);
      told.accept("warm-up " + line(contestant.getKey(), value));
      faster |= value > MUCH_FASTER * best.getOrDefault(contestant.getKey(), 0.0);
      best.merge(contestant.getKey(), value, Math::max);
    }
    return faster;
  }

  /** Rounds 1 to {@code count}. */
  void measure(int count, Consumer<String> told) {
    for (int number = 1; number <= count; number++) {
      var order = List.copyOf(contestants.keySet());
      for (var name : number % 2 == 1 ? order : order.reversed()) {
        double value = contestants.get(name).applyAsDouble(number);
        series.get(name).add(value);
        told.accept("round " + number + "/" + count + " " + line(name, value));
      }
    }
  }

  List<Double> of(String name) {
    return List.copyOf(series.get(name));
  }

  /** One contestant as a share of another, round by round. */
  List<Double> share(String name, String of) {
    var shares = new ArrayList<Double>();
    for (int i = 0; i < series.get(name).size(); i++) {
      shares.add(series.get(name).get(i) / series.get(of).get(i));
    }
    return shares;
  }

  /**
   * That share beside its bar.
   *
   * @param besides contestants that are told too
   */
  Figure share(String name, String unit, double bar, String one, String other, String... besides) {
    var behind = new LinkedHashMap<String, Series>();
    behind.put(one, Series.rates(of(one)));
    behind.put(other, Series.rates(of(other)));
    for (var beside : besides) {
      behind.put(beside, Series.rates(of(beside)));
    }
    return Figure.of(name, unit, Bound.AT_LEAST, bar, share(one, other), behind);
  }

  private static String line(String name, double value) {
    return String.format(Locale.ROOT, "%-24s %,12.1f", name, value);
  }
}
