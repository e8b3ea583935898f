package flashsale.lab;

import com.fasterxml.jackson.core.JsonProcessingException;
import flashsale.platform.json.Json;
import java.util.Formatter;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * One measurement beside the bar it is held against.
 *
 * @param value the median of the rounds; of what is counted, all of them together
 * @param rounds in the order in which they were measured
 * @param behind the series that it was computed from, or that explain it
 */
public record Figure(
    String name,
    double value,
    String unit,
    double bar,
    Bound bound,
    List<Double> rounds,
    Map<String, Series> behind) {
  /** What was measured besides, round by round. */
  public record Series(String unit, List<Double> rounds) {
    /** So many a second. */
    static Series rates(List<Double> rounds) {
      return new Series("/s", List.copyOf(rounds));
    }
  }

  /** On which side of the bar it is good to be. */
  public enum Bound {
    AT_LEAST("at least"),
    UNDER("under"),
    AT_MOST("at most"),
    /** There is no bar. */
    SHOWN("shown");

    private final String words;

    Bound(String words) {
      this.words = words;
    }
  }

  private static final double KEPT_DIGITS = 1e4;

  /** From its rounds, at least one. */
  static Figure of(
      String name,
      String unit,
      Bound bound,
      double bar,
      List<Double> rounds,
      Map<String, Series> behind) {
    return new Figure(name, median(rounds), unit, bar, bound, List.copyOf(rounds), behind);
  }

  /** One that is held against no bar. */
  static Figure shown(String name, String unit, List<Double> rounds, Map<String, Series> behind) {
    return of(name, unit, Bound.SHOWN, 0, rounds, behind);
  }

  /** Of things that must not happen: all of them together. */
  static Figure none(String name, List<Double> counts, Map<String, Series> behind) {
    double all = counts.stream().mapToDouble(n -> n).sum();
    return new Figure(name, all, "", 0, Bound.AT_MOST, List.copyOf(counts), behind);
  }

  /** The middle one; of an even number, the mean of the two in the middle. */
  static double median(List<Double> values) {
    if (values.isEmpty()) {
      throw new IllegalArgumentException("no rounds, no median");
    }
    var sorted = values.stream().sorted().toList();
    int half = sorted.size() / 2;
    return sorted.size() % 2 == 1
        ? sorted.get(half)
        : (sorted.get(half - 1) + sorted.get(half)) / 2;
  }

  /** Whether the bar is met. */
  public boolean met() {
    return switch (bound) {
      case AT_LEAST -> value >= bar;
      case UNDER -> value < bar;
      case AT_MOST -> value <= bar;
      case SHOWN -> true;
    };
  }

  /** A table for people. */
  public static String table(List<Figure> figures) {
    var text = new Formatter(Locale.ROOT);
    text.format(
        "%-28s %10s %-5s %-16s %-18s %s%n", "what", "value", "", "bar", "rounds", "verdict");
    for (var f : figures) {
      text.format(
          "%-28s %10.2f %-5s %-16s %-18s %s%n",
          f.name,
          f.value,
          f.unit,
          f.bound == Bound.SHOWN ? "" : String.format(Locale.ROOT, "%s %.2f", f.bound.words, f.bar),
          String.format(Locale.ROOT, "%.2f to %.2f", f.least(), f.most()),
          f.verdict());
      f.behind.forEach(
          (series, of) ->
              text.format("  %-26s %10.0f %s%n", series, median(of.rounds()), of.unit()));
    }
    return text.toString();
  }

  /** An array of objects with name, value, unit, bar, comparison, rounds and behind. */
  public static String json(List<Figure> figures) {
    try {
      return Json.tolerant()
          .writerWithDefaultPrettyPrinter()
          .writeValueAsString(figures.stream().map(Figure::members).toList());
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("figures are plain values", e);
    }
  }

  private Map<String, Object> members() {
    var members = new LinkedHashMap<String, Object>();
    members.put("name", name);
    members.put("value", rounded(value));
    members.put("unit", unit);
    members.put("bar", bound == Bound.SHOWN ? null : bar);
    members.put("comparison", bound.words);
    members.put("rounds", rounds.stream().map(Figure::rounded).toList());
    var series = new LinkedHashMap<String, Object>();
    behind.forEach((n, of) -> series.put(n, of.rounds().stream().map(Figure::rounded).toList()));
    members.put("behind", series);
    return members;
  }

  private String verdict() {
    if (bound == Bound.SHOWN) {
      return bound.words;
    }
    if (bar == 0 && !met()) {
      return String.format(Locale.ROOT, "missed by %.0f", value);
    }
    return met()
        ? "met"
        : String.format(
            Locale.ROOT, "missed by %.2f (%.0f %%)", Math.abs(value - bar), missedPercent());
  }

  private double missedPercent() {
    return 100 * Math.abs(value - bar) / bar;
  }

  private double least() {
    return rounds.stream().mapToDouble(r -> r).min().orElseThrow();
  }

  private double most() {
    return rounds.stream().mapToDouble(r -> r).max().orElseThrow();
  }

  private static double rounded(double value) {
    return Math.round(value * KEPT_DIGITS) / KEPT_DIGITS;
  }
}
