package flashsale.audit;

import static flashsale.audit.PaperShop.NOON;
import static flashsale.audit.PaperShop.OFFER;
import static flashsale.audit.PaperShop.SALE;
import static flashsale.audit.PaperShop.id;
import static org.assertj.core.api.Assertions.assertThat;

import flashsale.audit.AuditReport.Breach;
import flashsale.audit.AuditReport.Rule;
import flashsale.audit.AuditReport.Verdict;
import flashsale.contracts.AuditRow;
import flashsale.contracts.HoldState;
import flashsale.contracts.OrderIds;
import flashsale.contracts.OrderState;
import flashsale.contracts.PaymentState;
import flashsale.contracts.ReservationState;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import org.junit.jupiter.api.Test;

/** What the audit makes of what the roles say. */
class AuditTest {
  private final PaperShop shop = new PaperShop();

  /** Everything is looked at a second time, but nothing is waited for. */
  private AuditReport audit(Optional<UUID> saleId) {
    return shop.audit().run(saleId, Duration.ZERO);
  }

  private List<Rule> broken() {
    return audit(Optional.of(SALE)).breaches().stream().map(Breach::rule).toList();
  }

  @Test
  void whereAllAgreeThereIsNoBreach() {
    shop.paid(1);
    shop.hold(2, HoldState.HELD, NOON.plusSeconds(1));
    shop.reservation(2, ReservationState.HELD);
    shop.order(2, OrderState.PENDING_PAYMENT);
    shop.payment(2, PaymentState.UNKNOWN, NOON.minus(Purchase.OPEN_PAYMENT_MAX), false);
    var report = audit(Optional.empty());
    assertThat(report.breaches()).isEmpty();
    assertThat(report.verdict()).isEqualTo(Verdict.OK);
    assertThat(report.openPayments()).isOne();
    assertThat(report.counts()).isEqualTo(new AuditReport.Counts(2, 2, 2, 2));
  }

  @Test
  void manyThatLookWrongForAMomentDoNotHideTheOneThatIs() {
    for (int number = 1; number <= Audit.BREACHES_MAX; number++) {
      shop.paid(number);
      shop.written.add(id(number));
    }
    int last = Audit.BREACHES_MAX + 1;
    shop.paid(last);
    shop.reservations.removeLast();
    var report = audit(Optional.empty());
    assertThat(report.verdict()).isEqualTo(Verdict.BREACH);
    assertThat(report.breaches()).extracting(Breach::subject).containsOnly(id(last));
    assertThat(report.counts().orders()).isEqualTo(last);
  }

  @Test
  void noMoreBreachesAreListedThanTheLimit() {
    for (int number = 1; number <= Audit.BREACHES_MAX + 1; number++) {
      shop.paid(number);
    }
    shop.reservations.clear();
    assertThat(audit(Optional.empty()).breaches()).hasSize(Audit.BREACHES_MAX);
  }

  @Test
  void whatIsWhollyLostIsToldByTheAuditOfASaleToo() {
    shop.reservation(1, ReservationState.CONFIRMED);
    assertThat(broken()).containsExactly(Rule.HOLD_MATCHES_RESERVATION);
    shop.reservations.clear();
    shop.payment(1, PaymentState.CAPTURED, NOON, false);
    assertThat(broken()).containsExactly(Rule.PAYMENT_HAS_ORDER);
  }

  @Test
  void aHoldThatNobodyExpiresIsTold() {
    shop.hold(1, HoldState.HELD, NOON.minus(Purchase.OVERDUE_MAX));
    shop.reservation(1, ReservationState.HELD);
    shop.order(1, OrderState.PENDING_PAYMENT);
    assertThat(broken()).isEmpty();
    shop.holds.clear();
    shop.hold(1, HoldState.HELD, NOON.minus(Purchase.OVERDUE_MAX).minusMillis(1));
    assertThat(broken()).containsExactly(Rule.HOLD_IN_TIME);
  }

  @Test
  void aPaymentThatStaysOpenIsTold() {
    shop.hold(1, HoldState.HELD, NOON);
    shop.reservation(1, ReservationState.HELD);
    shop.order(1, OrderState.PENDING_PAYMENT);
    var since = NOON.minus(Purchase.OPEN_PAYMENT_MAX).minusMillis(1);
    shop.payment(1, PaymentState.UNKNOWN, since, false);
    assertThat(broken()).containsExactly(Rule.PAYMENT_ENDS);
  }

  @Test
  void aChargeAfterThePaymentWasGivenUpIsToldUntilItIsGivenBack() {
    shop.paid(1);
    shop.payment(1, PaymentState.DECLINED, NOON, true);
    assertThat(broken()).containsExactly(Rule.PAYMENT_HAS_ORDER);
    shop.payments.removeLast();
    shop.payment(1, PaymentState.DECLINED, NOON, false);
    assertThat(broken()).isEmpty();
  }

  @Test
  void aSecondChargeUnderAnotherKeyIsTold() {
    shop.paid(1);
    shop.paid(2);
    shop.charges.add(new AuditRow.Charge(id(7), OrderIds.of(id(1)), id(1), 1_999, 0));
    var breaches = audit(Optional.of(SALE)).breaches();
    assertThat(breaches).hasSize(1);
    assertThat(breaches.getFirst().rule()).isEqualTo(Rule.CHARGE_IS_BOOKED);
    assertThat(breaches.getFirst().subject()).isEqualTo(id(1));
    assertThat(breaches.getFirst().detail()).contains(id(7).toString());
  }

  @Test
  void moneyThatWentBackAtTheGatewayOnlyIsTold() {
    shop.paid(1);
    shop.charges.clear();
    shop.charges.add(new AuditRow.Charge(id(1), OrderIds.of(id(1)), id(1), 0, 1_999));
    assertThat(broken()).containsExactly(Rule.CHARGE_IS_BOOKED);
  }

  @Test
  void aCustomersUnitsThatAreCountedWronglyAreTold() {
    shop.miscounted.add(new AuditRow.Allotment(OFFER, id(1), 1, 2));
    shop.miscounted.add(new AuditRow.Allotment(id(5), id(1), 1, 2));
    assertThat(broken()).containsExactly(Rule.ALLOTMENT_ADDS_UP);
  }
}
