package flashsale.catalog;

import static org.assertj.core.api.Assertions.assertThat;

import flashsale.contracts.Quote;
import flashsale.contracts.SaleState;
import java.time.Duration;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** The life of a sale, over HTTP, down to what the ledger knows. */
class TransitionsTest {
  private static final Map<String, SaleState> MOVES =
      Map.of(
          "schedule", SaleState.SCHEDULED,
          "open", SaleState.OPEN,
          "pause", SaleState.PAUSED,
          "close", SaleState.CLOSED);

  private final Shop shop = new Shop();

  @AfterEach
  void close() {
    shop.close();
  }

  @Test
  void onlyTheLegalTransitionsAreDone() {
    for (var from : SaleState.values()) {
      for (var move : MOVES.entrySet()) {
        var saleId = in(from);
        var reply = shop.move(saleId, move.getKey());
        boolean legal =
            from == move.getValue()
                || switch (move.getValue()) {
                  case SCHEDULED -> from == SaleState.DRAFT;
                  case OPEN -> from != SaleState.CLOSED;
                  case PAUSED -> from == SaleState.SCHEDULED || from == SaleState.OPEN;
                  case CLOSED -> true;
                  case DRAFT -> false;
                };
        assertThat(reply.status()).as(from + " " + move).isEqualTo(legal ? 200 : 409);
        if (legal) {
          assertThat(reply.json().get("decided").asText()).isEqualTo(move.getValue().name());
          assertThat(shop.ledger.window(saleId).orElseThrow().state()).isEqualTo(move.getValue());
        } else {
          assertThat(reply.code()).isEqualTo("ILLEGAL_TRANSITION");
          assertThat(reply.json().get("from").asText()).isEqualTo(from.name());
          assertThat(reply.json().get("to").asText()).isEqualTo(move.getValue().name());
        }
      }
    }
  }

  private UUID in(SaleState state) {
    var saleId = shop.draft();
    switch (state) {
      case DRAFT -> {}
      case SCHEDULED -> shop.move(saleId, "schedule");
      case OPEN -> shop.move(saleId, "open");
      case PAUSED -> {
        shop.move(saleId, "open");
        shop.move(saleId, "pause");
      }
      case CLOSED -> shop.move(saleId, "close");
    }
    return saleId;
  }

  @Test
  void aRepeatedTransitionChangesNothing() {
    var saleId = shop.draft();
    var first = shop.move(saleId, "open").json();
    shop.clock.advance(Duration.ofSeconds(5));

    var second = shop.move(saleId, "open");

    assertThat(second.status()).isEqualTo(200);
    assertThat(second.json().get("version")).isEqualTo(first.get("version"));
    assertThat(second.json().get("opensAt")).isEqualTo(first.get("opensAt"));
  }

  @Test
  void openingEarlyAndClosingEarlyMoveTheWindow() {
    var saleId = shop.draft();
    shop.clock.advance(Duration.ofSeconds(10));
    shop.move(saleId, "open");
    var opened = shop.ledger.window(saleId).orElseThrow();
    assertThat(opened.opensAt()).isEqualTo(Shop.NOON.plusSeconds(10));
    assertThat(opened.closesAt()).isEqualTo(Shop.NOON.plus(Duration.ofHours(2)));

    shop.clock.advance(Duration.ofSeconds(10));
    var reply = shop.move(saleId, "close");

    assertThat(reply.json().get("state").asText()).isEqualTo("CLOSED");
    assertThat(shop.ledger.window(saleId).orElseThrow().closesAt())
        .isEqualTo(Shop.NOON.plusSeconds(20));
    assertThat(shop.page(saleId).get("state").asText()).isEqualTo("CLOSED");
  }

  @Test
  void aSaleWhoseTimeIsUpCannotBeScheduledOpenedOrPaused() {
    var drafted = shop.draft();
    var opened = in(SaleState.OPEN);
    shop.clock.advance(Duration.ofHours(3));

    assertThat(shop.move(drafted, "schedule").code()).isEqualTo("ILLEGAL_TRANSITION");
    assertThat(shop.move(drafted, "open").code()).isEqualTo("ILLEGAL_TRANSITION");
    assertThat(shop.move(opened, "open").code()).isEqualTo("ILLEGAL_TRANSITION");
    assertThat(shop.move(opened, "pause").json().get("from").asText()).isEqualTo("CLOSED");
    assertThat(shop.move(opened, "close").status()).isEqualTo(200);
    assertThat(shop.ledger.window(opened).orElseThrow().closesAt())
        .isEqualTo(Shop.NOON.plus(Duration.ofHours(2)));
  }

  @Test
  void theLedgerHearsOfADraftsOffersButNotOfItsWindow() {
    var saleId = shop.draft();
    var offerId = shop.offer(saleId, 7);

    assertThat(shop.ledger.of(offerId).available()).isEqualTo(7);
    assertThat(shop.ledger.window(saleId)).isEmpty();
  }

