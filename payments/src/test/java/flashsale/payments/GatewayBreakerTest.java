package flashsale.payments;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import flashsale.contracts.CheckoutUnavailable;
import flashsale.contracts.Fact;
import flashsale.contracts.Fact.PaymentCaptured;
import flashsale.contracts.Fact.PaymentRefunded;
import flashsale.contracts.Fact.PaymentUnanswered;
import flashsale.contracts.OrderState;
import flashsale.contracts.PaymentState;
import flashsale.platform.metrics.Figures;
import io.helidon.faulttolerance.CircuitBreaker;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** A gateway that does not answer is left alone, and nobody's money depends on that. */
class GatewayBreakerTest {
  private static final Duration FOR_THE_TEST = Duration.ofMinutes(1);
  private static final Duration SOON = Duration.ofMillis(50);

  /** As many as it looks at, and how many of them open it. */
  private static final int CALLS = 20;

  private static final int FAILURES = 15;

  private PayingShop shop = new PayingShop(PayingShop.settings(256, FOR_THE_TEST));

  @AfterEach
  void close() {
    shop.meters.close();
  }

  private List<PaymentRow> payments(int number) {
    return Stream.generate(() -> shop.open(SandboxCard.OK)).limit(number).toList();
  }

  private List<Fact> charge(List<PaymentRow> rows) {
    return shop.desk.apply(rows.stream().map(row -> (Fact) PayingShop.extended(row)).toList());
  }

  private double figure(String name) {
    return Figures.of(shop.meters, "flashsale_gateway_" + name);
  }

  @Test
  void whatIsNotAskedIsUnansweredAndNothingWasCharged() {
    var captured = shop.captured();
    shop.line.cut();
    assertThat(charge(payments(CALLS))).allMatch(PaymentUnanswered.class::isInstance);
    assertThat(shop.desk.gatewayState()).isEqualTo("DOWN");
    assertThat(figure("down")).isOne();
    assertThat(figure("failures_total")).isEqualTo(CALLS);

    shop.line.mend();
    int charges = shop.line.charges.get();
    var row = shop.open(SandboxCard.OK);
    assertThat(shop.apply(PayingShop.extended(row))).isInstanceOf(PaymentUnanswered.class);
    assertThat(shop.state(row)).isEqualTo(PaymentState.UNKNOWN);
    assertThatThrownBy(() -> shop.apply(PayingShop.lost(captured)))
        .isInstanceOf(CheckoutUnavailable.class);
    assertThat(shop.state(captured)).isEqualTo(PaymentState.CAPTURED);

    assertThat(shop.line.charges).hasValue(charges);
    assertThat(shop.statement(row).charges()).isZero();
    assertThat(shop.statement(captured).refundedMinor()).isZero();
    assertThat(figure("left_alone_total")).isEqualTo(2);
    assertThat(figure("failures_total")).isEqualTo(CALLS);
    assertThat(shop.desk.callsUnderWay()).isZero();
  }

  @Test
  void aGatewayThatHangsCostsTheNextOnesNoPatienceAndItsAnswersCountInTheEnd() {
    var release = new CountDownLatch(1);
    shop.line.beforeCharge = key -> awaitQuietly(release);
    try {
      var hanging = payments(CALLS);
      assertThat(charge(hanging)).allMatch(PaymentUnanswered.class::isInstance);
      assertThat(shop.desk.gatewayState()).isEqualTo("DOWN");
      assertThat(shop.desk.callsUnderWay()).isEqualTo(CALLS);

      var from = System.nanoTime();
      assertThat(charge(payments(CALLS))).allMatch(PaymentUnanswered.class::isInstance);
      assertThat(Duration.ofNanos(System.nanoTime() - from)).isLessThan(PayingShop.PATIENCE);
      assertThat(shop.line.charges).hasValue(CALLS);

      release.countDown();
      for (var row : hanging) {
        await().until(() -> shop.state(row) == PaymentState.CAPTURED);
        assertThat(shop.statement(row).charges()).isOne();
      }
    } finally {
      release.countDown();
    }
  }

  @Test
  void aGatewayThatComesBackIsAskedWhatBecameOfAllAndChargesOnce() {
    shop = new PayingShop(PayingShop.settings(256, SOON));
    var captured = shop.captured();
    var order = shop.order();
    shop.line.cut();
    var unanswered = payments(CALLS);
    charge(unanswered);
    var row = shop.open(order, SandboxCard.OK);
    shop.apply(PayingShop.extended(row));

    shop.line.mend();
    try (var _ = shop.desk.keepAsking()) {
      shop.clock.advance(shop.desk.settings().cancelAfter());
      for (var one : unanswered) {
        await().until(() -> shop.state(advanced(one)) == PaymentState.DECLINED);
      }
      await().until(() -> shop.state(advanced(row)) == PaymentState.DECLINED);
    }
    assertThat(shop.desk.gatewayState()).isEqualTo("UP");
    assertThat(figure("down")).isZero();
    assertThat(shop.statement(row).charges()).isZero();

    shop.carry(shop.open(order, SandboxCard.OK).request());
    assertThat(shop.neighbours.state(order.orderId())).isEqualTo(OrderState.PAID);
    assertThat(shop.statement(row).charges()).isOne();
    assertThat(shop.apply(PayingShop.lost(captured))).isInstanceOf(PaymentRefunded.class);
  }

