package flashsale.inventory;

import static flashsale.inventory.TestLedger.line;
import static org.assertj.core.api.Assertions.assertThat;

import flashsale.contracts.Fact;
import flashsale.contracts.Fact.OfferAllocated;
import flashsale.contracts.Fact.ReservationRequested;
import flashsale.contracts.Fact.SaleClosed;
import flashsale.contracts.Fact.SaleKnown;
import flashsale.contracts.Fact.SalePaused;
import flashsale.contracts.Fact.SaleScheduled;
import flashsale.contracts.Fact.StockHeld;
import flashsale.contracts.Fact.StockRefused;
import flashsale.contracts.Refusal;
import flashsale.platform.ids.Ids;
import java.time.Duration;
import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/** Why a reservation is refused, and which reason wins. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class RefusalTest {
  private final TestLedger shop = new TestLedger();
  private final UUID customer = Ids.next();

  @AfterAll
  void close() {
    shop.close();
  }

  private void refused(ReservationRequested request, Refusal reason, UUID offerId, int available) {
    assertThat(shop.apply(request))
        .isEqualTo(
            new StockRefused(
                request.reservationId(),
                request.customerId(),
                request.lines(),
                request.currency(),
                request.fingerprint(),
                reason,
                offerId,
                available,
                shop.now()));
  }

  private UUID soldOut() {
    return shop.offer(0, 1);
  }

  private UUID closed() {
    var sale = Ids.next();
    shop.apply(new SaleClosed(sale, shop.now(), shop.now().plus(Duration.ofHours(1)), 600, 1));
    return shop.offer(sale, 0, 1);
  }

  @Test
  void eachReasonIsLookedForInAllLinesBeforeTheNext() {
    var unknown = Ids.next();
    var notOpen = closed();
    var empty = soldOut();
    var limited = shop.offer(10, 1);
    var scarce = shop.offer(3, 0);
    refused(
        shop.request(
            customer,
            line(scarce, 4),
            line(limited, 2),
            line(empty, 1),
            line(notOpen, 1),
            line(unknown, 1)),
        Refusal.OFFER_UNKNOWN,
        unknown,
        0);
    refused(
        shop.request(customer, line(scarce, 4), line(limited, 2), line(empty, 1), line(notOpen, 1)),
        Refusal.SALE_NOT_OPEN,
        notOpen,
        0);
    refused(
        shop.request(customer, line(scarce, 4), line(limited, 2), line(empty, 1)),
        Refusal.SOLD_OUT,
        empty,
        0);
    refused(
        shop.request(customer, line(scarce, 4), line(limited, 2)),
        Refusal.LIMIT_EXCEEDED,
        limited,
        10);
    refused(shop.request(customer, line(scarce, 4)), Refusal.INSUFFICIENT_STOCK, scarce, 3);
  }

  @Test
  void theFirstLineThatFailsIsNamed() {
    var first = soldOut();
    var second = soldOut();
    refused(shop.request(customer, line(first, 1), line(second, 1)), Refusal.SOLD_OUT, first, 0);
  }

  @Test
  void aRefusalIsRepeatedEvenWhenUnitsHaveComeBack() {
    var sale = shop.openSale();
    var offer = shop.offer(sale, 0, 0);
    var request = shop.request(customer, line(offer, 1));
    var refused = shop.apply(request);
    shop.apply(new OfferAllocated(offer, sale, 10, 0, 2));
    shop.clock.advance(Duration.ofSeconds(1));
    assertThat(shop.apply(request)).isEqualTo(refused);
    assertThat(shop.apply(shop.release(request))).isEqualTo(refused);
    assertThat(shop.stock(offer).available()).isEqualTo(10);
  }

  @Test
  void aRefusalTakesNothingOfTheOtherLines() {
    var plenty = shop.offer(10, 0);
    shop.apply(shop.request(customer, line(plenty, 1), line(soldOut(), 1)));
    assertThat(shop.stock(plenty).available()).isEqualTo(10);
  }

  @Test
  void theLimitCountsOpenHoldsPurchasesAndThisRequest() {
    var offer = shop.offer(10, 3);
    var bought = shop.request(customer, line(offer, 1));
    var held = shop.request(customer, line(offer, 1));
    shop.ledger.apply(List.of(bought, shop.captured(bought, Ids.next()), held));
    refused(
        shop.request(customer, line(offer, 1), line(offer, 1)), Refusal.LIMIT_EXCEEDED, offer, 8);
    assertThat(shop.apply(shop.request(Ids.next(), line(offer, 3))))
        .as("another customer has a limit of their own")
        .isInstanceOf(StockHeld.class);
    shop.apply(shop.release(held));
    assertThat(shop.apply(shop.request(customer, line(offer, 2)))).isInstanceOf(StockHeld.class);
  }

  @Test
  void whatWasTakenWithoutALimitCountsOnceThereIsOne() {
    var sale = shop.openSale();
    var offer = shop.offer(sale, 10, 0);
    shop.apply(shop.request(customer, line(offer, 4)));
    shop.apply(new OfferAllocated(offer, sale, 10, 4, 2));
    refused(shop.request(customer, line(offer, 1)), Refusal.LIMIT_EXCEEDED, offer, 6);
  }

  @Test
  void quantitiesThatDoNotFitAnIntTogetherAreJustTooMany() {
    var unlimited = shop.offer(10, 0);
    refused(
        shop.request(
            customer, line(unlimited, Integer.MAX_VALUE), line(unlimited, Integer.MAX_VALUE)),
        Refusal.INSUFFICIENT_STOCK,
        unlimited,
        10);
    var limited = shop.offer(10, 1);
    refused(
        shop.request(customer, line(limited, Integer.MAX_VALUE)),
        Refusal.LIMIT_EXCEEDED,
        limited,
        10);
  }

  @Test
  void aScheduledSaleOpensAndClosesByTheClock() {
    var sale = Ids.next();
    var opensAt = shop.now().plusSeconds(10);
    shop.apply(new SaleScheduled(sale, opensAt, opensAt.plusSeconds(10), 600, 1));
    var offer = shop.offer(sale, 10, 0);
    refused(shop.request(customer, line(offer, 1)), Refusal.SALE_NOT_OPEN, offer, 10);
    shop.clock.advance(Duration.ofSeconds(10));
    assertThat(shop.apply(shop.request(customer, line(offer, 1)))).isInstanceOf(StockHeld.class);
    shop.clock.advance(Duration.ofSeconds(10));
    refused(shop.request(customer, line(offer, 1)), Refusal.SALE_NOT_OPEN, offer, 9);
  }

  @Test
  void aSaleThatClosesBetweenCartAndReservationRefuses() {
    var sale = shop.openSale();
    var offer = shop.offer(sale, 10, 0);
    var held = shop.request(customer, line(offer, 1));
    var late = shop.request(customer, line(offer, 1));
    var closed = new SaleClosed(sale, shop.now(), shop.now().plus(Duration.ofDays(1)), 600, 2);
    assertThat(shop.ledger.apply(List.of(held, closed)))
        .hasExactlyElementsOfTypes(StockHeld.class, SaleKnown.class);
    refused(late, Refusal.SALE_NOT_OPEN, offer, 9);
    assertThat(shop.apply(shop.captured(held, Ids.next())))
        .as("what is held may still be paid")
        .isInstanceOf(Fact.StockSold.class);
  }

  @Test
  void aPausedSaleRefusesUntilItIsResumed() {
    var sale = shop.openSale();
    var offer = shop.offer(sale, 10, 0);
    var closesAt = shop.now().plus(Duration.ofDays(1));
    shop.apply(new SalePaused(sale, shop.now(), closesAt, 600, 2));
    refused(shop.request(customer, line(offer, 1)), Refusal.SALE_NOT_OPEN, offer, 10);
    shop.apply(shop.opened(sale, 600, 3));
    assertThat(shop.apply(shop.request(customer, line(offer, 1)))).isInstanceOf(StockHeld.class);
  }

  @Test
  void aLateDecisionAboutASaleChangesNothing() {
    var sale = Ids.next();
    shop.apply(shop.opened(sale, 600, 5));
    var offer = shop.offer(sale, 10, 0);
    for (long version : List.of(5L, 4L)) {
      var late =
          new SaleClosed(sale, shop.now(), shop.now().plus(Duration.ofDays(1)), 600, version);
      assertThat(shop.apply(late)).isEqualTo(new SaleKnown(sale, 5));
    }
    assertThat(shop.apply(shop.request(customer, line(offer, 1)))).isInstanceOf(StockHeld.class);
  }

  @Test
  void anOfferWhoseSaleIsUnknownIsNotOpen() {
    var offer = shop.offer(Ids.next(), 10, 0);
    refused(shop.request(customer, line(offer, 1)), Refusal.SALE_NOT_OPEN, offer, 10);
  }
}
