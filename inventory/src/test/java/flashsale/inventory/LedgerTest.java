package flashsale.inventory;

import static flashsale.inventory.TestLedger.HOLD_SECONDS;
import static flashsale.inventory.TestLedger.line;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import flashsale.contracts.Fact;
import flashsale.contracts.Fact.HoldExpired;
import flashsale.contracts.Fact.HoldExtended;
import flashsale.contracts.Fact.HoldGone;
import flashsale.contracts.Fact.HoldLost;
import flashsale.contracts.Fact.HoldOverdue;
import flashsale.contracts.Fact.HoldReleased;
import flashsale.contracts.Fact.OfferAllocated;
import flashsale.contracts.Fact.ReleaseRequested;
import flashsale.contracts.Fact.ReservationRequested;
import flashsale.contracts.Fact.StockAllocated;
import flashsale.contracts.Fact.StockHeld;
import flashsale.contracts.Fact.StockReturned;
import flashsale.contracts.Fact.StockSold;
import flashsale.contracts.HoldState;
import flashsale.platform.ids.Ids;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/** What each fact does to a hold and its units. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class LedgerTest {
  private final TestLedger shop = new TestLedger();
  private final UUID customer = Ids.next();

  @AfterAll
  void close() {
    shop.close();
  }

  private StockHeld hold(ReservationRequested request) {
    return (StockHeld) shop.apply(request);
  }

  private void figures(UUID offerId, int available, int held, int sold) {
    assertThat(shop.stock(offerId))
        .satisfies(
            s -> {
              assertThat(List.of(s.available(), s.held(), s.sold()))
                  .containsExactly(available, held, sold);
              assertThat(s.allocated()).isEqualTo(available + held + sold);
            });
  }

  private List<String> outboxOf(ReservationRequested request) {
    return shop.query(
        "SELECT envelope::json->>'type', extract(epoch FROM due_at)::bigint FROM outbox WHERE key ='"
            + request.reservationId()
            + "'");
  }

  // --- holding ---------------------------------------------------------------------------------

  @Test
  void aHoldTakesAllItsLinesAndCarriesItsExpiry() {
    var first = shop.offer(10, 0);
    var second = shop.offer(10, 0);
    var request = shop.request(customer, line(first, 2), line(second, 3));
    var held = hold(request);
    assertThat(held)
        .isEqualTo(
            new StockHeld(
                request.reservationId(),
                customer,
                request.lines(),
                "EUR",
                "fingerprint",
                shop.now(),
                shop.now().plusSeconds(HOLD_SECONDS)));
    figures(first, 8, 2, 0);
    figures(second, 7, 3, 0);
  }

  @Test
  void theShortestHoldTimeOfTheSalesCounts() {
    var sale = Ids.next();
    shop.apply(shop.opened(sale, 60, 1));
    var request =
        shop.request(customer, line(shop.offer(10, 0), 1), line(shop.offer(sale, 10, 0), 1));
    assertThat(hold(request).expiresAt()).isEqualTo(shop.now().plusSeconds(60));
  }

  @Test
  void linesThatNameOneOfferTwiceCountTogether() {
    var offer = shop.offer(5, 0);
    hold(shop.request(customer, line(offer, 2), line(offer, 3)));
    figures(offer, 0, 5, 0);
  }

  @Test
  void aRepeatedRequestIsAnsweredWithItsFirstOutcomeAndTakesNothing() {
    var offer = shop.offer(10, 0);
    var request = shop.request(customer, line(offer, 2));
    var held = hold(request);
    shop.clock.advance(Duration.ofSeconds(5));
    var changed = shop.request(request.reservationId(), customer, line(shop.offer(9, 0), 9));
    assertThat(shop.apply(changed)).isEqualTo(held);
    assertThat(shop.ledger.apply(List.of(request, request))).containsExactly(held, held);
    figures(offer, 8, 2, 0);
  }

  @Test
  void theSameRequestTwiceInOneBatchHoldsOnce() {
    var offer = shop.offer(10, 0);
    var request = shop.request(customer, line(offer, 2));
    var answers = shop.ledger.apply(List.of(request, request));
    assertThat(answers.getFirst()).isInstanceOf(StockHeld.class).isEqualTo(answers.getLast());
    figures(offer, 8, 2, 0);
  }

  @Test
  void aRepeatAfterTheHoldWasResolvedTellsTheResolution() {
    var offer = shop.offer(10, 0);
    var released = shop.request(customer, line(offer, 1));
    var sold = shop.request(customer, line(offer, 1));
    var returned = shop.request(customer, line(offer, 1));
    var expired = shop.request(customer, line(offer, 1));
    shop.ledger.apply(List.of(released, sold, returned, expired));
    var first =
        shop.ledger.apply(
            List.of(
                shop.release(released),
                shop.captured(sold, Ids.next()),
                shop.captured(returned, Ids.next())));
    var back = shop.apply(shop.refunded(returned));
    shop.clock.advance(Duration.ofSeconds(HOLD_SECONDS));
    var gone = shop.apply(shop.overdue(expired));
    assertThat(shop.ledger.apply(List.of(released, sold, returned, expired)))
        .containsExactly(first.get(0), first.get(1), back, gone);
  }

  // --- giving back -----------------------------------------------------------------------------

  @Test
  void aReleaseGivesTheUnitsBackOnceAndIsDrivenOnLaterInCaseTheWalkDies() {
    var offer = shop.offer(10, 0);
    var request = shop.request(customer, line(offer, 4));
    hold(request);
    var released = shop.apply(shop.release(request));
    assertThat(released).isEqualTo(new HoldReleased(request.reservationId(), customer, shop.now()));
    figures(offer, 10, 0, 0);
    assertThat(outboxOf(request))
        .containsExactly("hold-released.v1 " + shop.now().plusSeconds(10).getEpochSecond());
    shop.clock.advance(Duration.ofSeconds(1));
    assertThat(shop.apply(shop.release(request))).isEqualTo(released);
    figures(offer, 10, 0, 0);
    assertThat(outboxOf(request)).hasSize(1);
  }

  @Test
  void aReleaseThatComesBeforeItsRequestLeavesATombstone() {
    var offer = shop.offer(10, 0);
    var late = shop.request(customer, line(offer, 4));
    var released = shop.apply(shop.release(late));
    assertThat(released).isInstanceOf(HoldReleased.class);
    shop.clock.advance(Duration.ofSeconds(1));
    assertThat(shop.apply(late)).isEqualTo(released);
    figures(offer, 10, 0, 0);
    assertThat(outboxOf(late)).isEmpty();
  }

  @Test
  void theSystemMayReleaseWithoutACustomer() {
    var offer = shop.offer(10, 0);
    var request = shop.request(customer, line(offer, 4));
    hold(request);
    var bySystem = new ReleaseRequested(request.reservationId(), null, shop.now());
    assertThat(shop.apply(bySystem)).isInstanceOf(HoldReleased.class);
    figures(offer, 10, 0, 0);
    var unknown = new ReleaseRequested(Ids.next(), null, shop.now());
    assertThat(shop.apply(unknown)).isInstanceOf(HoldReleased.class);
  }

  @Test
  void aRequestAndItsReleaseInOneBatchTakeNothing() {
    var offer = shop.offer(10, 2);
    var request = shop.request(customer, line(offer, 2));
    var next = shop.request(customer, line(offer, 2));
    assertThat(shop.ledger.apply(List.of(request, shop.release(request), next)))
        .hasExactlyElementsOfTypes(StockHeld.class, HoldReleased.class, StockHeld.class);
    figures(offer, 8, 2, 0);
  }

  @Test
  void aHoldExpiresAtItsInstantNotBefore() {
    var offer = shop.offer(10, 0);
    var request = shop.request(customer, line(offer, 4));
    var held = hold(request);
    shop.clock.advance(Duration.ofSeconds(HOLD_SECONDS).minusNanos(1_000));
    assertThat(shop.apply(shop.overdue(request))).isEqualTo(held);
    figures(offer, 6, 4, 0);
    shop.clock.advance(Duration.ofNanos(1_000));
    var expired = new HoldExpired(request.reservationId(), customer, shop.now());
    assertThat(shop.apply(shop.overdue(request))).isEqualTo(expired);
    figures(offer, 10, 0, 0);
    assertThat(outboxOf(request)).containsExactly("hold-expired.v1 " + shop.now().getEpochSecond());
    assertThat(shop.apply(shop.overdue(request))).isEqualTo(expired);
    assertThat(outboxOf(request)).hasSize(1);
  }

  @Test
  void aHoldThatIsUnknownCannotBeOverdue() {
    assertThatThrownBy(() -> shop.apply(new HoldOverdue(Ids.next(), shop.now())))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void aClockThatStepsBackResolvesNothingTwice() {
    var offer = shop.offer(10, 0);
    var request = shop.request(customer, line(offer, 4));
    hold(request);
    shop.clock.advance(Duration.ofSeconds(HOLD_SECONDS));
    var expired = shop.apply(shop.overdue(request));
    shop.clock.advance(Duration.ofSeconds(-HOLD_SECONDS));
    assertThat(shop.apply(shop.overdue(request))).isEqualTo(expired);
    assertThat(shop.apply(request)).isEqualTo(expired);
    assertThat(shop.apply(shop.payment(request, Ids.next()))).isInstanceOf(HoldGone.class);
    figures(offer, 10, 0, 0);
  }

  // --- paying ----------------------------------------------------------------------------------

  @Test
  void aPaymentExtendsTheHoldByTheChargeWindowAtLeast() {
    var request = shop.request(customer, line(shop.offer(10, 0), 1));
    var held = hold(request);
    var early = (HoldExtended) shop.apply(shop.payment(request, Ids.next()));
    assertThat(early.expiresAt()).isEqualTo(held.expiresAt());
    shop.clock.advance(Duration.ofSeconds(HOLD_SECONDS - 1));
    var paymentId = Ids.next();
    var until = shop.now().plus(Ledger.Settings.DEFAULT.chargeWindow());
    var asked = shop.payment(request, paymentId);
    assertThat(shop.apply(asked))
        .isEqualTo(
            new HoldExtended(
                paymentId,
                asked.orderId(),
                asked.reservationId(),
                customer,
                asked.amountMinor(),
                "EUR",
                "tok_ok",
                until));
    shop.clock.advance(Duration.ofSeconds(2));
    assertThat(shop.apply(shop.overdue(request)))
        .isInstanceOfSatisfying(StockHeld.class, h -> assertThat(h.expiresAt()).isEqualTo(until));
  }

  @Test
  void attemptsToPayKeepAHoldForOneChargeWindowBeyondItsTimeAndNoLonger() {
    var offer = shop.offer(10, 0);
    var request = shop.request(customer, line(offer, 1));
    var promised = hold(request).expiresAt();
    shop.clock.advance(Duration.ofSeconds(HOLD_SECONDS - 1));
    var walking = shop.payment(request, Ids.next());
    var last = (HoldExtended) shop.apply(walking);
    assertThat(last.expiresAt())
        .isEqualTo(promised.minusSeconds(1).plus(Ledger.Settings.DEFAULT.chargeWindow()));
    shop.clock.advance(Duration.ofSeconds(1));
    assertThat(shop.apply(shop.payment(request, Ids.next()))).isInstanceOf(HoldGone.class);
    // A walk that is repeated too late charges nothing any more, but what it had charged is sold.
    assertThat(shop.apply(walking)).isInstanceOf(HoldGone.class);
    assertThat(shop.apply(shop.captured(request, walking.paymentId())))
        .isInstanceOf(StockSold.class);
    figures(offer, 9, 0, 1);
  }

  @Test
  void aHoldThatIsTakenAndExtendedInOneBatchKeepsItsPromiseToo() {
    var sale = Ids.next();
    shop.apply(shop.opened(sale, 60, 1));
    var request = shop.request(customer, line(shop.offer(sale, 10, 0), 1));
    shop.ledger.apply(List.of(request, shop.payment(request, Ids.next())));
    shop.clock.advance(Duration.ofSeconds(60));
    assertThat(shop.apply(shop.payment(request, Ids.next()))).isInstanceOf(HoldGone.class);
  }

  @Test
  void aPaymentForAHoldWhoseTimeIsUpExpiresItAndChargesNothing() {
    var offer = shop.offer(10, 0);
    var request = shop.request(customer, line(offer, 4));
    hold(request);
    shop.clock.advance(Duration.ofSeconds(HOLD_SECONDS));
    var asked = shop.payment(request, Ids.next());
    assertThat(shop.apply(asked))
        .isEqualTo(
            new HoldGone(asked.paymentId(), asked.orderId(), asked.reservationId(), customer));
    figures(offer, 10, 0, 0);
    assertThat(outboxOf(request)).containsExactly("hold-expired.v1 " + shop.now().getEpochSecond());
  }

  @Test
  void whereThereIsNoHoldNothingIsCharged() {
    var offer = shop.offer(10, 0);
    var unknown = shop.request(customer, line(offer, 1));
    assertThat(shop.apply(shop.payment(unknown, Ids.next()))).isInstanceOf(HoldGone.class);
    var sold = shop.request(customer, line(offer, 1));
    hold(sold);
    shop.apply(shop.captured(sold, Ids.next()));
    assertThat(shop.apply(shop.payment(sold, Ids.next()))).isInstanceOf(HoldGone.class);
  }

  @Test
  void aCapturedPaymentSellsTheUnitsOnce() {
    var offer = shop.offer(10, 0);
    var request = shop.request(customer, line(offer, 4));
    hold(request);
    var paymentId = Ids.next();
    var sold = shop.apply(shop.captured(request, paymentId));
    assertThat(sold)
        .isEqualTo(
            new StockSold(
                request.reservationId(), customer, request.reservationId(), paymentId, shop.now()));
    figures(offer, 6, 0, 4);
    shop.clock.advance(Duration.ofSeconds(1));
    assertThat(shop.apply(shop.captured(request, paymentId))).isEqualTo(sold);
    figures(offer, 6, 0, 4);
  }

  @Test
  void anOverdueHoldThatWasNotSweptYetIsStillSold() {
    var offer = shop.offer(10, 0);
    var request = shop.request(customer, line(offer, 4));
    hold(request);
    shop.clock.advance(Duration.ofSeconds(HOLD_SECONDS + 1));
    assertThat(shop.apply(shop.captured(request, Ids.next()))).isInstanceOf(StockSold.class);
    figures(offer, 6, 0, 4);
  }

  @Test
  void moneyForAHoldThatWasResolvedOtherwiseIsLost() {
    var offer = shop.offer(10, 0);
    var released = shop.request(customer, line(offer, 1));
    var sold = shop.request(customer, line(offer, 1));
    var unknown = shop.request(customer, line(offer, 1));
    shop.ledger.apply(
        List.of(released, sold, shop.release(released), shop.captured(sold, Ids.next())));
    var resolvedAs = new ArrayList<HoldState>();
    for (var request : List.of(released, sold, unknown)) {
      var payment = shop.captured(request, Ids.next());
      var lost = (HoldLost) shop.apply(payment);
      resolvedAs.add(lost.resolvedAs());
      assertThat(shop.apply(payment))
          .isEqualTo(
              new HoldLost(
                  request.reservationId(),
                  customer,
                  payment.orderId(),
                  payment.paymentId(),
                  shop.now(),
                  lost.resolvedAs()));
    }
    assertThat(resolvedAs).containsExactly(HoldState.RELEASED, HoldState.SOLD, null);
    figures(offer, 9, 0, 1);
  }

  // --- refunds ---------------------------------------------------------------------------------

  @Test
  void aRefundMakesTheUnitsAvailableAgainOnceAndFreesTheCustomersLimit() {
    var offer = shop.offer(10, 2);
    var request = shop.request(customer, line(offer, 2));
    var paymentId = Ids.next();
    var sold = shop.ledger.apply(List.of(request, shop.captured(request, paymentId))).getLast();
    shop.clock.advance(Duration.ofSeconds(1));
    var returned = shop.apply(shop.refunded(request));
    assertThat(returned)
        .isEqualTo(
            new StockReturned(
                request.reservationId(), customer, request.reservationId(), shop.now()));
    figures(offer, 10, 0, 0);
    assertThat(shop.apply(shop.refunded(request))).isEqualTo(returned);
    assertThat(shop.apply(shop.captured(request, paymentId)))
        .as("a late repeat of the payment did sell")
        .isEqualTo(sold);
    figures(offer, 10, 0, 0);
    assertThat(hold(shop.request(customer, line(offer, 2)))).isNotNull();
  }

  @Test
  void aRefundOfWhatWasNeverSoldIsRefusedLoudly() {
    var offer = shop.offer(10, 0);
    var held = shop.request(customer, line(offer, 2));
    hold(held);
    var unknown = shop.request(customer, line(offer, 2));
    for (var request : List.of(held, unknown)) {
      assertThatThrownBy(() -> shop.apply(shop.refunded(request)))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("sold it nothing");
    }
    figures(offer, 8, 2, 0);
  }

  // --- what operators decide -------------------------------------------------------------------

  @Test
  void anAllocationIsNeverLessThanWhatIsHeldOrSold() {
    var sale = shop.openSale();
    var offer = shop.offer(sale, 10, 0);
    var sold = shop.request(customer, line(offer, 3));
    shop.ledger.apply(
        List.of(sold, shop.request(customer, line(offer, 4)), shop.captured(sold, Ids.next())));
    assertThat(shop.apply(new OfferAllocated(offer, sale, 5, 0, 2)))
        .isEqualTo(new StockAllocated(offer, sale, 7, 0, 4, 3, 2));
    assertThat(shop.apply(new OfferAllocated(offer, sale, 20, 0, 3)))
        .isEqualTo(new StockAllocated(offer, sale, 20, 13, 4, 3, 3));
  }

  @Test
  void aLateAllocationChangesNothing() {
    var sale = shop.openSale();
    var offer = Ids.next();
    shop.apply(new OfferAllocated(offer, sale, 10, 0, 5));
    for (long version : List.of(5L, 4L)) {
      assertThat(shop.apply(new OfferAllocated(offer, sale, 99, 1, version)))
          .isEqualTo(new StockAllocated(offer, sale, 10, 10, 0, 0, 5));
    }
  }

  @Test
  void anOfferCannotMoveToAnotherSale() {
    var offer = shop.offer(10, 0);
    var moved = new OfferAllocated(offer, shop.openSale(), 10, 0, 2);
    assertThatThrownBy(() -> shop.apply(moved)).isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void anOfferIsHeldInTheBatchThatAllocatesIt() {
    var sale = shop.openSale();
    var offer = Ids.next();
    var request = shop.request(customer, line(offer, 1));
    assertThat(shop.ledger.apply(List.of(new OfferAllocated(offer, sale, 10, 0, 1), request)))
        .hasExactlyElementsOfTypes(StockAllocated.class, StockHeld.class);
  }

  // --- what cannot be meant --------------------------------------------------------------------

  @Test
  void aFactThatTheLedgerDoesNotTakeIsRefused() {
    Fact foreign = new HoldReleased(Ids.next(), customer, shop.now());
    assertThatThrownBy(() -> shop.apply(foreign))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("HoldReleased");
    assertThatThrownBy(() -> shop.ledger.apply(List.of()))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void aPoisonedRequestLeavesTheBatchUndone() {
    var offer = shop.offer(10, 0);
    for (int quantity : List.of(0, -1, Integer.MIN_VALUE)) {
      var batch =
          List.<Fact>of(
              shop.request(customer, line(offer, 1)),
              shop.request(customer, line(offer, quantity)));
      assertThatThrownBy(() -> shop.ledger.apply(batch))
          .isInstanceOf(IllegalArgumentException.class);
    }
    var hostile =
        new ReservationRequested(
            Ids.next(), customer, List.of(line(offer, 1)), "EUR", "a\0b", shop.now());
    assertThatThrownBy(() -> shop.apply(hostile)).isInstanceOf(IllegalArgumentException.class);
    figures(offer, 10, 0, 0);
  }
}
