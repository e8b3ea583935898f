package flashsale.acceptance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.rabbitmq.client.AMQP.BasicProperties;
import flashsale.acceptance.TestShop.Ask;
import flashsale.contracts.Fact;
import flashsale.contracts.Fact.HoldExtended;
import flashsale.contracts.Fact.ReservationRequested;
import flashsale.contracts.Fact.StockHeld;
import flashsale.contracts.Line;
import flashsale.platform.ids.Ids;
import flashsale.platform.json.Json;
import flashsale.platform.messaging.DeadLetters;
import flashsale.platform.messaging.Envelopes;
import flashsale.platform.messaging.RabbitSettings;
import flashsale.platform.messaging.TestRabbit;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/**
 * Facts that another version wrote, or that never should have been written, over RabbitMQ and from
 * an outbox: what can be read is done, everything else is parked at the role that failed.
 */
class FactsFromElsewhereTest {
  private static final String LETTERS = "/api/v1/admin/dead-letters";
  private static final Duration DONE_MAX = Duration.ofSeconds(60);

  /** One failure more and the attempts are used up. */
  private static final int ATTEMPTS_BEFORE = RabbitSettings.of("amqp://h").attemptsMax() - 1;

  private static TestRabbit broker;
  private static TestShop shop;
  private static UUID offer;

  private final Envelopes<Fact> envelopes = new Envelopes<>(Fact.TYPES);

  @BeforeAll
  static void openTheShop() {
    broker = TestRabbit.start();
    shop = TestShop.start("messaging.url=" + broker.url());
    offer = UUID.fromString(shop.openSale(new Ask(1_000, 0, 100)).offerId());
  }

  @AfterAll
  static void everythingAddsUp() {
    try (var _ = broker;
        var closing = shop) {
      closing.assertAudited();
    }
  }

  /** As it travels. */
  private record Sent(UUID id, UUID key, String envelope) {}

  private Sent sent(Fact fact) {
    var sealed = envelopes.seal(fact, fact.key(), Instant.now(), null);
    return new Sent(sealed.id(), sealed.key(), sealed.envelope());
  }

  /** The same as somebody wrote it who knows more than we do. */
  private static Sent withUnknownFields(Sent sent) {
    var tree = tree(sent.envelope);
    tree.put("addedLater", 1);
    ((ObjectNode) tree.get("data")).putObject("alsoAddedLater").put("x", "y");
    return new Sent(sent.id, sent.key, tree.toString());
  }

  private static Sent withType(Sent sent, String type) {
    return new Sent(Ids.next(), sent.key, tree(sent.envelope).put("type", type).toString());
  }

