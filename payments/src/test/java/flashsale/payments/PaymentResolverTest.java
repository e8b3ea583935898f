package flashsale.payments;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import flashsale.contracts.AuditRow;
import flashsale.contracts.Fact.PaymentUnanswered;
import flashsale.contracts.OrderState;
import flashsale.contracts.PaymentState;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Nothing that happened to the money is forgotten, whatever dies or is silent. */
class PaymentResolverTest {
  /** The death of the process: nobody catches it, so nothing is written after it. */
  private static final class Died extends Error {
    private static final long serialVersionUID = 1L;
  }

  private PayingShop shop;

  @BeforeEach
  void open() {
    shop = new PayingShop();
  }

  private void dieAfterCharging() {
    shop.line.afterCharge =
        key -> {
          throw new Died();
        };
  }

  private void dieBeforeCharging() {
    shop.line.beforeCharge =
        key -> {
          throw new Died();
        };
  }

  private int attempts(UUID paymentId) {
    return shop.database.with(
        connection -> {
          try (var statement =
              connection.prepareStatement("SELECT attempts FROM payment WHERE payment_id = ?")) {
            statement.setObject(1, paymentId);
            try (var rows = statement.executeQuery()) {
              rows.next();
              return rows.getInt(1);
            }
          }
        });
  }

  @Test
  void aLostAnswerIsFoundAndTheOrderIsPaid() {
    var row = shop.open(SandboxCard.TIMEOUT_AFTER_CHARGE);
    assertThat(shop.carry(row.request())).isInstanceOf(PaymentUnanswered.class);
    try (var _ = shop.relay();
        var _ = shop.desk.keepAsking()) {
      shop.clock.advance(shop.desk.settings().backoffFirst());
      await().until(() -> shop.neighbours.state(row.orderId()) == OrderState.PAID);
      await().until(() -> shop.outbox.size() == 0);
    }
    assertThat(shop.state(row)).isEqualTo(PaymentState.CAPTURED);
    assertThat(shop.statement(row).charges()).isOne();
  }

  @Test
  void aChargeBetweenWhichAndItsRowTheProcessDiedIsFound() {
    var row = shop.open(SandboxCard.OK);
    dieAfterCharging();
    assertThatThrownBy(() -> shop.carry(row.request())).isInstanceOf(Died.class);
    assertThat(shop.state(row)).isEqualTo(PaymentState.PENDING);
    assertThat(shop.statement(row).charges()).isOne();
    shop.line.mend();
    // The next process: the same database, and a gateway that remembers.
    var next = shop.another(shop.desk.settings());
    try (var _ = shop.relay();
        var _ = next.keepAsking()) {
      shop.clock.advance(shop.desk.settings().pendingLookAfter());
      await().until(() -> shop.neighbours.state(row.orderId()) == OrderState.PAID);
    }
    assertThat(shop.state(row)).isEqualTo(PaymentState.CAPTURED);
    assertThat(shop.statement(row).charges()).isOne();
  }

  @Test
  void aPaymentWhoseProcessDiedBeforeTheChargeMakesWayForAnother() {
    var order = shop.order();
    var row = shop.open(order, SandboxCard.OK);
    dieBeforeCharging();
    assertThatThrownBy(() -> shop.carry(row.request())).isInstanceOf(Died.class);
    shop.line.mend();
    try (var _ = shop.desk.keepAsking()) {
      shop.clock.advance(shop.desk.settings().pendingLookAfter());
      await().until(() -> shop.state(row) == PaymentState.DECLINED);
    }
    assertThat(shop.current(row).declineReason()).isEqualTo("NOT_CHARGED");
    shop.carry(shop.open(order, SandboxCard.OK).request());
    assertThat(shop.neighbours.state(order.orderId())).isEqualTo(OrderState.PAID);
    assertThat(shop.statement(row).charges()).isOne();
  }

  @Test
  void aPaymentThatIsYoungerThanAWalkIsLeftToItsWalk() {
    var walking = shop.open(SandboxCard.OK);
    shop.clock.advance(shop.desk.settings().pendingLookAfter().minusMillis(1));
    assertThat(shop.desk.book().takeDue()).isEmpty();
    shop.clock.advance(Duration.ofMillis(1));
    assertThat(shop.desk.book().takeDue())
        .extracting(PaymentRow::paymentId)
        .containsExactly(walking.paymentId());
  }

