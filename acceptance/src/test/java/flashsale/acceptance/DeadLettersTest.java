package flashsale.acceptance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import flashsale.acceptance.TestShop.Ask;
import flashsale.platform.ids.Ids;
import flashsale.platform.messaging.DeadLetters;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Messages that nobody can read are parked alone, and operators decide what becomes of them. */
class DeadLettersTest {
  private static final String LETTERS = "/api/v1/admin/dead-letters";

  private static TestShop shop;

  @BeforeAll
  static void openTheShop() {
    shop = TestShop.start("messaging.replayEvery=1s");
  }

  @AfterAll
  static void closeTheShop() {
    shop.close();
  }

  @Test
  void anUnreadableMessageIsParkedReplayedAndDiscarded() {
    var operator = shop.operator();
    var id = poison("inventory");
    awaitParked("inventory", id, 1);
    assertThat(operator.get("/health/ready").expect(200).json().path("details"))
        .anyMatch(detail -> detail.asText().equals("1"));

    for (int replay = 1; replay <= DeadLetters.REPLAYS_MAX; replay++) {
      operator.post(LETTERS + "/" + id + "/replay", Map.of("force", false)).expect(200);
      awaitParked("inventory", id, replay + 1);
    }
    operator.post(LETTERS + "/" + id + "/replay", Map.of()).expect(409, "REPLAYED_TOO_OFTEN");
    var all = Map.of("role", "inventory", "category", "BAD_INPUT");
    var none = operator.post(LETTERS + "/replay", all).expect(200);
    assertThat(none.json().path("replayed").asInt()).isZero();
    operator.post(LETTERS + "/" + id + "/replay", Map.of("force", true)).expect(200);
    awaitParked("inventory", id, DeadLetters.REPLAYS_MAX + 2);

    operator.post(LETTERS + "/" + id + "/discard", Map.of()).expect(200);
    operator.post(LETTERS + "/" + id + "/discard", Map.of()).expect(409, "DEAD_LETTER_NOT_PARKED");
    var kept = operator.get(LETTERS + "/" + id).expect(200).json();
    assertThat(kept.path("deadLetter").path("state").asText()).isEqualTo("DISCARDED");
    assertThat(kept.path("decisions")).hasSize(DeadLetters.REPLAYS_MAX + 2);
    shop.assertAudited();
  }

  /** What replays count up to is the attempts: each one adds another that failed at once. */
  private static void awaitParked(String role, UUID id, int attempts) {
    await()
        .untilAsserted(
            () -> {
              var detail = shop.operator().get(LETTERS + "/" + id).expect(200).json();
              var letter = detail.path("deadLetter");
              assertThat(letter.path("state").asText()).isEqualTo("PARKED");
              assertThat(letter.path("role").asText()).isEqualTo(role);
              assertThat(letter.path("category").asText()).isEqualTo("BAD_INPUT");
              assertThat(letter.path("reason").asText()).contains("unreadable message");
              assertThat(letter.path("envelope").asText()).isEqualTo("no JSON");
              assertThat(letter.path("attempts").asInt()).isEqualTo(attempts);
            });
  }

  @Test
  void everyRoleWithAnOutboxHasDeadLettersAndTheShopSellsOn() {
    var roles = List.of("catalog", "inventory", "orders", "payments", "reservations");
    var ids = roles.stream().map(DeadLettersTest::poison).toList();
    for (int i = 0; i < roles.size(); i++) {
      awaitParked(roles.get(i), ids.get(i), 1);
    }
    var sale = shop.openSale(new Ask(1, 1, 100));
    var customer = shop.newCustomer();
    var order = customer.reserve(sale.offerId(), 1).expect(201).text("orderId");
    customer.pay(order, "tok_ok").expect(201);

    var operator = shop.operator();
    var orders = LETTERS + "?role=orders&category=BAD_INPUT&state=PARKED";
    var listed = operator.get(orders).expect(200).json().path("deadLetters");
    assertThat(listed)
        .extracting(letter -> letter.path("id").asText())
        .containsExactly(ids.get(2).toString());
    var first = operator.get(LETTERS + "?limit=1").expect(200);
    var second = operator.get(LETTERS + "?limit=1&cursor=" + first.text("next")).expect(200);
    assertThat(second.json().path("deadLetters").path(0).path("id"))
        .isNotEqualTo(first.json().path("deadLetters").path(0).path("id"));
    var category = Map.of("role", "orders", "category", "BAD_INPUT");
    var replayed = operator.post(LETTERS + "/replay", category).expect(200);
    assertThat(replayed.json().path("replayed").asInt()).isEqualTo(1);
    awaitParked("orders", ids.get(2), 2);
    // The other tests count what is parked.
    ids.forEach(id -> operator.post(LETTERS + "/" + id + "/discard", Map.of()).expect(200));
    shop.assertAudited();
  }