  private static ObjectNode tree(String json) {
    try {
      return (ObjectNode) Json.tolerant().readTree(json);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static ReservationRequested request() {
    var lines = List.of(new Line(offer, 1, 100));
    return new ReservationRequested(Ids.next(), Ids.next(), lines, "EUR", "", Instant.now());
  }

  private static void publish(String role, int attempts, Sent... all) throws Exception {
    var ids = ByteBuffer.allocate(32 * all.length);
    var body = new StringBuilder();
    for (var one : all) {
      for (var id : List.of(one.id, one.key)) {
        ids.putLong(id.getMostSignificantBits()).putLong(id.getLeastSignificantBits());
      }
      body.append(one.envelope).append('\n');
    }
    Map<String, Object> headers =
        Map.of("flashsale-ids", ids.array(), "flashsale-attempts", attempts);
    publish(role, headers, body.toString());
  }

  private static void publish(String role, Map<String, Object> headers, String body)
      throws Exception {
    try (var connection = broker.connect();
        var channel = connection.createChannel()) {
      channel.confirmSelect();
      channel.basicPublish(
          "",
          "flashsale." + role,
          new BasicProperties.Builder().deliveryMode(2).headers(headers).build(),
          body.getBytes(StandardCharsets.UTF_8));
      channel.waitForConfirmsOrDie(DONE_MAX.toMillis());
    }
  }

  private static void append(String role, int attempts, Sent one) {
    shop.sql(role)
        .update(
            "INSERT INTO outbox (id, key, envelope, due_at, attempts) VALUES (?, ?, ?, now(), ?)",
            one.id,
            one.key,
            one.envelope,
            attempts);
  }

  private static void awaitHeld(Fact request) {
    await()
        .atMost(DONE_MAX)
        .until(
            () ->
                shop.sql("reservations")
                        .number(
                            """
                            SELECT count(*) FROM reservation
                            WHERE reservation_id = ? AND state = 'HELD'
                            """,
                            request.key())
                    == 1);
  }

  /** The letter, once it is parked at this role, and at no other. */
  private static JsonNode awaitParked(String role, UUID id, String category) {
    await()
        .atMost(DONE_MAX)
        .until(
            () ->
                shop.sql(role)
                        .number(
                            "SELECT count(*) FROM dead_letter WHERE id = ? AND state = 'PARKED'",
                            id)
                    == 1);
    var letter = shop.operator().get(LETTERS + "/" + id).expect(200).json().path("deadLetter");
    assertThat(letter.path("role").asText()).isEqualTo(role);
    assertThat(letter.path("category").asText()).as(letter.toString()).isEqualTo(category);
    var found = LETTERS + "?role=" + role + "&category=" + category + "&state=PARKED";
    assertThat(shop.operator().get(found).expect(200).json().path("deadLetters"))
        .anyMatch(one -> one.path("id").asText().equals(id.toString()));
    for (var other : Meddler.ROLES) {
      if (!other.equals(role)) {
        assertThat(shop.sql(other).number("SELECT count(*) FROM dead_letter WHERE id = ?", id))
            .as(other)
            .isZero();
      }
    }
    return letter;
  }

  private static Reply replay(UUID id) {
    return shop.operator().post(LETTERS + "/" + id + "/replay", Map.of("force", false));
  }

  @Test
  void whatIsReadableOfABatchIsDoneAndTheRestIsParkedAlone() throws Exception {
    var first = request();
    var last = request();
    var unknown = withType(sent(request()), "reservation-requested.v7");
    var older = withType(sent(request()), "reservation-requested.v0");
    publish("inventory", 0, withUnknownFields(sent(first)), unknown, older, sent(last));
    awaitHeld(first);
    awaitHeld(last);
    for (var parked : List.of(unknown, older)) {
      var letter = awaitParked("inventory", parked.id, "BAD_INPUT");
      var type = tree(parked.envelope).path("type").asText();
      assertThat(letter.path("type").asText()).isEqualTo(type);
      assertThat(letter.path("reason").asText()).contains("unknown type of message: " + type);
      assertThat(letter.path("envelope").asText()).isEqualTo(parked.envelope);
    }
  }

  @Test
  void theSameFromAnOutbox() {
    var readable = request();
    append("reservations", 0, withUnknownFields(sent(readable)));
    awaitHeld(readable);
    var unknown = withType(sent(request()), "reservation-requested.v7");
    append("reservations", 0, unknown);
    var letter = awaitParked("reservations", unknown.id, "BAD_INPUT");
    assertThat(letter.path("reason").asText()).contains("reservation-requested.v7");
  }

  @Test
  void whatNobodyOfUsWroteIsParked() throws Exception {
    var text = "hello " + Ids.next();
    publish("orders", Map.of(), text);
    var id = UUID.nameUUIDFromBytes(text.getBytes(StandardCharsets.UTF_8));
    assertThat(awaitParked("orders", id, "BAD_INPUT").path("envelope").asText()).isEqualTo(text);
  }

  @Test
  void whatBreaksARuleIsParkedWhereItDoesAndReplayedThere() throws Exception {
    var lines = List.of(new Line(offer, 1, -5));
    var now = Instant.now();
    var fact = new StockHeld(Ids.next(), Ids.next(), lines, "EUR", "", now, now.plusSeconds(60));
    publish("orders", ATTEMPTS_BEFORE, sent(fact));
    assertReplayedTo("orders", envelopes.id(fact), "REFUSED_BY_RULE");
  }

  @Test
  void whatIsAFaultOfTheProgramIsParkedWhereItIsAndReplayedThere() throws Exception {
    var fact =
        new HoldExtended(
            Ids.next(), Ids.next(), Ids.next(), Ids.next(), 100, "EUR", "tok_ok", Instant.now());
    publish("payments", ATTEMPTS_BEFORE, sent(fact));
    assertReplayedTo("payments", envelopes.id(fact), "BUG");
  }

  private static void assertReplayedTo(String role, UUID id, String category) {
    int attempts = awaitParked(role, id, category).path("attempts").asInt();
    for (int replay = 1; replay <= DeadLetters.REPLAYS_MAX; replay++) {
      replay(id).expect(200);
      // Else it would be half a minute until its attempts are used up again.
      await()
          .atMost(DONE_MAX)
          .until(
              () ->
                  shop.sql(role)
                          .update(
                              "UPDATE outbox SET attempts = ? WHERE id = ? AND attempts > 0",
                              ATTEMPTS_BEFORE,
                              id)
                      == 1);
      attempts = assertMore(attempts, awaitParked(role, id, category));
    }
    replay(id).expect(409, "REPLAYED_TOO_OFTEN");
  }

  private static int assertMore(int before, JsonNode letter) {
    assertThat(letter.path("attempts").asInt()).isGreaterThan(before);
    return letter.path("attempts").asInt();
  }
}
