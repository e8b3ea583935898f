package flashsale.catalog;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.time.Duration;
import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** How soon pages show what happens elsewhere. */
class FreshnessTest {
  private static final Duration LATE_MAX = Duration.ofMillis(250);

  private final Shop shop = new Shop();
  private UUID saleId;
  private UUID offerId;

  @BeforeEach
  void openASale() {
    saleId = shop.draft();
    offerId = shop.offer(saleId, 1_000);
    shop.move(saleId, "open");
    assertThat(available(shop)).isEqualTo(1_000);
  }

  @AfterEach
  void close() {
    shop.close();
  }

  @Test
  void availabilityIsShownWithin250MillisecondsOfTheTruth() {
    for (int held = 1; held <= 20; held++) {
      shop.ledger.hold(offerId, 1);
      int truth = 1_000 - held;
      await()
          .pollInterval(Duration.ofMillis(5))
          .pollDelay(Duration.ZERO)
          .atMost(LATE_MAX)
          .until(() -> available(shop) == truth);
    }
  }

  @Test
  void soldOutIsShownAndTakenBack() {
    shop.ledger.hold(offerId, 1_000);
    await()
        .atMost(LATE_MAX)
        .pollInterval(Duration.ofMillis(10))
        .until(() -> shop.offerOn(saleId).get("soldOut").asBoolean());

    shop.ledger.hold(offerId, -1);
    await()
        .atMost(LATE_MAX)
        .pollInterval(Duration.ofMillis(10))
        .until(() -> !shop.offerOn(saleId).get("soldOut").asBoolean());
  }

  @Test
  void aPageStaysAsItIsWhileNothingThatItShowsChanges() {
    var path = "/api/v1/sales/" + saleId;
    shop.ledger.hold(offerId, 10);
    await().until(() -> available(shop) == 990);
    var etag = shop.get(path).etag().orElseThrow();

    shop.ledger.sell(offerId, 10);
    int asked = shop.ledger.questions();
    await().until(() -> shop.ledger.questions() >= asked + 3);

    assertThat(shop.getUnless(path, etag).status()).isEqualTo(304);
  }

  @Test
  void theLastKnownFiguresAreShownWhileTheLedgerIsDownAndTheTruthAfterwards() {
    shop.ledger.hold(offerId, 100);
    await().until(() -> available(shop) == 900);

    shop.ledger.down(true);
    shop.ledger.hold(offerId, 100);
    await().until(() -> shop.catalogue.gaugeAge().compareTo(Duration.ofMillis(500)) > 0);
    assertThat(available(shop)).isEqualTo(900);
    var detail = shop.operator("GET", "/api/v1/admin/sales/" + saleId, null);
    assertThat(detail.json().at("/offers/0/available").asInt()).isEqualTo(900);

    shop.ledger.down(false);
    await().until(() -> available(shop) == 800);
    assertThat(shop.catalogue.gaugeAge()).isLessThan(Duration.ofSeconds(1));
  }

  @Test
  void aSaleThatIsNotOpenIsLookedAtLessOften() {
    var later = shop.draft();
    var quiet = shop.offer(later, 50);
    shop.move(later, "schedule");

    shop.ledger.hold(quiet, 1);

    await().atMost(Duration.ofSeconds(3)).until(() -> available(shop, later) == 49);
  }

  @Test
  void anotherProcessSeesChangesWithoutARestart() {
    try (var other = shop.another()) {
      await().until(() -> available(other) == 1_000);

      shop.change(offerId, "{\"unitPriceMinor\":7,\"allocated\":1100}");
      await()
          .atMost(Duration.ofSeconds(3))
          .until(() -> other.offerOn(saleId).get("unitPriceMinor").asInt() == 7);
      await().until(() -> available(other) == 1_100);
      assertThat(other.catalogue.quotes(List.of(offerId)).get(offerId).unitPriceMinor())
          .isEqualTo(7);
      assertThat(other.get("/api/v1/sales/" + saleId).etag())
          .isEqualTo(shop.get("/api/v1/sales/" + saleId).etag());

      shop.move(saleId, "pause");
      await()
          .atMost(Duration.ofSeconds(3))
          .until(() -> other.page(saleId).get("state").asText().equals("PAUSED"));
    }
  }

  @Test
  void aSaleThatWasJustPublishedElsewhereIsFoundAtOnce() {
    try (var other = shop.another()) {
      var fresh = shop.draft();
      shop.move(fresh, "schedule");

      assertThat(other.get("/api/v1/sales/" + fresh).status()).isEqualTo(200);
    }
  }

  @Test
  void aRestartShowsTheSameSale() {
    shop.ledger.hold(offerId, 1);
    try (var restarted = shop.another()) {
      await().until(() -> available(restarted) == 999);
    }
  }

  private int available(Shop where) {
    return available(where, saleId);
  }

  private static int available(Shop where, UUID saleId) {
    return where.page(saleId).at("/offers/0/available").asInt();
  }
}
