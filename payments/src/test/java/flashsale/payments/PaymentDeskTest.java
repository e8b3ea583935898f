package flashsale.payments;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import flashsale.contracts.AuditRow;
import flashsale.contracts.CheckoutUnavailable;
import flashsale.contracts.Fact;
import flashsale.contracts.Fact.HoldReleased;
import flashsale.contracts.Fact.PaymentCaptured;
import flashsale.contracts.Fact.PaymentDeclined;
import flashsale.contracts.Fact.PaymentRefunded;
import flashsale.contracts.Fact.PaymentUnanswered;
import flashsale.contracts.HoldState;
import flashsale.contracts.OrderIds;
import flashsale.contracts.PaymentState;
import flashsale.payments.PaymentBook.Opening;
import flashsale.platform.ids.Ids;
import flashsale.platform.messaging.DeadLetters;
import flashsale.platform.messaging.Outbox;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class PaymentDeskTest {
  private PayingShop shop;

  @BeforeEach
  void open() {
    shop = new PayingShop();
  }

  private List<Outbox.Taken> due() {
    return shop.outbox.take(shop.clock.instant(), Duration.ofSeconds(30), 100);
  }

  private Fact message(Outbox.Taken taken) {
    return shop.envelopes.open(taken.envelope()).message();
  }

  // --- charging --------------------------------------------------------------------------------

  @Test
  void anExtendedHoldIsChargedOnceHoweverOftenItIsTold() {
    var row = shop.open(SandboxCard.OK);
    var first = shop.apply(PayingShop.extended(row));
    assertThat(first).isInstanceOf(PaymentCaptured.class);
    shop.clock.advance(Duration.ofSeconds(5));
    assertThat(shop.apply(PayingShop.extended(row))).isEqualTo(first);
    assertThat(shop.desk.apply(List.of(PayingShop.extended(row), PayingShop.extended(row))))
        .containsExactly(first, first);
    assertThat(shop.statement(row)).isEqualTo(new SandboxGateway.Statement(1, 3998, 0));
    assertThat(shop.line.charges).hasValue(1);
  }

  @Test
  void theSameFactTwiceInOneBatchChargesOnce() {
    var row = shop.open(SandboxCard.OK);
    var answers = shop.desk.apply(List.of(PayingShop.extended(row), PayingShop.extended(row)));
    assertThat(answers.get(0)).isInstanceOf(PaymentCaptured.class).isEqualTo(answers.get(1));
    assertThat(shop.statement(row).charges()).isOne();
  }

  @Test
  void capturedMoneyIsInTheOutboxUntilItsWalkHasEnded() {
    var row = shop.open(SandboxCard.OK);
    var captured = shop.apply(PayingShop.extended(row));
    assertThat(due()).isEmpty();
    shop.clock.advance(shop.desk.settings().walkLease());
    var taken = due();
    assertThat(taken).hasSize(1);
    assertThat(message(taken.getFirst())).isEqualTo(captured);
    assertThat(taken.getFirst().key()).isEqualTo(row.reservationId());
    shop.desk.book().walked(row.paymentId());
    assertThat(shop.outbox.size()).isZero();
  }

  @Test
  void aDeclinedCardEndsThePaymentAndRepeatsAreToldTheSame() {
    var row = shop.open(SandboxCard.DECLINED);
    var first = shop.apply(PayingShop.extended(row));
    assertThat(first)
        .isEqualTo(
            new PaymentDeclined(
                row.paymentId(),
                row.orderId(),
                row.reservationId(),
                row.customerId(),
                "insufficient_funds",
                PayingShop.NOON));
    shop.clock.advance(Duration.ofSeconds(5));
    assertThat(shop.apply(PayingShop.extended(row))).isEqualTo(first);
    assertThat(shop.apply(PayingShop.gone(row))).isEqualTo(first);
    assertThat(shop.outbox.size()).isZero();
  }

  @Test
  void aGatewayThatDoesNotAnswerLeavesThePaymentUnknown() {
    for (var card : List.of(SandboxCard.TIMEOUT_AFTER_CHARGE, SandboxCard.TIMEOUT_BEFORE_CHARGE)) {
      var row = shop.open(card);
      assertThat(shop.apply(PayingShop.extended(row))).isInstanceOf(PaymentUnanswered.class);
      assertThat(shop.state(row)).isEqualTo(PaymentState.UNKNOWN);
      assertThat(shop.apply(PayingShop.extended(row))).isInstanceOf(PaymentUnanswered.class);
      assertThat(shop.apply(PayingShop.gone(row))).isInstanceOf(PaymentUnanswered.class);
      assertThat(shop.line.charges).hasValueLessThanOrEqualTo(2);
    }
    assertThat(shop.outbox.size()).isZero();
  }

  @Test
  void aSlowAnswerThatComesInTimeCounts() {
    var row = shop.open(SandboxCard.SLOW);
    assertThat(shop.apply(PayingShop.extended(row))).isInstanceOf(PaymentCaptured.class);
  }

  @Test
  void anAnswerThatComesTooLateIsTakenWithoutBeingAskedFor() {
    var late = new CountDownLatch(1);
    shop.line.afterCharge = key -> awaitQuietly(late);
    var row = shop.open(SandboxCard.OK);
    assertThat(shop.apply(PayingShop.extended(row))).isInstanceOf(PaymentUnanswered.class);
    late.countDown();
    await().until(() -> shop.state(row) == PaymentState.CAPTURED);
    assertThat(message(due().getFirst())).isEqualTo(shop.current(row).captured());
    assertThat(shop.line.looks).hasValue(0);
  }

  @Test
  void aSecondAnswerOfTheGatewayChangesNothing() {
    var row = shop.open(SandboxCard.TWICE);
    assertThat(shop.apply(PayingShop.extended(row))).isInstanceOf(PaymentCaptured.class);
    var first = shop.current(row);
    var again = new PaymentGateway.Outcome.Captured("another reference");
    shop.line.onAnswer((key, outcome) -> {});
    shop.desk
        .book()
        .settle(
            List.of(PaymentDesk.settlement(row.paymentId(), again, PaymentRow.NOT_CHARGED)),
            Duration.ZERO);
    assertThat(shop.current(row)).isEqualTo(first);
    assertThat(shop.outbox.size()).isOne();
    assertThat(shop.statement(row).charges()).isOne();
  }

  @Test
  void anAnswerAboutAStrangersKeyIsIgnored() {
    var stranger = new Settlement.Captured(Ids.next(), "ref");
    assertThat(shop.desk.book().settle(List.of(stranger), Duration.ZERO)).isEmpty();
    assertThat(shop.outbox.size()).isZero();
  }

  @Test
  void aBatchIsChargedSideBySide() {
    int many = 16;
    var allThere = new CyclicBarrier(many);
    shop.line.beforeCharge = key -> awaitQuietly(allThere);
    var facts = new ArrayList<Fact>();
    for (int i = 0; i < many; i++) {
      facts.add(PayingShop.extended(shop.open(SandboxCard.OK)));
    }
    assertThat(shop.desk.apply(facts)).hasSize(many).allMatch(PaymentCaptured.class::isInstance);
  }

  @Test
  void aBatchMayHoldEveryKindOfFactAndIsAnsweredInItsOrder() {
    var good = shop.open(SandboxCard.OK);
    var bad = shop.open(SandboxCard.DECLINED);
    var gone = shop.open(SandboxCard.OK);
    var lost = shop.captured();
    var back = shop.captured();
    var answers =
        shop.desk.apply(
            List.of(
                PayingShop.extended(good),
                PayingShop.extended(bad),
                PayingShop.gone(gone),
                PayingShop.lost(lost),
                PayingShop.refund(back)));
    assertThat(answers)
        .extracting(Object::getClass)
        .containsExactly(
            PaymentCaptured.class,
            PaymentDeclined.class,
            PaymentDeclined.class,
            PaymentRefunded.class,
            PaymentRefunded.class);
    assertThat(((PaymentDeclined) answers.get(2)).paymentId()).isEqualTo(gone.paymentId());
  }

  @Test
  void twoInstancesThatWalkOnePaymentChargeItOnce() throws Exception {
    var other = shop.another(shop.desk.settings());
    for (int round = 0; round < 10; round++) {
      var row = shop.open(SandboxCard.OK);
      List<Callable<List<Fact>>> works =
          List.of(
              () -> shop.desk.apply(List.of(PayingShop.extended(row))),
              () -> other.apply(List.of(PayingShop.extended(row))));
      try (var threads = Executors.newVirtualThreadPerTaskExecutor()) {
        var done = threads.invokeAll(works);
        assertThat(done.get(0).get()).isEqualTo(done.get(1).get());
      }
      assertThat(shop.statement(row).charges()).isOne();
    }
  }

  @Test
  void aCallWithoutAPlaceOnTheLineCountsAsUnanswered() {
    var narrow = new PayingShop(PayingShop.settings(1));
    var first = narrow.open(SandboxCard.TIMEOUT_BEFORE_CHARGE);
    assertThat(narrow.apply(PayingShop.extended(first))).isInstanceOf(PaymentUnanswered.class);
    assertThat(narrow.desk.callsUnderWay()).isOne();
    var second = narrow.open(SandboxCard.TIMEOUT_BEFORE_CHARGE);
    assertThat(narrow.apply(PayingShop.extended(second))).isInstanceOf(PaymentUnanswered.class);
    await().until(() -> narrow.desk.callsUnderWay() == 0);
  }

  // --- no hold, no charge ----------------------------------------------------------------------

  @Test
  void withoutAHoldNothingIsChargedAndNothingCanBe() {
    var row = shop.open(SandboxCard.OK);
    var answer = shop.apply(PayingShop.gone(row));
    assertThat(answer).isInstanceOf(PaymentDeclined.class);
    assertThat(((PaymentDeclined) answer).reason()).isEqualTo("HOLD_GONE");
    assertThat(shop.apply(PayingShop.extended(row))).isEqualTo(answer);
    assertThat(shop.sandbox.charge(row.charge()))
        .isInstanceOf(PaymentGateway.Outcome.Cancelled.class);
    assertThat(shop.statement(row).charges()).isZero();
  }

  @Test
  void aHoldThatIsGoneDoesNotHideTheChargeOfAWalkThatDied() {
    var row = shop.open(SandboxCard.OK);
    shop.sandbox.charge(row.charge());
    assertThat(shop.apply(PayingShop.gone(row))).isInstanceOf(PaymentCaptured.class);
    assertThat(shop.state(row)).isEqualTo(PaymentState.CAPTURED);
  }

  @Test
  void aHoldThatIsGoneWithASilentGatewayIsNotYetADecline() {
    var row = shop.open(SandboxCard.OK);
    shop.line.cut();
    assertThat(shop.apply(PayingShop.gone(row))).isInstanceOf(PaymentUnanswered.class);
  }

  // --- giving back -----------------------------------------------------------------------------

  @Test
  void aLostHoldGivesTheMoneyBackOnce() {
    var row = shop.captured();
    var first = shop.apply(PayingShop.lost(row));
    assertThat(first)
        .isEqualTo(
            new PaymentRefunded(
                row.paymentId(),
                row.orderId(),
                row.reservationId(),
                row.customerId(),
                3998,
                "EUR",
                true,
                PayingShop.NOON,
                HoldState.RELEASED));
    shop.clock.advance(Duration.ofSeconds(5));
    assertThat(shop.apply(PayingShop.lost(row))).isEqualTo(first);
    assertThat(shop.statement(row)).isEqualTo(new SandboxGateway.Statement(1, 3998, 3998));
  }

  @Test
  void anOperatorsRefundGivesTheMoneyBackOnce() {
    var row = shop.captured();
    var first = shop.apply(PayingShop.refund(row));
    assertThat(((PaymentRefunded) first).holdLost()).isFalse();
    shop.clock.advance(Duration.ofSeconds(5));
    assertThat(shop.apply(PayingShop.refund(row))).isEqualTo(first);
    assertThat(shop.statement(row).refundedMinor()).isEqualTo(3998);
  }

  @Test
  void aChargeThatIsToldAgainAfterItsRefundIsAnsweredWithItsFirstOutcome() {
    var row = shop.captured();
    shop.apply(PayingShop.refund(row));
    assertThat(shop.apply(PayingShop.extended(row))).isEqualTo(row.captured());
    assertThat(shop.statement(row).charges()).isOne();
  }

  @Test
  void aRefundWithoutAnAnswerIsTriedAgainAndLosesNothingElseOfItsBatch() {
    var row = shop.captured();
    var other = shop.open(SandboxCard.OK);
    shop.line.beforeOther =
        key -> {
          throw new PaymentGateway.NoAnswer("cut");
        };
    assertThatThrownBy(
            () -> shop.desk.apply(List.of(PayingShop.extended(other), PayingShop.lost(row))))
        .isInstanceOf(CheckoutUnavailable.class);
    assertThat(shop.state(row)).isEqualTo(PaymentState.CAPTURED);
    assertThat(shop.state(other)).isEqualTo(PaymentState.CAPTURED);
    shop.line.mend();
    assertThat(shop.apply(PayingShop.lost(row))).isInstanceOf(PaymentRefunded.class);
  }

  @Test
  void whatWasNeverCapturedCannotBeGivenBack() {
    var pending = shop.open(SandboxCard.OK);
    assertThatThrownBy(() -> shop.apply(PayingShop.lost(pending)))
        .isInstanceOf(IllegalStateException.class);
    assertThatThrownBy(() -> shop.apply(PayingShop.refund(pending)))
        .isInstanceOf(IllegalStateException.class);
    var declined = shop.open(SandboxCard.DECLINED);
    shop.apply(PayingShop.extended(declined));
    assertThatThrownBy(() -> shop.apply(PayingShop.lost(declined)))
        .isInstanceOf(IllegalStateException.class);
    assertThatThrownBy(() -> shop.apply(PayingShop.refund(declined)))
        .isInstanceOf(IllegalStateException.class);
  }

  @Test
  void aFactAboutAnUnknownPaymentOrForSomebodyElseIsRefused() {
    var row =
        PaymentRow.requested(
            Ids.next(), shop.order(), "tok_ok", "print", PayingShop.NOON, PayingShop.NOON);
    assertThatThrownBy(() -> shop.apply(PayingShop.extended(row)))
        .isInstanceOf(IllegalStateException.class);
    var other = new HoldReleased(Ids.next(), Ids.next(), PayingShop.NOON);
    assertThatThrownBy(() -> shop.apply(other)).isInstanceOf(IllegalArgumentException.class);
  }

  // --- one payment per order -------------------------------------------------------------------

  @Test
  void anOrderHasOnePaymentThatMayBeChargedAndAnotherOnlyAfterADecline() {
    var order = shop.order();
    var bad = shop.open(order, SandboxCard.DECLINED);
    assertThat(begin(order.orderId())).isInstanceOf(Opening.OrderTaken.class);
    shop.apply(PayingShop.extended(bad));
    var good = shop.open(order, SandboxCard.OK);
    shop.apply(PayingShop.extended(good));
    assertThat(begin(order.orderId())).isInstanceOf(Opening.OrderTaken.class);
    shop.apply(PayingShop.lost(good));
    assertThat(begin(order.orderId())).isInstanceOf(Opening.OrderTaken.class);
  }

  @Test
  void anOrderCannotBeTriedForEver() {
    var order = shop.order();
    for (int i = 0; i < shop.desk.settings().paymentsPerOrderMax(); i++) {
      shop.apply(PayingShop.extended(shop.open(order, SandboxCard.DECLINED)));
    }
    assertThat(begin(order.orderId())).isInstanceOf(Opening.TooMany.class);
  }

  @Test
  void aBatchOfBeginningsTellsRepeatsAndRivalsApart() {
    var order = shop.order();
    var one = row(Ids.next(), order.orderId());
    var rival = row(Ids.next(), order.orderId());
    var openings = shop.desk.book().open(List.of(one, rival, one));
    assertThat(openings)
        .containsExactly(new Opening.Opened(one), new Opening.OrderTaken(), new Opening.Known(one));
  }

  private Opening begin(UUID orderId) {
    return shop.desk.book().open(List.of(row(Ids.next(), orderId))).getFirst();
  }

  private PaymentRow row(UUID paymentId, UUID orderId) {
    var order = shop.neighbours.order(orderId).orElseThrow();
    var now = shop.clock.instant();
    return PaymentRow.requested(paymentId, order, "tok_ok", "print", now, now);
  }

  // --- the audit's view ------------------------------------------------------------------------

  @Test
  void theAuditSeesThePaymentsOfOneReservationTogetherInTheOrderOfReservations() {
    var order = shop.order();
    shop.apply(PayingShop.extended(shop.open(order, SandboxCard.DECLINED)));
    shop.apply(PayingShop.extended(shop.open(order, SandboxCard.OK)));
    var later = shop.open(SandboxCard.OK);
    var first = shop.desk.payments(Optional.empty(), 1);
    assertThat(first)
        .extracting(AuditRow.Payment::state)
        .containsExactlyInAnyOrder(PaymentState.DECLINED, PaymentState.CAPTURED);
    assertThat(first)
        .extracting(AuditRow.Payment::reservationId)
        .containsOnly(order.reservationId());
    var second = shop.desk.payments(Optional.of(order.reservationId()), 1);
    assertThat(second).containsExactly(later.auditRow(false));
    assertThat(shop.desk.payments(Optional.of(later.reservationId()), 1)).isEmpty();
  }

  @Test
  void theAuditSeesWhatTheGatewayTookUnderAnyKeyAndWhatIsBookedOfIt() {
    var paid = shop.captured();
    var refunded = shop.captured();
    shop.apply(PayingShop.refund(refunded));
    // Taken, but not written yet: it is open, and will be found.
    var open = shop.open(SandboxCard.OK);
    shop.sandbox.charge(open.charge());
    // A second charge of the same order, under a key that we know nothing of.
    var twice =
        new PaymentGateway.Charge(
            Ids.next(), paid.orderId(), paid.amountMinor(), "EUR", SandboxCard.OK.token());
    shop.sandbox.charge(twice);
    var all = shop.desk.charges(Optional.empty(), 10);
    assertThat(all)
        .containsExactly(
            charge(paid.paymentId(), paid, 3998, 3998),
            charge(refunded.paymentId(), refunded, 0, 0),
            charge(open.paymentId(), open, 3998, 3998),
            charge(twice.key(), paid, 3998, 0));
    assertThat(shop.desk.charges(Optional.of(refunded.paymentId()), 1)).containsExactly(all.get(2));
    shop.line.cut();
    assertThatThrownBy(() -> shop.desk.charges(Optional.empty(), 10))
        .isInstanceOf(CheckoutUnavailable.class);
  }

  private static AuditRow.Charge charge(UUID key, PaymentRow row, long taken, long booked) {
    return new AuditRow.Charge(
        key, row.orderId(), OrderIds.reservationOf(row.orderId()), taken, booked);
  }

  @Test
  void theOutboxIsThePlatformsOwn() throws IOException {
    try (var sql =
        PaymentDesk.class.getResourceAsStream("/db/migration/payments/V1__payments.sql")) {
      assertThat(new String(sql.readAllBytes(), StandardCharsets.UTF_8)).contains(Outbox.TABLE);
    }
  }

  @Test
  void theDeadLettersAreThePlatformsOwn() throws IOException {
    try (var sql =
        PaymentDesk.class.getResourceAsStream("/db/migration/payments/V3__dead_letters.sql")) {
      assertThat(new String(sql.readAllBytes(), StandardCharsets.UTF_8))
          .contains(DeadLetters.TABLE);
    }
  }

  private static void awaitQuietly(CountDownLatch latch) {
    try {
      if (!latch.await(10, TimeUnit.SECONDS)) {
        throw new AssertionError("nobody came");
      }
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  private static void awaitQuietly(CyclicBarrier barrier) {
    try {
      barrier.await(10, TimeUnit.SECONDS);
    } catch (Exception e) {
      throw new AssertionError(e);
    }
  }
}
