package flashsale.platform.json;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import com.fasterxml.jackson.core.JsonProcessingException;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

final class JsonTest {
  private enum Colour {
    RED,
    BLUE
  }

  private record Part(UUID id, int count) {}

  private record Thing(
      String name,
      Integer count,
      Long amountMinor,
      Boolean open,
      UUID id,
      Instant at,
      Colour colour,
      List<Part> parts) {}

  private record Pair(String wire, Object value) {}

  private static Thing strict(String json) throws Exception {
    return Json.strict().readValue(json.getBytes(StandardCharsets.UTF_8), Thing.class);
  }

  @Test
  void whatIsWrittenIsReadAgain() throws Exception {
    var thing =
        new Thing(
            "Jäger 🦌",
            3,
            Long.MAX_VALUE,
            true,
            UUID.fromString("0195a3c0-0000-7000-8000-000000000001"),
            Instant.parse("2026-11-27T08:00:00.123456Z"),
            Colour.RED,
            List.of(new Part(UUID.fromString("0195a3c0-0000-7000-8000-000000000002"), 1)));
    assertThat(strict(Json.text(thing))).isEqualTo(thing);
    assertThat(Json.read(new String(Json.bytes(thing), StandardCharsets.UTF_8), Thing.class))
        .isEqualTo(thing);
    assertThat(Json.text(thing)).contains("\"at\":\"2026-11-27T08:00:00.123456Z\"");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        " ",
        "{",
        "{} {}",
        "{}x",
        "[]",
        "\"text\"",
        "7",
        "{'name':'x'}",
        "{name:\"x\"}",
        "{\"name\":\"x\",}",
        "{\"name\":\"x\" /* why */}",
        "{\"name\":\"a\",\"name\":\"b\"}",
        "{\"nome\":\"x\"}",
        "{\"name\":7}",
        "{\"name\":true}",
        "{\"name\":[\"x\"]}",
        "{\"name\":{}}",
        "{\"name\":\"a\\u0000b\"}",
        "{\"name\":\"\\ud800\"}",
        "{\"name\":\"\\udc00\\ud800\"}",
        "{\"count\":\"7\"}",
        "{\"count\":\"\"}",
        "{\"count\":7.0}",
        "{\"count\":7.5}",
        "{\"count\":1e2}",
        "{\"count\":true}",
        "{\"count\":2147483648}",
        "{\"count\":-2147483649}",
        "{\"count\":NaN}",
        "{\"count\":+7}",
        "{\"count\":007}",
        "{\"count\":[7]}",
        "{\"amountMinor\":9223372036854775808}",
        "{\"amountMinor\":1e18}",
        "{\"amountMinor\":99999999999999999999999999999999999999999999999999}",
        "{\"open\":\"true\"}",
        "{\"open\":1}",
        "{\"id\":\"\"}",
        "{\"id\":7}",
        "{\"id\":\"1-1-1-1-1\"}",
        "{\"id\":\"AZWjwAAAcACAAAAAAAAAAQ==\"}",
        "{\"at\":1700000000}",
        "{\"at\":1700000000.5}",
        "{\"at\":\"1700000000\"}",
        "{\"at\":\"\"}",
        "{\"at\":\"2026-11-27\"}",
        "{\"at\":\"2026-11-27T08:00:00\"}",
        "{\"at\":\"+1000000000-01-01T00:00:00Z\"}",
        "{\"at\":\"-0044-03-15T12:00:00Z\"}",
        "{\"colour\":\"red\"}",
        "{\"colour\":\"\"}",
        "{\"colour\":0}",
        "{\"parts\":{}}",
        "{\"parts\":\"\"}",
        "{\"parts\":[{\"id\":\"x\",\"count\":1}]}",
        "{\"parts\":[7]}",
        "{\"parts\":[{\"count\":null}]}",
        "{\"parts\":[{}]}",
      })
  void strictReadingTakesNothingForSomethingElse(String json) {
    var e = catchThrowableOfType(JsonProcessingException.class, () -> strict(json));
    assertThat(e).as(json).isNotNull();
    assertThat(Json.explain(e)).isNotBlank().doesNotContain("flashsale").doesNotContain("java");
  }

  @Test
  void anAbsentFieldIsNullAndAPrimitiveOneIsAnError() throws Exception {
    assertThat(strict("{}")).isEqualTo(new Thing(null, null, null, null, null, null, null, null));
    var e = catchThrowableOfType(JsonProcessingException.class, () -> strict("{\"parts\":[{}]}"));
    assertThat(Json.explain(e))
        .isEqualTo("Wrong or missing value at 'parts[0].count': expected a whole number.");
  }

  @Test
  void timesAreCutToMicroseconds() throws Exception {
    assertThat(strict("{\"at\":\"2026-11-27T08:00:00.123456789Z\"}").at())
        .isEqualTo(Instant.parse("2026-11-27T08:00:00.123456Z"));
    assertThat(strict("{\"at\":\"2026-11-27T09:00:00+01:00\"}").at())
        .isEqualTo(Instant.parse("2026-11-27T08:00:00Z"));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          {"nome":1}                       | Unknown field 'nome'.
          {"count":"7"}                    | Wrong or missing value at 'count': expected a whole number.
          {"parts":[{"id":"x","count":1}]} | Wrong value at 'parts[0].id': expected an id (UUID).
          {"at":"soon"}                    | Wrong value at 'at': expected a time (2026-01-31T12:00:00Z).
          {"colour":"GREEN"}               | Wrong value at 'colour': expected one of [RED, BLUE].
          {"name":7}                       | Wrong or missing value at 'name': expected text without NUL and without halves of characters.
          {"count":                        | The body is not well-formed JSON.
          """)
  void theSenderIsToldWhereAndWhat(String json, String explanation) {
    var e = catchThrowableOfType(JsonProcessingException.class, () -> strict(json));
    assertThat(Json.explain(e)).isEqualTo(explanation);
  }

  @Test
  void hostileTextIsNotSentBackAsItCame() {
    var long_ = "x".repeat(5_000);
    for (var name : List.of("a\\ud800b", "\\u0000", "\\u202e", long_)) {
      var e =
          catchThrowableOfType(JsonProcessingException.class, () -> strict("{\"" + name + "\":1}"));
      var explanation = Json.explain(e);
      assertThat(explanation).hasSizeLessThan(200).matches("[\\x20-\\x7e…]*");
      assertThat(Json.bytes(new Pair("wire", explanation))).isNotEmpty();
    }
  }

  @Test
  void bytesThatAreNoUtf8AreRefused() {
    var bytes = "{\"name\":\"\u00ff\"}".getBytes(StandardCharsets.ISO_8859_1);
    assertThat(
            catchThrowableOfType(
                JsonProcessingException.class, () -> Json.strict().readValue(bytes, Thing.class)))
        .isNotNull();
  }

  @Test
  void depthAndLengthHaveLimits() {
    var deep = "{\"name\":" + "[".repeat(100) + "]".repeat(100) + "}";
    assertThat(catchThrowableOfType(JsonProcessingException.class, () -> strict(deep))).isNotNull();
    var wide = "{\"name\":\"" + "x".repeat(100_001) + "\"}";
    var e = catchThrowableOfType(JsonProcessingException.class, () -> strict(wide));
    assertThat(e).isNotNull();
  }

  @Test
  void tolerantReadingIgnoresWhatItDoesNotKnow() {
    assertThat(Json.read("{\"id\":null,\"count\":2,\"later\":{}}", Part.class))
        .isEqualTo(new Part(null, 2));
  }
}
