package flashsale.acceptance;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Bodies that nobody in good faith would send, as raw text: JSON, nearly JSON, and anything. */
final class HostileInput {
  /** What is no JSON object at all, or no object of any interface. */
  static final List<String> BODIES =
      List.of(
          "",
          " ",
          "x",
          "null",
          "true",
          "0",
          "\"text\"",
          "[]",
          "[{}]",
          "{",
          "{}}",
          "{} {}",
          "{'a':1}",
          "{\"a\":1,}",
          "{\"unknownField\":1}",
          "{\"a\":NaN}",
          "\u0000",
          "{\"\\u0000\":1}",
          "<xml/>",
          "a=1&b=2",
          "{\"a\":" + "[".repeat(500) + "]".repeat(500) + "}",
          "[".repeat(30_000),
          "{\"a\":".repeat(5_000),
          "{\"a\":" + "9".repeat(10_000) + "}",
          "{\"a\":1,\"a\":2}");

  /** Values that fit no field, each as JSON. */
  static final List<String> VALUES =
      List.of(
          "null",
          "true",
          "{}",
          "[]",
          "[null]",
          "-1",
          "0.5",
          "1e400",
          "-1e400",
          "1e2147483647",
          "2147483648",
          "9223372036854775807",
          "9223372036854775808",
          "9".repeat(39),
          "\"\"",
          "\" \"",
          "\"5\"",
          "\"\\u0000\"",
          "\"a\\u0000b\"",
          "\"\\ud800\"",
          "\"\\udc00x\"",
          "\"x\\ud800\"",
          "\"" + "x".repeat(20_000) + "\"",
          "\"00000000-0000-0000-0000-00000000000g\"",
          "\"1-1-1-1-1\"",
          "\"2026-99-99T99:99:99Z\"",
          "\"+1000000000-12-31T23:59:59Z\"",
          "\"-999999999-01-01T00:00:00Z\"");

  /** Strange, but text all the same: where a field is free text it may be taken. */
  static final List<String> TEXTS =
      List.of(
          "\"' OR '1'='1' --\"",
          "\"'; DROP TABLE orders; --\"",
          "\"$1 ? :x {0} %s\"",
          "\"<script>alert(1)</script>\"",
          "\"\u202Egnp.exe\"",
          "\"\uD83D\uDE00\uD83D\uDC68\u200D\uD83D\uDC69\u200D\uD83D\uDC67\"",
          "\"\u0645\u0631\u062D\u0628\u0627\"",
          "\"e\u0301\uFDFA\"");

  private HostileInput() {}

  /** The object with one field after the other replaced, left out, or said twice. */
  static List<String> spoilt(Map<String, String> object, List<String> values) {
    var bodies = new ArrayList<String>();
    for (var field : object.keySet()) {
      for (var value : values) {
        var spoilt = new LinkedHashMap<>(object);
        spoilt.put(field, value);
        bodies.add(json(spoilt));
      }
    }
    return bodies;
  }

  /** The object with a field that it does not have, and with each of its fields twice. */
  static List<String> superfluous(Map<String, String> object) {
    var text = json(object);
    var bodies = new ArrayList<String>();
    bodies.add("{\"unknownField\":1," + text.substring(1));
    object.forEach(
        (field, value) -> bodies.add("{\"" + field + "\":" + value + "," + text.substring(1)));
    return bodies;
  }

  static String json(Map<String, String> object) {
    var members = new ArrayList<String>();
    object.forEach((field, value) -> members.add("\"" + field + "\":" + value));
    return "{" + String.join(",", members) + "}";
  }
}