  @Test
  void aRequestThatWasLostIsGivenUpOnlyAfterItCannotBeChargedAnyMore() {
    var row = shop.open(SandboxCard.TIMEOUT_BEFORE_CHARGE);
    shop.carry(row.request());
    try (var _ = shop.desk.keepAsking()) {
      shop.clock.advance(shop.desk.settings().backoffFirst());
      await().until(() -> attempts(row.paymentId()) > 0);
      assertThat(shop.state(row)).isEqualTo(PaymentState.UNKNOWN);
      shop.clock.advance(shop.desk.settings().cancelAfter());
      await().until(() -> shop.state(row) == PaymentState.DECLINED);
    }
    assertThat(shop.current(row).declineReason()).isEqualTo("NOT_CHARGED");
    assertThat(shop.sandbox.charge(row.charge()))
        .isInstanceOf(PaymentGateway.Outcome.Cancelled.class);
  }

  @Test
  void aSilentGatewayIsAskedMoreAndMoreRarely() {
    var row = shop.open(SandboxCard.TIMEOUT_AFTER_CHARGE);
    shop.carry(row.request());
    var settings = shop.desk.settings();
    var longest = Duration.ZERO;
    for (int i = 0; i < 12; i++) {
      shop.clock.advance(settings.backoffMax().plus(settings.gatewayTimeout()));
      assertThat(shop.desk.book().takeDue()).hasSize(1);
      assertThat(shop.desk.book().takeDue()).isEmpty();
      var wait = Duration.between(shop.clock.instant(), shop.current(row).nextLookAt());
      assertThat(wait).isGreaterThanOrEqualTo(settings.gatewayTimeout());
      longest = wait.compareTo(longest) > 0 ? wait : longest;
    }
    assertThat(longest)
        .isBetween(
            settings.gatewayTimeout().plus(settings.backoffFirst()),
            settings.gatewayTimeout().plus(settings.backoffMax()));
    assertThat(attempts(row.paymentId())).isEqualTo(12);
  }

  @Test
  void aGatewayThatComesBackIsAskedAgain() {
    var row = shop.open(SandboxCard.OK);
    shop.line.cut();
    shop.carry(row.request());
    try (var _ = shop.relay();
        var _ = shop.desk.keepAsking()) {
      shop.clock.advance(shop.desk.settings().backoffFirst());
      await().until(() -> shop.line.looks.get() > 0);
      assertThat(shop.state(row)).isEqualTo(PaymentState.UNKNOWN);
      shop.line.mend();
      shop.sandbox.charge(row.charge());
      shop.clock.advance(Duration.ofMinutes(2));
      await().until(() -> shop.neighbours.state(row.orderId()) == OrderState.PAID);
    }
  }

  @Test
  void moneyFoundAfterTheHoldWasLostGoesBack() {
    var row = shop.open(SandboxCard.TIMEOUT_AFTER_CHARGE);
    shop.carry(row.request());
    shop.neighbours.expire(row.reservationId());
    try (var _ = shop.relay();
        var _ = shop.desk.keepAsking()) {
      shop.clock.advance(shop.desk.settings().backoffFirst());
      await().until(() -> shop.neighbours.state(row.orderId()) == OrderState.CANCELLED);
    }
    assertThat(shop.state(row)).isEqualTo(PaymentState.REFUNDED);
    assertThat(shop.statement(row)).isEqualTo(new SandboxGateway.Statement(1, 3998, 3998));
  }

  @Test
  void aWalkThatDiedAfterTheCaptureIsDrivenOnByTheOutbox() {
    var row = shop.captured();
    try (var _ = shop.relay()) {
      shop.clock.advance(shop.desk.settings().walkLease());
      await().until(() -> shop.neighbours.state(row.orderId()) == OrderState.PAID);
      await().until(() -> shop.outbox.size() == 0);
    }
  }