  /** Those that were not asked about in a round are due again later. */
  private PaymentRow advanced(PaymentRow row) {
    shop.clock.advance(Duration.ofSeconds(1));
    return row;
  }

  @Test
  void aGatewayThatLosesSomeAnswersIsAskedOn() {
    var rows = payments(CALLS);
    var lost = rows.stream().limit(FAILURES - 1).map(PaymentRow::paymentId).toList();
    shop.line.afterCharge =
        key -> {
          if (lost.contains(key)) {
            throw new PaymentGateway.NoAnswer("lost");
          }
        };
    charge(rows);
    assertThat(shop.desk.gatewayState()).isEqualTo("UP");
    assertThat(charge(payments(1)).getFirst()).isInstanceOf(PaymentCaptured.class);
  }

  /** Their patience ends at the same time, after all answers have come. */
  @Test
  void whoeverHangsTellsNothingWhereOthersAreAnswered() {
    var rows = payments(3 * CALLS);
    var answered = rows.stream().limit(1).map(PaymentRow::paymentId).toList();
    var release = new CountDownLatch(1);
    shop.line.beforeCharge =
        key -> {
          if (!answered.contains(key)) {
            awaitQuietly(release);
          }
        };
    try {
      assertThat(charge(rows)).hasAtLeastOneElementOfType(PaymentCaptured.class);
      assertThat(shop.desk.gatewayState()).isEqualTo("UP");
      assertThat(figure("failures_total")).isEqualTo(3 * CALLS - 1);
    } finally {
      release.countDown();
    }
  }

  @Test
  void aRefusalIsAnAnswer() {
    var calls = new GatewayCalls(CALLS, PayingShop.PATIENCE, FOR_THE_TEST, shop.meters);
    var refusal =
        GatewayCalls.Question.of(
            () -> {
              throw new IllegalStateException("nothing was captured under this key");
            });
    assertThat(calls.ask(Stream.generate(() -> refusal).limit(CALLS).toList()))
        .allMatch(Optional::isEmpty);
    assertThat(calls.state()).isEqualTo("UP");
    assertThat(figure("failures_total")).isZero();
  }

  @Test
  void aCallWhoseAdapterHasABreakerOfItsOwnGivesItsPlaceBackOnce() {
    var calls = new GatewayCalls(CALLS, PayingShop.PATIENCE, FOR_THE_TEST, shop.meters);
    var adapters = CircuitBreaker.builder().delay(FOR_THE_TEST).build();
    adapters.state(CircuitBreaker.State.OPEN);
    var question = GatewayCalls.Question.of(() -> adapters.invoke(() -> "asked"));
    assertThat(calls.ask(List.of(question))).containsExactly(Optional.empty());
    assertThat(calls.underWay()).isZero();
  }

  /** Whoever has no place waits for one; the gateway is not to blame. */
  @Test
  void aCallWithoutAPlaceTellsNothingAgainstTheGateway() {
    var release = new CountDownLatch(1);
    shop = new PayingShop(PayingShop.settings(1, FOR_THE_TEST));
    shop.line.beforeCharge = key -> awaitQuietly(release);
    try {
      charge(payments(CALLS));
      assertThat(shop.desk.gatewayState()).isEqualTo("UP");
      assertThat(figure("full_total")).isEqualTo(CALLS - 1);
      assertThat(figure("failures_total")).isOne();
    } finally {
      release.countDown();
    }
  }

  /** Calls that were under way when it was left alone fail after that. */
  @Test
  void lateFailuresTellNothingAgainstAGatewayThatHasComeBack() {
    shop = new PayingShop(PayingShop.settings(256, SOON));
    hung(
        3 * CALLS,
        () -> assertThat(shop.desk.gatewayState()).as("of so many").isIn("DOWN", "DEGRADED"));
    for (int i = 0; i < CALLS; i++) {
      assertThat(charge(payments(1)).getFirst()).isInstanceOf(PaymentCaptured.class);
      assertThat(shop.desk.gatewayState()).isEqualTo("UP");
    }
  }

  @Test
  void whileCallsThatHangHaveAllPlacesNobodyWaitsForOne() {
    shop = new PayingShop(PayingShop.settings(CALLS, SOON));
    hung(
        CALLS,
        () -> {
          await().until(() -> shop.desk.gatewayState().equals("DEGRADED"));
          var rows = payments(1);
          var from = System.nanoTime();
          assertThat(charge(rows).getFirst()).isInstanceOf(PaymentUnanswered.class);
          assertThat(Duration.ofNanos(System.nanoTime() - from)).isLessThan(PayingShop.PATIENCE);
        });
    assertThat(charge(payments(1)).getFirst()).isInstanceOf(PaymentCaptured.class);
    assertThat(figure("down")).isZero();
  }

  /** Does something while so many charges hang; afterwards the gateway may be tried again. */
  private void hung(int charges, Runnable meanwhile) {
    var release = new CountDownLatch(1);
    shop.line.beforeCharge = key -> awaitQuietly(release);
    try {
      charge(payments(charges));
      meanwhile.run();
    } finally {
      release.countDown();
    }
    await().until(() -> shop.desk.callsUnderWay() == 0);
    await().until(() -> !shop.desk.gatewayState().equals("DOWN"));
  }

  private static void awaitQuietly(CountDownLatch latch) {
    try {
      latch.await();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
