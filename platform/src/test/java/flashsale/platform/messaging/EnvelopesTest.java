package flashsale.platform.messaging;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import flashsale.platform.messaging.Envelopes.UnreadableEnvelope;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.junit.jupiter.api.Test;

final class EnvelopesTest {
  private static final UUID KEY = UUID.fromString("0195a3c0-0000-7000-8000-000000000001");
  private static final Instant AT = Instant.parse("2026-11-27T08:00:00.000001Z");
  private static final String TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

  private sealed interface News permits Rain, Sun {}

  private record Rain(String where, int millimetres) implements News {}

  private record Sun(String where) implements News {}

  private final Envelopes<News> envelopes =
      new Envelopes<>(Map.of("rain.v1", Rain.class, "sun.v1", Sun.class));

  @Test
  void whatWasSealedIsOpenedAgain() {
    var rain = new Rain("Köln ☔", 12);
    var opened = envelopes.open(sealed(rain, TRACE));
    assertThat(opened)
        .isEqualTo(
            new Envelopes.Opened<>(envelopes.id(rain), "rain.v1", AT, KEY, TRACE, (News) rain));
    var bytes = sealed(rain, null).getBytes(StandardCharsets.UTF_8);
    assertThat(envelopes.open(bytes).trace()).isNull();
  }

  private String sealed(News message, String trace) {
    return envelopes.seal(message, KEY, AT, trace).envelope();
  }

  @Test
  void whatIsKnownOutsideIsWhatIsInside() {
    var sealed = envelopes.seal(new Sun("here"), KEY, AT, null);
    var opened = envelopes.open(sealed.envelope());
    assertThat(sealed.id()).isEqualTo(opened.id()).isEqualTo(envelopes.id(new Sun("here")));
    assertThat(sealed.key()).isEqualTo(opened.key()).isEqualTo(KEY);
  }

  /** Instances of an earlier version are running beside this one, and make the same ids. */
  @Test
  void idsStayWhatTheyWere() {
    assertThat(envelopes.id(new Rain("Köln ☔", 12)))
        .isEqualTo(UUID.fromString("a028fe00-509c-85cb-baa5-1d0b0c91622d"));
  }

  @Test
  void theFieldsMayComeInAnyOrder() {
    var rain = new Rain("a", 1);
    var turned =
        """
        {"data":{"millimetres":1,"where":"a"},"trace":null,"other":[{"x":1}],"key":"%s","at":"%s",
        "type":"rain.v1","id":"%s"}
        """
            .formatted(KEY, AT, envelopes.id(rain));
    assertThat(envelopes.open(turned)).isEqualTo(envelopes.open(sealed(rain, null)));
  }

  @Test
  void theSameMessageHasTheSameId() {
    assertThat(envelopes.id(new Rain("a", 1))).isEqualTo(envelopes.id(new Rain("a", 1)));
    assertThat(envelopes.id(new Rain("a", 1))).isNotEqualTo(envelopes.id(new Rain("a", 2)));
    assertThat(envelopes.id(new Rain("a", 1))).isNotEqualTo(envelopes.id(new Sun("a")));
  }

  @Test
  void fieldsOfALaterVersionAreIgnored() {
    var later =
        sealed(new Sun("here"), null)
            .replace("\"where\"", "\"uvIndex\":7,\"where\"")
            .replace("\"key\"", "\"tenant\":\"x\",\"key\"");
    assertThat(envelopes.open(later).message()).isEqualTo(new Sun("here"));
  }

  @Test
  void whatCannotBeReadSaysSo() {
    var good = sealed(new Sun("here"), null);
    for (var bad :
        List.of(
            "",
            "null",
            "[]",
            "{}",
            "{\"type\":",
            good.replace("sun.v1", "snow.v1"),
            good.replace("\"data\"", "\"date\""),
            good.replace("{\"where\":\"here\"}", "null"),
            good.replace("{\"where\":\"here\"}", "{\"where\":[1]}"),
            good.replace("\"key\":\"" + KEY, "\"key\":\"nonsense"),
            good.replace("\"id\"", "\"ID\""))) {
      assertThatThrownBy(() -> envelopes.open(bad)).as(bad).isInstanceOf(UnreadableEnvelope.class);
    }
  }
}
