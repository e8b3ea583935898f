package flashsale.server;

import java.time.DateTimeException;
import java.time.Duration;
import java.util.regex.Pattern;

/**
 * Times as people write them: {@code 250ms}, {@code 5s}, {@code 1m30s}, {@code 12h}, {@code 30d}.
 */
final class Durations {
  private static final Pattern PART = Pattern.compile("(\\d{1,9})(ms|s|m|h|d)");
  private static final Pattern WHOLE = Pattern.compile("(" + PART.pattern() + ")+");
  private static final String[] UNITS = {"d", "h", "m", "s", "ms"};

  private Durations() {}

  /**
   * Reads one; {@code 0} needs no unit.
   *
   * @throws IllegalArgumentException if it is none
   */
  static Duration parse(String text) {
    if (text.equals("0")) {
      return Duration.ZERO;
    }
    if (!WHOLE.matcher(text).matches()) {
      throw new IllegalArgumentException(text);
    }
    var sum = Duration.ZERO;
    var part = PART.matcher(text);
    while (part.find()) {
      sum = sum.plus(unit(part.group(2)).multipliedBy(Long.parseLong(part.group(1))));
    }
    return sum;
  }

  /** The shortest text that {@link #parse} reads as this time; what is below 1 ms is cut off. */
  static String show(Duration duration) {
    var text = new StringBuilder();
    var rest = Duration.ofMillis(duration.toMillis());
    for (var unit : UNITS) {
      long count = rest.dividedBy(unit(unit));
      if (count > 0) {
        text.append(count).append(unit);
        rest = rest.minus(unit(unit).multipliedBy(count));
      }
    }
    return text.isEmpty() ? "0" : text.toString();
  }

  /** What was probably meant by a text that is no time; empty if there is no telling. */
  static String guess(String text) {
    if (text.matches("\\d{1,9}")) {
      return text + "s";
    }
    try {
      return show(Duration.parse(text));
    } catch (DateTimeException e) {
      var spelled =
          text.replaceAll("[\\s_]", "")
              .replaceAll("(millis(econds?)?|msecs?)$", "ms")
              .replaceAll("(?<=\\d)(seconds?|secs?)$", "s")
              .replaceAll("(?<=\\d)(minutes?|mins?)$", "m")
              .replaceAll("(?<=\\d)(hours?|hrs?)$", "h")
              .replaceAll("(?<=\\d)days?$", "d");
      return WHOLE.matcher(spelled).matches() ? spelled : "";
    }
  }

  private static Duration unit(String unit) {
    return switch (unit) {
      case "d" -> Duration.ofDays(1);
      case "h" -> Duration.ofHours(1);
      case "m" -> Duration.ofMinutes(1);
      case "s" -> Duration.ofSeconds(1);
      default -> Duration.ofMillis(1);
    };
  }
}
