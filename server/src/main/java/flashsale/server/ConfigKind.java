package flashsale.server;

import java.math.BigDecimal;
import java.time.Duration;
import java.util.Locale;
import java.util.regex.Pattern;

/** What a setting's text may be, and the Java value it stands for. */
enum ConfigKind {
  /** Any text; a {@link String}. */
  TEXT("a text"),
  /** A text that is never printed; a {@link String}. */
  SECRET("a text"),
  /** One of a few words; a {@link String}. */
  CHOICE("a word"),
  /** A {@link Boolean}. */
  FLAG("true or false"),
  /** An {@link Integer}. */
  COUNT("a whole number"),
  /** A {@link Long}. */
  BYTES("a size"),
  /** A {@link Duration}. */
  TIME("a time"),
  /** A {@link Double}. */
  SHARE("a share");

  private static final Pattern SIZE = Pattern.compile("(\\d{1,12})\\s*(B|KiB|MiB|GiB)?");
  private static final Pattern NUMBER = Pattern.compile("\\d+(\\.\\d+)?");

  private final String expected;

  ConfigKind(String expected) {
    this.expected = expected;
  }

  /** What is expected, for messages: "a whole number". */
  String expected() {
    return expected;
  }

  /**
   * Reads a value.
   *
   * @throws IllegalArgumentException if it is not of this kind
   */
  Comparable<?> parse(String text) {
    return switch (this) {
      case TEXT, SECRET, CHOICE -> text;
      case FLAG -> flag(text);
      case COUNT -> Integer.valueOf(text);
      case BYTES -> bytes(text);
      case TIME -> Durations.parse(text);
      case SHARE -> new BigDecimal(text).doubleValue();
    };
  }

  /** The canonical text of a value of this kind. */
  String show(Object value) {
    return switch (value) {
      case Duration d -> Durations.show(d);
      case Long bytes -> showBytes(bytes);
      case Double share -> BigDecimal.valueOf(share).stripTrailingZeros().toPlainString();
      default -> value.toString();
    };
  }

  /** What somebody who wrote this probably meant; empty if there is no telling. */
  String guess(String text) {
    var word = text.strip().toLowerCase(Locale.ROOT);
    return switch (this) {
      case FLAG ->
          switch (word) {
            case "yes", "y", "on", "1", "enabled" -> "true";
            case "no", "n", "off", "0", "disabled" -> "false";
            default -> "";
          };
      case COUNT -> {
        var digits = word.replaceAll("[_,' ]", "");
        yield digits.matches("\\d{1,9}") ? digits : "";
      }
      case BYTES -> word.matches("\\d+\\s*[kmg]i?b?") ? size(word) : "";
      case TIME -> Durations.guess(word);
      case SHARE ->
          word.endsWith("%") && NUMBER.matcher(word.substring(0, word.length() - 1)).matches()
              ? new BigDecimal(word.substring(0, word.length() - 1))
                  .movePointLeft(2)
                  .stripTrailingZeros()
                  .toPlainString()
              : "";
      default -> "";
    };
  }

  private static String size(String word) {
    var digits = word.replaceAll("\\D", "");
    return digits + Character.toUpperCase(word.replaceAll("[\\d\\s]", "").charAt(0)) + "iB";
  }

  private static Boolean flag(String text) {
    return switch (text) {
      case "true" -> true;
      case "false" -> false;
      default -> throw new IllegalArgumentException(text);
    };
  }

  private static Long bytes(String text) {
    var matcher = SIZE.matcher(text);
    if (!matcher.matches()) {
      throw new IllegalArgumentException(text);
    }
    long number = Long.parseLong(matcher.group(1));
    return switch (matcher.group(2)) {
      case "KiB" -> number << 10;
      case "MiB" -> number << 20;
      case "GiB" -> number << 30;
      case null, default -> number;
    };
  }

  private static String showBytes(long bytes) {
    if (bytes > 0 && bytes % (1L << 30) == 0) {
      return (bytes >> 30) + "GiB";
    }
    if (bytes > 0 && bytes % (1L << 20) == 0) {
      return (bytes >> 20) + "MiB";
    }
    return bytes > 0 && bytes % (1L << 10) == 0 ? (bytes >> 10) + "KiB" : Long.toString(bytes);
  }
}
