package flashsale.payments;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import flashsale.payments.PaymentGateway.Charge;
import flashsale.payments.PaymentGateway.NoAnswer;
import flashsale.payments.PaymentGateway.Outcome;
import flashsale.payments.PaymentGateway.Outcome.Cancelled;
import flashsale.payments.PaymentGateway.Outcome.Captured;
import flashsale.payments.PaymentGateway.Outcome.Declined;
import flashsale.platform.ids.Ids;
import flashsale.platform.persistence.Database;
import flashsale.platform.persistence.TestPostgres;
import flashsale.platform.time.SteadyClock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Executors;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

class SandboxGatewayTest {
  private static final SandboxGateway.Settings QUICK =
      new SandboxGateway.Settings(Duration.ZERO, Duration.ofMillis(50), Duration.ofMillis(20), 0);
  private static final SandboxGateway.Settings FAILING =
      new SandboxGateway.Settings(Duration.ZERO, Duration.ZERO, Duration.ZERO, 1);

  private static Database.Settings where;
  private static Database database;
  private static SandboxGateway gateway;

  private final UUID key = Ids.next();
  private final UUID order = Ids.next();

  @BeforeAll
  static void open() {
    where = TestPostgres.settings("gateway");
    database = Database.open(where);
    gateway = new SandboxGateway(database, new SteadyClock(), QUICK);
  }

  @AfterAll
  static void close() {
    database.close();
  }

  private Charge charge(SandboxCard card) {
    return charge(key, card);
  }

  private Charge charge(UUID under, SandboxCard card) {
    return new Charge(under, order, 3998, "EUR", card.token());
  }

  private int charges() {
    return gateway.statement(order).charges();
  }

  @Test
  void itKnowsItsCardsAndNothingElse() {
    for (var card : SandboxCard.values()) {
      assertThat(gateway.knows(card.token())).isTrue();
    }
    for (var no : List.of("", "tok_", "TOK_OK", "tok_ok ", "4242424242424242", "tok_ok\u0000")) {
      assertThat(gateway.knows(no)).isFalse();
    }
  }

  @Test
  void aGoodCardIsChargedOnceUnderOneKey() {
    var first = gateway.charge(charge(SandboxCard.OK));
    assertThat(first).isInstanceOf(Captured.class);
    assertThat(gateway.charge(charge(SandboxCard.OK))).isEqualTo(first);
    assertThat(gateway.lookup(key)).contains(first);
    assertThat(gateway.statement(order)).isEqualTo(new SandboxGateway.Statement(1, 3998, 0));
  }

  @Test
  void twoKeysForOneOrderAreSeenAsTwoCharges() {
    gateway.charge(charge(SandboxCard.OK));
    gateway.charge(charge(Ids.next(), SandboxCard.OK));
    assertThat(gateway.statement(order)).isEqualTo(new SandboxGateway.Statement(2, 7996, 0));
  }

  @Test
  void aBadCardIsDeclinedAndStaysSoUnderItsKey() {
    assertThat(gateway.charge(charge(SandboxCard.DECLINED)))
        .isEqualTo(new Declined("insufficient_funds"));
    assertThat(gateway.charge(charge(SandboxCard.OK)))
        .isEqualTo(new Declined("insufficient_funds"));
    assertThat(charges()).isZero();
  }

  @Test
  void aLostAnswerIsFoundByAskingAgain() {
    assertThatThrownBy(() -> gateway.charge(charge(SandboxCard.TIMEOUT_AFTER_CHARGE)))
        .isInstanceOf(NoAnswer.class);
    assertThat(gateway.lookup(key).orElseThrow()).isInstanceOf(Captured.class);
    assertThat(gateway.charge(charge(SandboxCard.TIMEOUT_AFTER_CHARGE)))
        .isEqualTo(gateway.lookup(key).orElseThrow());
    assertThat(charges()).isOne();
  }

