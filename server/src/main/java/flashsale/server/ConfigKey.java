package flashsale.server;

import java.util.List;
import java.util.Locale;
import java.util.regex.Pattern;

/**
 * One setting: all that is known of it stands in {@link ConfigKeys}.
 *
 * @param name {@code section.name}; what is counted or measured, without a unit where the kind has
 *     one
 * @param otherwise the default's text
 * @param min the lowest text allowed; null where the kind has no order
 * @param max the highest text allowed
 * @param words what a CHOICE may be
 * @param doc one line: what it does, and what happens at its limit
 */
record ConfigKey(
    String name,
    ConfigKind kind,
    String otherwise,
    String min,
    String max,
    List<String> words,
    String doc) {
  private static final String ENVIRONMENT_PREFIX = "FLASHSALE_";

  /** Between a small letter and a capital, and before the last capital of several: At|A|Time. */
  private static final Pattern WORD_START =
      Pattern.compile("(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])");

  static ConfigKey text(String name, String otherwise, String doc) {
    return new ConfigKey(name, ConfigKind.TEXT, otherwise, null, null, List.of(), doc);
  }

  static ConfigKey secret(String name, String doc) {
    return new ConfigKey(name, ConfigKind.SECRET, "", null, null, List.of(), doc);
  }

  static ConfigKey choice(String name, String otherwise, List<String> words, String doc) {
    return new ConfigKey(name, ConfigKind.CHOICE, otherwise, null, null, words, doc);
  }

  static ConfigKey flag(String name, boolean otherwise, String doc) {
    return new ConfigKey(
        name, ConfigKind.FLAG, Boolean.toString(otherwise), null, null, List.of(), doc);
  }

  static ConfigKey count(String name, int otherwise, int min, int max, String doc) {
    return new ConfigKey(
        name,
        ConfigKind.COUNT,
        Integer.toString(otherwise),
        Integer.toString(min),
        Integer.toString(max),
        List.of(),
        doc);
  }

  static ConfigKey bytes(String name, String otherwise, String min, String max, String doc) {
    return new ConfigKey(name, ConfigKind.BYTES, otherwise, min, max, List.of(), doc);
  }

  static ConfigKey time(String name, String otherwise, String min, String max, String doc) {
    return new ConfigKey(name, ConfigKind.TIME, otherwise, min, max, List.of(), doc);
  }

  static ConfigKey share(String name, String otherwise, String doc) {
    return new ConfigKey(name, ConfigKind.SHARE, otherwise, "0", "1", List.of(), doc);
  }

  String section() {
    return name.substring(0, name.indexOf('.'));
  }

  /** {@code http.bodyMax} is {@code FLASHSALE_HTTP_BODY_MAX} in the environment. */
  String environmentName() {
    return ENVIRONMENT_PREFIX
        + WORD_START.matcher(name.replace('.', '_')).replaceAll("_").toUpperCase(Locale.ROOT);
  }

  /** The default as a value. */
  Object defaultValue() {
    return kind.parse(otherwise);
  }

  /** What is allowed, for people: "a whole number from 0 to 65535". */
  String allowed() {
    if (kind == ConfigKind.CHOICE) {
      return "one of " + String.join(", ", words);
    }
    return min == null ? kind.expected() : kind.expected() + " from " + min + " to " + max;
  }

  /**
   * Reads a value.
   *
   * @throws IllegalArgumentException with a sentence that says what is wrong and what was meant
   */
  Object parse(String text) {
    Comparable<?> value;
    try {
      value = kind.parse(text);
    } catch (IllegalArgumentException e) {
      throw wrong(text, kind.guess(text));
    }
    if (kind == ConfigKind.CHOICE && !words.contains(text)) {
      throw wrong(text, Nearest.to(text, words).orElse(""));
    }
    if (min != null && (compare(value, min) < 0 || compare(value, max) > 0)) {
      throw wrong(text, "");
    }
    if (text.indexOf('\0') >= 0) {
      throw wrong(text, "");
    }
    return value;
  }

  private IllegalArgumentException wrong(String text, String meant) {
    var shown = kind == ConfigKind.SECRET ? "what is given" : "\"" + shorten(text) + "\"";
    return new IllegalArgumentException(
        "%s must be %s, not %s.%s"
            .formatted(
                name, allowed(), shown, meant.isEmpty() ? "" : " Did you mean " + meant + "?"));
  }

  private static String shorten(String text) {
    return text.length() <= 60 ? text : text.substring(0, 60) + "…";
  }

  @SuppressWarnings("unchecked") // Both sides were read by the same kind.
  private int compare(Comparable<?> value, String bound) {
    return ((Comparable<Object>) value).compareTo(kind.parse(bound));
  }
}