  @Test
  void aRunningSalesWindowCanBeChangedAndReachesTheLedger() {
    var saleId = in(SaleState.OPEN);
    var later = Shop.NOON.plus(Duration.ofHours(5));

    var reply =
        shop.patch(
            "/api/v1/admin/sales/" + saleId, "{\"closesAt\":\"" + later + "\",\"holdSeconds\":60}");

    assertThat(reply.status()).isEqualTo(200);
    var window = shop.ledger.window(saleId).orElseThrow();
    assertThat(window.closesAt()).isEqualTo(later);
    assertThat(window.holdSeconds()).isEqualTo(60);
    assertThat(window.state()).isEqualTo(SaleState.OPEN);
    assertThat(shop.page(saleId).get("closesAt").asText()).isEqualTo(later.toString());
  }

  @Test
  void aWindowCannotEndARunningSaleNorTakeItBackToWaiting() {
    var saleId = in(SaleState.OPEN);
    shop.clock.advance(Duration.ofMinutes(10));
    var path = "/api/v1/admin/sales/" + saleId;

    var past = shop.patch(path, "{\"closesAt\":\"" + Shop.NOON.plusSeconds(60) + "\"}");
    var future = shop.patch(path, "{\"opensAt\":\"" + Shop.NOON.plus(Duration.ofHours(1)) + "\"}");

    assertThat(past.status()).isEqualTo(422);
    assertThat(past.json().get("field").asText()).isEqualTo("closesAt");
    assertThat(future.status()).isEqualTo(422);
    assertThat(future.json().get("field").asText()).isEqualTo("opensAt");
  }

  @Test
  void nothingOfASaleThatIsOverCanBeChanged() {
    var saleId = shop.draft();
    var offerId = shop.offer(saleId, 5);
    shop.move(saleId, "schedule");
    shop.clock.advance(Duration.ofHours(3));
    var later = "{\"closesAt\":\"" + Shop.NOON.plus(Duration.ofHours(9)) + "\"}";

    assertThat(shop.patch("/api/v1/admin/sales/" + saleId, later).code()).isEqualTo("SALE_CLOSED");
    assertThat(shop.change(offerId, "{\"allocated\":9}").code()).isEqualTo("SALE_CLOSED");
    assertThat(shop.addOffer(saleId, shop.product("Torch"), 1).code()).isEqualTo("SALE_CLOSED");
  }

  @Test
  void quotesTellTheDecisionAndTheWindow() {
    var saleId = shop.draft();
    var offerId = shop.offer(saleId, 5);
    assertThat(quote(offerId).openAt(Shop.NOON)).isFalse();

    shop.move(saleId, "open");
    assertThat(quote(offerId).openAt(Shop.NOON)).isTrue();
    assertThat(quote(offerId).unitPriceMinor()).isEqualTo(1999);
    assertThat(quote(offerId).productName()).isEqualTo("Lamp");

    shop.move(saleId, "pause");
    assertThat(quote(offerId).openAt(Shop.NOON)).isFalse();
    assertThat(shop.catalogue.quotes(Set.of(UUID.randomUUID()))).isEmpty();
  }

  @Test
  void aClosedDraftWasNeverPublished() {
    var draft = shop.draft();
    var offerId = shop.offer(draft, 5);
    shop.move(draft, "close");
    var scheduled = in(SaleState.SCHEDULED);
    shop.move(scheduled, "close");
    for (int look = 0; look < 2; look++) {
      assertThat(shop.get("/api/v1/sales/" + draft).status()).isEqualTo(404);
      assertThat(shop.get("/api/v1/sales/" + scheduled).status()).isEqualTo(200);
      assertThat(shop.get("/api/v1/sales").json().get("sales").findValuesAsText("saleId"))
          .containsExactly(scheduled.toString());
      assertThat(shop.operator("GET", "/api/v1/admin/sales/" + draft, null).status())
          .isEqualTo(200);
      shop.clock.advance(Duration.ofHours(5)); // Then they are not in memory any more.
      shop.move(draft, "close");
    }
    assertThat(shop.catalogue.quotes(Set.of(offerId))).isEmpty();
  }

  @Test
  void offersOfSalesThatClosedLongAgoStillHaveQuotes() {
    var saleId = shop.draft();
    var offerId = shop.offer(saleId, 5);
    shop.move(saleId, "open");
    shop.clock.advance(Duration.ofHours(5));
    shop.move(saleId, "close");

    assertThat(shop.catalogue.liveOffers()).isZero();
    assertThat(shop.page(saleId).get("state").asText()).isEqualTo("CLOSED");
    assertThat(quote(offerId).saleId()).isEqualTo(saleId);
    assertThat(quote(offerId).openAt(shop.clock.instant())).isFalse();
    assertThat(shop.catalogue.quotes(Set.of(offerId, UUID.randomUUID()))).hasSize(1);
  }

  private Quote quote(UUID offerId) {
    return shop.catalogue.quotes(Set.of(offerId)).get(offerId);
  }
}