  /** The row has what an outage leaves; its text is unreadable, which the replay then finds out. */
  @Test
  void whatAnOutageLeftIsReplayedWithoutAnOperator() {
    var id = Ids.next();
    shop.sql("inventory")
        .update(
            """
            INSERT INTO dead_letter (id, role, key, type, envelope, category, reason, stack,
                                     attempts, first_at, last_at, state)
            VALUES (?, 'inventory', ?, 'unreadable', 'no JSON', 'DEPENDENCY_DOWN', 'late', 'late',
                    10, now(), now(), 'PARKED')
            """,
            id,
            Ids.next());
    awaitParked("inventory", id, 11);
    var operator = shop.operator();
    var decisions = operator.get(LETTERS + "/" + id).expect(200).json().path("decisions");
    assertThat(decisions).hasSize(1);
    assertThat(decisions.path(0).path("decision").asText()).isEqualTo("REPLAY");
    assertThat(decisions.path(0).path("by").isTextual()).isFalse();
    // The other tests count what is parked.
    operator.post(LETTERS + "/" + id + "/discard", Map.of()).expect(200);
  }

  @Test
  void onlyOperatorsMayAndOnlyWhatMakesSense() {
    var unknown = LETTERS + "/" + Ids.next();
    for (var nobody : List.of(shop.anybody(), shop.newCustomer())) {
      int status = nobody.token() == null ? 401 : 403;
      nobody.get(LETTERS).expect(status);
      nobody.get(unknown).expect(status);
      nobody.post(LETTERS + "/replay", Map.of()).expect(status);
      nobody.post(unknown + "/replay", Map.of()).expect(status);
      nobody.post(unknown + "/discard", Map.of()).expect(status);
    }
    var operator = shop.operator();
    operator.get(LETTERS + "?role=nobody").expect(400, "INVALID_QUERY");
    operator.get(LETTERS + "?category=bug").expect(400, "INVALID_QUERY");
    operator.get(LETTERS + "?state=LOST").expect(400, "INVALID_QUERY");
    operator.get(LETTERS + "?limit=0").expect(400, "INVALID_QUERY");
    operator.get(LETTERS + "?cursor=x").expect(400, "INVALID_CURSOR");
    operator.get(unknown).expect(404);
    operator.get(LETTERS + "/no-id").expect(404);
    operator.post(unknown + "/replay", Map.of()).expect(404);
    operator.post(unknown + "/discard", Map.of()).expect(404);
    operator.post(unknown + "/replay", Map.of("fore", true)).expect(400, "MALFORMED_BODY");
    operator.post(LETTERS + "/replay", Map.of("role", "users")).expect(422, "INVALID_VALUE");
    operator.post(LETTERS + "/replay", Map.of("role", "orders")).expect(422, "INVALID_VALUE");
  }

  private static UUID poison(String role) {
    return poison(shop, role);
  }

  /** A message that nobody can read; returns when it is parked. */
  static UUID poison(TestShop shop, String role) {
    var id = Ids.next();
    shop.sql(role)
        .update(
            "INSERT INTO outbox (id, key, envelope, due_at) VALUES (?, ?, 'no JSON', now())",
            id,
            Ids.next());
    await()
        .until(
            () -> shop.sql(role).number("SELECT count(*) FROM dead_letter WHERE id = ?", id) == 1);
    return id;
  }
}