  @Test
  void aChargeThatTheGatewayHadPromisedNotToMakeIsGivenBackUntilItIs() {
    var row = shop.open(SandboxCard.OK);
    var givenUp = new Settlement.Declined(row.paymentId(), PaymentRow.NOT_CHARGED);
    shop.desk.book().settle(List.of(givenUp), Duration.ZERO);
    // Its cancelling was weak: the charge comes all the same, and is told late, and twice.
    var outcome = (PaymentGateway.Outcome.Captured) shop.sandbox.charge(row.charge());
    var late = new Settlement.Captured(row.paymentId(), outcome.reference());
    shop.desk.book().settle(List.of(late), Duration.ZERO);
    shop.desk.book().settle(List.of(late), Duration.ZERO);
    assertThat(shop.state(row)).isEqualTo(PaymentState.DECLINED);
    assertThat(audited(row).strayOut()).isTrue();
    shop.line.cut();
    try (var _ = shop.desk.keepAsking()) {
      await().until(() -> strayAttempts() > 0);
      assertThat(audited(row).strayOut()).isTrue();
      shop.line.mend();
      shop.clock.advance(Duration.ofMinutes(2));
      await().until(() -> !audited(row).strayOut());
    }
    assertThat(shop.statement(row)).isEqualTo(new SandboxGateway.Statement(1, 3998, 3998));
    assertThat(shop.desk.book().takeDueStrays()).isEmpty();
    // The order never noticed: it can be paid.
    assertThat(shop.state(row)).isEqualTo(PaymentState.DECLINED);
    assertThat(shop.outbox.size()).isZero();
  }

  private AuditRow.Payment audited(PaymentRow row) {
    return shop.desk.payments(Optional.empty(), 10).stream()
        .filter(payment -> payment.paymentId().equals(row.paymentId()))
        .findFirst()
        .orElseThrow();
  }

  private int strayAttempts() {
    return shop.database.with(
        connection -> {
          try (var statement = connection.prepareStatement("SELECT sum(attempts) FROM stray");
              var rows = statement.executeQuery()) {
            rows.next();
            return rows.getInt(1);
          }
        });
  }

  @Test
  void anErrorInOneCallKeepsNeitherTheOthersNorTheNextRoundBack() {
    var poisoned = shop.open(SandboxCard.TIMEOUT_AFTER_CHARGE);
    var other = shop.open(SandboxCard.TIMEOUT_AFTER_CHARGE);
    shop.carry(poisoned.request());
    shop.carry(other.request());
    shop.line.beforeOther =
        key -> {
          if (key.equals(poisoned.paymentId())) {
            throw new StackOverflowError("for a while");
          }
        };
    try (var _ = shop.relay();
        var _ = shop.desk.keepAsking()) {
      shop.clock.advance(shop.desk.settings().backoffFirst());
      await().until(() -> shop.state(other) == PaymentState.CAPTURED);
      assertThat(shop.state(poisoned)).isEqualTo(PaymentState.UNKNOWN);
      shop.line.mend();
      shop.clock.advance(Duration.ofMinutes(2));
      await().until(() -> shop.state(poisoned) == PaymentState.CAPTURED);
    }
  }

  @Test
  void whatAClockAheadPutOffIsAskedAboutWithinTheLongestWait() {
    var row = shop.open(SandboxCard.OK);
    shop.clock.advance(Duration.ofDays(-1));
    try (var _ = shop.desk.keepAsking()) {
      var longest = PaymentApi.ACCEPTED_LOOK_AFTER;
      await()
          .until(() -> !shop.current(row).nextLookAt().isAfter(shop.clock.instant().plus(longest)));
      shop.clock.advance(longest);
      await().until(() -> attempts(row.paymentId()) > 0);
    }
  }

  @Test
  void aResolverAndAWalkThatMeetAgree() {
    var row = shop.open(SandboxCard.OK);
    shop.line.beforeCharge =
        key -> {
          // The walk was so slow that the resolver has given the payment up meanwhile.
          shop.sandbox.cancel(key);
          shop.desk
              .book()
              .settle(
                  List.of(new Settlement.Declined(row.paymentId(), PaymentRow.NOT_CHARGED)),
                  Duration.ZERO);
        };
    var end = shop.carry(row.request());
    assertThat(end).isEqualTo(shop.current(row).charged());
    assertThat(shop.state(row)).isEqualTo(PaymentState.DECLINED);
    assertThat(shop.statement(row).charges()).isZero();
  }
}
