package flashsale.acceptance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import flashsale.platform.ids.Ids;
import java.time.Duration;
import java.util.Map;
import java.util.UUID;
import org.junit.jupiter.api.Test;

/** An accepted request that stands still, and that nobody can do, is an operator's in the end. */
class GivenUpTest {
  private static final String LETTERS = "/api/v1/admin/dead-letters";
  private static final String PENDING_MAX = "checkout.pendingMax=1s";
  private static final Duration PARKED_MAX = Duration.ofSeconds(30);

  @Test
  void whatCannotBeDrivenOnIsParkedAndLeftAloneOnceItIsDiscarded() {
    var folder = TemporaryFolder.make();
    var shop = TestShop.start(folder, PENDING_MAX);
    UUID poisoned;
    JsonNode letter;
    try {
      poisoned = acceptWhatNobodyCanDo(shop);
      letter = awaitParked(shop, poisoned);
      assertThat(letter.path("role").asText()).isEqualTo("reservations");
      assertThat(letter.path("type").asText()).isEqualTo("reservation-requested.v1");
      assertThat(letter.path("category").asText()).isEqualTo("BAD_INPUT");
      assertThat(letter.path("attempts").asInt()).isEqualTo(1);
      shop.operator().post(letter(letter) + "/discard", Map.of()).expect(200);
    } finally {
      shop.stop();
    }
    try (var again = TestShop.start(folder, PENDING_MAX)) {
      // By when the next one is parked, all that stood still before has been looked at.
      awaitParked(again, acceptWhatNobodyCanDo(again));
      var kept = again.operator().get(letter(letter)).expect(200).json().path("deadLetter");
      assertThat(kept.path("state").asText()).isEqualTo("DISCARDED");
      assertThat(kept.path("attempts").asInt()).isEqualTo(1);
      var sql = again.sql("reservations");
      var letters = "SELECT count(*) FROM dead_letter WHERE key = ?";
      assertThat(sql.number(letters, poisoned)).isEqualTo(1);
      var pending =
          "SELECT count(*) FROM reservation WHERE reservation_id = ? AND state = 'PENDING'";
      assertThat(sql.number(pending, poisoned)).isEqualTo(1);
    }
  }

  private static String letter(JsonNode letter) {
    return LETTERS + "/" + letter.path("id").asText();
  }

  /** A row whose facts are lost, with a fingerprint that is longer than the ledger takes. */
  private static UUID acceptWhatNobodyCanDo(TestShop shop) {
    var id = Ids.next();
    shop.sql("reservations")
        .update(
            """
            INSERT INTO reservation (reservation_id, customer_id, state, lines, total_minor, currency,
                                     fingerprint, changed_at)
            VALUES (?, ?, 'PENDING', ?::json, 100, 'EUR', ?, now())
            """,
            id,
            Ids.next(),
            "[{\"offerId\":\"%s\",\"quantity\":1,\"unitPriceMinor\":100}]".formatted(Ids.next()),
            "f".repeat(300));
    return id;
  }

  private static JsonNode awaitParked(TestShop shop, UUID key) {
    var parked = LETTERS + "?role=reservations&state=PARKED";
    return await()
        .atMost(PARKED_MAX)
        .until(
            () -> {
              var listed = shop.operator().get(parked).expect(200).json().path("deadLetters");
              for (var letter : listed) {
                if (letter.path("key").asText().equals(key.toString())) {
                  return letter;
                }
              }
              return null;
            },
            letter -> letter != null);
  }
}
