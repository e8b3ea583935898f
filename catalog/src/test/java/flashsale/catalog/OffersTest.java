package flashsale.catalog;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import flashsale.contracts.Fact;
import flashsale.contracts.Fact.SaleKnown;
import flashsale.contracts.Fact.StockAllocated;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ThreadLocalRandom;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Offers and their allocation during a sale. */
class OffersTest {
  private final Shop shop = new Shop();
  private UUID saleId;
  private UUID offerId;

  @BeforeEach
  void openASaleOfTen() {
    saleId = shop.draft();
    offerId = shop.offer(saleId, 10);
    shop.move(saleId, "open");
  }

  @AfterEach
  void close() {
    shop.close();
  }

  @Test
  void theAnswerShowsTheLedgersFigures() {
    shop.ledger.hold(offerId, 3);
    shop.ledger.sell(offerId, 1);

    var reply = shop.change(offerId, "{\"allocated\":25}");

    assertThat(reply.status()).isEqualTo(200);
    assertThat(reply.json().get("allocated").asInt()).isEqualTo(25);
    assertThat(reply.json().get("available").asInt()).isEqualTo(22);
    assertThat(reply.json().get("held").asInt()).isEqualTo(2);
    assertThat(reply.json().get("sold").asInt()).isEqualTo(1);
    assertThat(reply.json().get("applied").asBoolean()).isTrue();
    assertThat(shop.offerOn(saleId).get("available").asInt()).isEqualTo(22);
  }

  @Test
  void anAllocationIsLoweredDownToWhatIsHeldOrSoldAndNoFurther() {
    shop.ledger.hold(offerId, 4);
    shop.ledger.sell(offerId, 1);

    var refused = shop.change(offerId, "{\"allocated\":3}");
    assertThat(refused.status()).isEqualTo(409);
    assertThat(refused.code()).isEqualTo("ALLOCATION_TOO_LOW");
    assertThat(refused.json().get("held").asInt()).isEqualTo(3);
    assertThat(refused.json().get("sold").asInt()).isEqualTo(1);
    assertThat(refused.json().get("minimum").asInt()).isEqualTo(4);
    assertThat(shop.ledger.of(offerId).allocated()).isEqualTo(10);

    var lowered = shop.change(offerId, "{\"allocated\":4}");
    assertThat(lowered.status()).isEqualTo(200);
    assertThat(shop.ledger.of(offerId).available()).isZero();
    assertThat(shop.offerOn(saleId).get("soldOut").asBoolean()).isTrue();
  }

  @Test
  void unitsHeldBetweenTheLookAndTheDecisionAreKeptAndRecorded() {
    shop.ledger.beforeAllocating(
        () -> {
          if (shop.ledger.of(offerId).held() == 0) {
            shop.ledger.hold(offerId, 6);
          }
        });

    var reply = shop.change(offerId, "{\"allocated\":2}");

    assertThat(reply.status()).isEqualTo(200);
    assertThat(reply.json().get("allocated").asInt()).isEqualTo(6);
    assertThat(row().allocated()).isEqualTo(6);
    assertThat(row().applied()).isTrue();
  }

  @Test
  void priceAndLimitCanBeChangedDuringTheSale() {
    var reply = shop.change(offerId, "{\"unitPriceMinor\":1499,\"limitPerCustomer\":0}");

    assertThat(reply.status()).isEqualTo(200);
    assertThat(shop.offerOn(saleId).get("unitPriceMinor").asLong()).isEqualTo(1499);
    assertThat(shop.catalogue.quotes(List.of(offerId)).get(offerId).unitPriceMinor())
        .isEqualTo(1499);
    assertThat(shop.ledger.of(offerId).limitPerCustomer()).isZero();
  }

  @Test
  void aPriceDoesNotNeedTheLedger() {
    shop.ledger.down(true);

    assertThat(shop.change(offerId, "{\"unitPriceMinor\":1}").status()).isEqualTo(200);
    assertThat(shop.offerOn(saleId).get("unitPriceMinor").asLong()).isEqualTo(1);
  }

  @Test
  void anAllocationIsNotLoweredBlindly() {
    shop.ledger.down(true);

    var reply = shop.change(offerId, "{\"allocated\":5}");

    assertThat(reply.status()).isEqualTo(503);
    assertThat(reply.code()).isEqualTo("LEDGER_UNAVAILABLE");
    assertThat(row().allocated()).isEqualTo(10);
  }

