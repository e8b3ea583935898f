package flashsale.contracts;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import flashsale.platform.json.Json;
import flashsale.platform.messaging.Envelopes;
import flashsale.platform.messaging.Envelopes.UnreadableEnvelope;
import java.io.IOException;
import java.lang.reflect.RecordComponent;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.UUID;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The JSON of every fact is pinned by a golden file. A change that breaks one breaks services of
 * another version: add a new type with a higher version instead. {@code -Dgolden.write=true} writes
 * files that are missing.
 */
class FactsOnTheWireTest {
  private static final Instant AT = Instant.parse("2026-11-27T09:00:00.123456Z");
  private static final String TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

  private final Envelopes<Fact> envelopes = new Envelopes<>(Fact.TYPES);

  static Stream<Fact> everyFact() {
    return Fact.TYPES.values().stream().map(FactsOnTheWireTest::sample);
  }

  @Test
  void everyFactHasAName() {
    assertThat(Fact.TYPES.values())
        .containsExactlyInAnyOrderElementsOf(
            Arrays.stream(Fact.class.getPermittedSubclasses())
                .<Class<? extends Fact>>map(c -> c.asSubclass(Fact.class))
                .toList());
  }

  @ParameterizedTest
  @MethodSource("everyFact")
  void theJsonIsTheGoldenOne(Fact fact) throws IOException {
    var sealed = pretty(envelopes.seal(fact, fact.key(), AT, TRACE).envelope());
    var file = Path.of("src/test/resources/facts", envelopes.type(fact) + ".json");
    if (Boolean.getBoolean("golden.write") && !Files.exists(file)) {
      Files.writeString(file, sealed);
    }
    assertThat(sealed).isEqualTo(Files.readString(file));
  }

  @ParameterizedTest
  @MethodSource("everyFact")
  void theGoldenJsonIsReadBack(Fact fact) throws IOException {
    var file = Path.of("src/test/resources/facts", envelopes.type(fact) + ".json");
    var opened = envelopes.open(Files.readString(file));
    assertThat(opened.message()).isEqualTo(fact);
    assertThat(opened.id()).isEqualTo(envelopes.id(fact));
    assertThat(opened.key()).isEqualTo(fact.key());
    assertThat(opened.at()).isEqualTo(AT);
    assertThat(opened.trace()).isEqualTo(TRACE);
  }

  @ParameterizedTest
  @MethodSource("everyFact")
  void unknownFieldsAreIgnored(Fact fact) throws IOException {
    var tree =
        (ObjectNode)
            Json.tolerant().readTree(envelopes.seal(fact, fact.key(), AT, null).envelope());
    tree.put("addedLater", 1);
    ((ObjectNode) tree.get("data")).putObject("alsoAddedLater").put("x", "y");
    assertThat(envelopes.open(tree.toString()).message()).isEqualTo(fact);
  }

  /** They lie in outboxes across an upgrade. */
  @ParameterizedTest
  @ValueSource(strings = {"hold-lost.v1", "payment-refunded.v1"})
  void whatOlderVersionsDidNotTellIsNull(String type) throws IOException {
    var tree =
        (ObjectNode)
            Json.tolerant()
                .readTree(Files.readString(Path.of("src/test/resources/facts", type + ".json")));
    assertThat(((ObjectNode) tree.get("data")).remove("resolvedAs")).isNotNull();
    var older = envelopes.open(tree.toString()).message();
    var resolvedAs =
        switch (older) {
          case Fact.HoldLost f -> f.resolvedAs();
          case Fact.PaymentRefunded f -> f.resolvedAs();
          default -> throw new AssertionError("another type: " + older);
        };
    assertThat(resolvedAs).isNull();
  }

  @Test
  void anUnknownTypeAndBrokenDataSaySo() {
    var fact = sample(Fact.StockSold.class);
    var nobody =
        envelopes
            .seal(fact, fact.key(), AT, null)
            .envelope()
            .replace("stock-sold.v1", "spilled.v1");
    assertThatThrownBy(() -> envelopes.open(nobody))
        .isInstanceOf(UnreadableEnvelope.class)
        .hasMessageContaining("spilled.v1");
    var broken = "{\"type\":\"stock-sold.v1\",\"data\":{\"reservationId\":\"no id\"}}";
    assertThatThrownBy(() -> envelopes.open(broken)).isInstanceOf(UnreadableEnvelope.class);
    assertThatThrownBy(() -> envelopes.open("{")).isInstanceOf(UnreadableEnvelope.class);
  }

  @Test
  void theIdOfAFactIsDerivedSoThatADuplicateIsRecognised() {
    var fact = sample(Fact.StockHeld.class);
    assertThat(envelopes.id(sample(Fact.StockHeld.class))).isEqualTo(envelopes.id(fact));
    assertThat(everyFact().map(envelopes::id).distinct().count()).isEqualTo(Fact.TYPES.size());
  }

  private static String pretty(String json) throws IOException {
    JsonNode tree = Json.tolerant().readTree(json);
    return Json.tolerant().writerWithDefaultPrettyPrinter().writeValueAsString(tree) + "\n";
  }

  /** A fact with a recognisable value in each component. */
  private static Fact sample(Class<? extends Fact> type) {
    var components = type.getRecordComponents();
    try {
      var constructor =
          type.getDeclaredConstructor(
              Arrays.stream(components).map(RecordComponent::getType).toArray(Class<?>[]::new));
      return constructor.newInstance(
          Arrays.stream(components).map(FactsOnTheWireTest::value).toArray());
    } catch (ReflectiveOperationException e) {
      throw new LinkageError("every fact is a record", e);
    }
  }

  private static Object value(RecordComponent component) {
    var name = component.getName();
    return switch (component.getType().getSimpleName()) {
      case "UUID" -> UUID.nameUUIDFromBytes(name.getBytes(StandardCharsets.UTF_8));
      case "Instant" -> AT.plusSeconds(name.length());
      case "int", "Integer" -> name.length();
      case "long" -> 100L * name.length();
      case "boolean" -> true;
      case "String" -> name.equals("currency") ? "EUR" : name;
      case "List" ->
          List.of(
              new Line(UUID.nameUUIDFromBytes(new byte[] {1}), 2, 1999),
              new Line(UUID.nameUUIDFromBytes(new byte[] {2}), 1, 49900));
      case "Refusal" -> Refusal.SOLD_OUT;
      case "ReservationState" -> ReservationState.EXPIRED;
      case "HoldState" -> HoldState.RELEASED;
      default -> throw new AssertionError("no sample for " + component);
    };
  }
}