  @Test
  void aLostRequestChargesNothing() {
    assertThatThrownBy(() -> gateway.charge(charge(SandboxCard.TIMEOUT_BEFORE_CHARGE)))
        .isInstanceOf(NoAnswer.class);
    assertThat(gateway.lookup(key)).isEmpty();
    assertThat(charges()).isZero();
  }

  @Test
  void aSlowCardIsChargedAfterItsTime() {
    long from = System.nanoTime();
    assertThat(gateway.charge(charge(SandboxCard.SLOW))).isInstanceOf(Captured.class);
    assertThat(Duration.ofNanos(System.nanoTime() - from)).isGreaterThanOrEqualTo(QUICK.slowness());
  }

  @Test
  void aCardThatAnswersTwiceSaysTheSameTwice() {
    var told = new ConcurrentLinkedQueue<Outcome>();
    var own = new SandboxGateway(database, new SteadyClock(), QUICK);
    own.onAnswer((k, outcome) -> told.add(outcome));
    var answer = own.charge(charge(SandboxCard.TWICE));
    await().untilAsserted(() -> assertThat(told).containsExactly(answer));
    assertThat(charges()).isOne();
  }

  @Test
  void afterACancellationNothingCanBeChargedUnderTheKey() {
    assertThat(gateway.cancel(key)).isEqualTo(new Cancelled());
    assertThat(gateway.charge(charge(SandboxCard.OK))).isEqualTo(new Cancelled());
    assertThat(gateway.cancel(key)).isEqualTo(new Cancelled());
    assertThat(charges()).isZero();
  }

  @Test
  void aCancellationThatComesTooLateTellsTheOutcome() {
    var captured = gateway.charge(charge(SandboxCard.OK));
    assertThat(gateway.cancel(key)).isEqualTo(captured);
    assertThat(charges()).isOne();
  }

  @Test
  void aChargeAndACancellationAtTheSameTimeAgree() throws Exception {
    try (var threads = Executors.newVirtualThreadPerTaskExecutor()) {
      for (int round = 0; round < 30; round++) {
        var under = Ids.next();
        List<Callable<Outcome>> calls =
            List.of(
                () -> gateway.charge(charge(under, SandboxCard.OK)), () -> gateway.cancel(under));
        var outcomes = new ArrayList<Outcome>();
        for (var done : threads.invokeAll(calls)) {
          outcomes.add(done.get());
        }
        assertThat(outcomes.get(0)).isEqualTo(outcomes.get(1));
      }
    }
  }

  @Test
  void aRefundHappensOnce() {
    gateway.charge(charge(SandboxCard.OK));
    var first = gateway.refund(key);
    assertThat(gateway.refund(key)).isEqualTo(first);
    assertThat(gateway.statement(order)).isEqualTo(new SandboxGateway.Statement(1, 3998, 3998));
  }

  @Test
  void whatWasNotCapturedCannotBeRefunded() {
    assertThatThrownBy(() -> gateway.refund(key)).isInstanceOf(IllegalStateException.class);
    gateway.charge(charge(SandboxCard.DECLINED));
    assertThatThrownBy(() -> gateway.refund(key)).isInstanceOf(IllegalStateException.class);
  }

  @Test
  void aFailureRateOfOneBreaksEveryChargeOffHalfOfThemAfterCharging() {
    var failing = new SandboxGateway(database, new SteadyClock(), FAILING);
    int asked = 60;
    for (int i = 0; i < asked; i++) {
      var under = Ids.next();
      assertThatThrownBy(() -> failing.charge(charge(under, SandboxCard.OK)))
          .isInstanceOf(NoAnswer.class);
    }
    // Either share of none among sixty has a chance of one in 2^60.
    assertThat(charges()).isBetween(1, asked - 1);
  }

  @Test
  void itRemembersItsChargesWhenItIsStartedAgain() {
    var captured = gateway.charge(charge(SandboxCard.OK));
    try (var again = Database.open(where)) {
      var restarted = new SandboxGateway(again, new SteadyClock(), QUICK);
      assertThat(restarted.charge(charge(SandboxCard.OK))).isEqualTo(captured);
    }
    assertThat(charges()).isOne();
  }
}