  @Test
  void aChangeThatChangesNothingKeepsTheVersion() {
    long version = row().version();

    assertThat(shop.change(offerId, "{\"allocated\":10,\"unitPriceMinor\":1999}").status())
        .isEqualTo(200);
    assertThat(shop.change(offerId, "{}").status()).isEqualTo(200);

    assertThat(row().version()).isEqualTo(version);
  }

  @Test
  void anAnswerOfTheLedgerThatComesLateOrAgainChangesNothing() {
    var late = new StockAllocated(offerId, saleId, 77, 77, 0, 0, 1);
    shop.change(offerId, "{\"allocated\":20}");
    var again = new StockAllocated(offerId, saleId, 20, 20, 0, 0, 2);

    var answers = shop.catalogue.apply(List.of(late, again, late));

    assertThat(answers)
        .containsExactly(
            new SaleKnown(saleId, 1), new SaleKnown(saleId, 2), new SaleKnown(saleId, 1));
    assertThat(row().allocated()).isEqualTo(20);
  }

  @Test
  void aPriceChangedMeanwhileDoesNotHideTheLedgersAnswer() {
    shop.ledger.down(true);
    shop.change(offerId, "{\"allocated\":20}");
    shop.change(offerId, "{\"unitPriceMinor\":5}");
    assertThat(row().applied()).isFalse();

    shop.catalogue.apply(List.of(new StockAllocated(offerId, saleId, 21, 21, 0, 0, 2)));

    assertThat(row().allocated()).isEqualTo(21);
    assertThat(row().applied()).isTrue();
  }

  @Test
  void theStepTakesNothingElse() {
    Fact other = new Fact.HoldReleased(saleId, saleId, Instant.EPOCH);

    assertThatThrownBy(() -> shop.catalogue.apply(List.of(other)))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void decisionsAtTheSameTimeEndInOneTruth() throws Exception {
    shop.ledger.hold(offerId, 5);
    try (var operators = Executors.newVirtualThreadPerTaskExecutor()) {
      var replies = new ArrayList<Future<Integer>>();
      for (int i = 0; i < 64; i++) {
        var body = "{\"allocated\":%d}".formatted(ThreadLocalRandom.current().nextInt(0, 50));
        replies.add(operators.submit(() -> shop.change(offerId, body).status()));
      }
      for (var reply : replies) {
        assertThat(reply.get()).isIn(200, 409);
      }
    }

    assertThat(row().applied()).isTrue();
    assertThat(row().allocated()).isEqualTo(shop.ledger.of(offerId).allocated());
    assertThat(shop.ledger.of(offerId).available()).isNotNegative();
    assertThat(shop.outbox.size()).isZero();
  }

  @Test
  void anOfferNeedsAnExistingProductAndSale() {
    assertThat(shop.addOffer(saleId, UUID.randomUUID(), 1).code()).isEqualTo("PRODUCT_UNKNOWN");
    assertThat(shop.addOffer(UUID.randomUUID(), UUID.randomUUID(), 1).status()).isEqualTo(404);
    assertThat(shop.change(UUID.randomUUID(), "{\"allocated\":1}").status()).isEqualTo(404);
  }

  @Test
  void whatLiesInMemoryIsBounded() {
    var small =
        new Catalogue.Settings(
            Duration.ofMillis(100), Duration.ofSeconds(1), Duration.ofHours(1), 2, 3, 2, 100_000);
    try (var little = new Shop(small)) {
      var first = little.draft();
      var second = little.draft();
      var productId = little.product("Lamp");
      var third =
          little.post(
              "/api/v1/admin/sales",
              "{\"name\":\"One more\",\"opensAt\":\"%s\",\"closesAt\":\"%s\"}"
                  .formatted(Shop.NOON, Shop.NOON.plusSeconds(60)));
      assertThat(third.status()).isEqualTo(409);
      assertThat(third.code()).isEqualTo("TOO_MANY_SALES");

      assertThat(little.addOffer(first, productId, 1).status()).isEqualTo(201);
      assertThat(little.addOffer(first, productId, 1).status()).isEqualTo(201);
      assertThat(little.addOffer(first, productId, 1).code()).isEqualTo("TOO_MANY_OFFERS");
      assertThat(little.addOffer(second, productId, 1).status()).isEqualTo(201);
      var beyond = little.addOffer(second, productId, 1);
      assertThat(beyond.code()).isEqualTo("TOO_MANY_OFFERS");
      assertThat(beyond.json().get("max").asInt()).isEqualTo(3);
      assertThat(little.catalogue.liveOffers()).isEqualTo(3);
    }
  }

  private Offer row() {
    return shop.database.with(connection -> OfferRows.find(connection, offerId)).orElseThrow();
  }
}
