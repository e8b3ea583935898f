package flashsale.payments;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import flashsale.contracts.Fact.HoldExtended;
import flashsale.contracts.Fact.PaymentCaptured;
import flashsale.contracts.Fact.PaymentRefunded;
import flashsale.contracts.Fact.PaymentRequested;
import flashsale.contracts.Fact.StockSold;
import flashsale.contracts.Order;
import flashsale.contracts.OrderState;
import flashsale.contracts.PaymentState;
import flashsale.payments.PaymentsServer.Reply;
import flashsale.platform.ids.Ids;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class PaymentApiTest {
  private PaymentsServer server;
  private PayingShop shop;
  private final UUID customer = Ids.next();
  private Order order;

  @BeforeEach
  void start() {
    server = new PaymentsServer();
    shop = server.shop;
    order = shop.neighbours.place(customer, shop.clock.instant());
  }

  @AfterEach
  void stop() {
    server.close();
  }

  private Reply pay(SandboxCard card, String key) {
    return server.pay(customer, order.orderId(), card, key);
  }

  private int charges() {
    return shop.sandbox.statement(order.orderId()).charges();
  }

  private OrderState orderState() {
    return shop.neighbours.state(order.orderId());
  }

  // --- outcomes --------------------------------------------------------------------------------

  @Test
  void aGoodCardPaysTheOrder() {
    var paid = pay(SandboxCard.OK, null);
    assertThat(paid.status()).isEqualTo(201);
    assertThat(paid.location()).contains("/api/v1/payments/" + paid.text("paymentId"));
    assertThat(paid.text("orderId")).isEqualTo(order.orderId().toString());
    assertThat(paid.text("reservationId")).isEqualTo(order.reservationId().toString());
    assertThat(paid.text("state")).isEqualTo("CAPTURED");
    assertThat(paid.body().get("amountMinor").asLong()).isEqualTo(3998);
    assertThat(paid.text("currency")).isEqualTo("EUR");
    assertThat(paid.body().get("declineReason").isNull()).isTrue();
    assertThat(orderState()).isEqualTo(OrderState.PAID);
    assertThat(shop.outbox.size()).isZero();
    assertThat(server.get(customer, paid.location().orElseThrow()).body()).isEqualTo(paid.body());
  }

  @Test
  void aSlowCardAndOneThatIsAnsweredTwicePayTheOrderToo() {
    assertThat(pay(SandboxCard.SLOW, null).status()).isEqualTo(201);
    order = shop.neighbours.place(customer, shop.clock.instant());
    var twice = pay(SandboxCard.TWICE, null);
    assertThat(twice.status()).isEqualTo(201);
    assertThat(charges()).isOne();
    assertThat(orderState()).isEqualTo(OrderState.PAID);
  }

  @Test
  void aDeclinedCardLeavesTheOrderToAnotherOne() {
    var declined = pay(SandboxCard.DECLINED, null);
    assertThat(declined.status()).isEqualTo(402);
    assertThat(declined.code()).isEqualTo("PAYMENT_DECLINED");
    assertThat(declined.text("reason")).isEqualTo("insufficient_funds");
    var seen = server.get(customer, "/api/v1/payments/" + declined.text("paymentId"));
    assertThat(seen.text("state")).isEqualTo("DECLINED");
    assertThat(seen.text("declineReason")).isEqualTo("insufficient_funds");
    assertThat(pay(SandboxCard.OK, null).status()).isEqualTo(201);
    assertThat(charges()).isOne();
  }

  @Test
  void aMissingAnswerIsAcceptedAndTheOrderIsPaidOnceItIsKnown() {
    try (var _ = shop.relay();
        var _ = shop.desk.keepAsking()) {
      var unknown = pay(SandboxCard.TIMEOUT_AFTER_CHARGE, "k");
      assertThat(unknown.status()).isEqualTo(202);
      assertThat(unknown.text("state")).isEqualTo("UNKNOWN");
      var rival = pay(SandboxCard.OK, null);
      assertThat(rival.status()).isEqualTo(409);
      assertThat(rival.code()).isEqualTo("PAYMENT_IN_PROGRESS");
      shop.clock.advance(shop.desk.settings().backoffFirst());
      await().until(() -> orderState() == OrderState.PAID);
      var known = server.get(customer, unknown.location().orElseThrow());
      assertThat(known.text("state")).isEqualTo("CAPTURED");
      assertThat(pay(SandboxCard.TIMEOUT_AFTER_CHARGE, "k").status()).isEqualTo(201);
      assertThat(charges()).isOne();
    }
  }

  @Test
  void aRequestThatNeverReachedTheGatewayIsDeclinedInTheEnd() {
    try (var _ = shop.desk.keepAsking()) {
      assertThat(pay(SandboxCard.TIMEOUT_BEFORE_CHARGE, "k").status()).isEqualTo(202);
      shop.clock.advance(shop.desk.settings().cancelAfter());
      await().until(() -> pay(SandboxCard.TIMEOUT_BEFORE_CHARGE, "k").status() == 402);
      assertThat(pay(SandboxCard.TIMEOUT_BEFORE_CHARGE, "k").text("reason"))
          .isEqualTo("NOT_CHARGED");
    }
    assertThat(pay(SandboxCard.OK, null).status()).isEqualTo(201);
  }

  @Test
  void withoutAHoldNothingIsCharged() {
    shop.neighbours.expire(order.reservationId());
    var gone = pay(SandboxCard.OK, "k");
    assertThat(gone.status()).isEqualTo(410);
    assertThat(gone.code()).isEqualTo("HOLD_GONE");
    assertThat(gone.text("detail")).contains("nothing was charged");
    assertThat(pay(SandboxCard.OK, "k").body()).isEqualTo(gone.body());
    assertThat(charges()).isZero();
  }

  @Test
  void aHoldThatIsLostDuringTheChargeGivesTheMoneyBack() {
    shop.line.afterCharge = key -> shop.neighbours.expire(order.reservationId());
    var gone = pay(SandboxCard.OK, "k");
    assertThat(gone.status()).isEqualTo(410);
    assertThat(gone.code()).isEqualTo("HOLD_GONE");
    assertThat(gone.text("detail")).contains("refunded");
    assertThat(orderState()).isEqualTo(OrderState.CANCELLED);
    assertThat(shop.sandbox.statement(order.orderId()))
        .isEqualTo(new SandboxGateway.Statement(1, 3998, 3998));
    assertThat(shop.outbox.size()).isZero();
    assertThat(pay(SandboxCard.OK, "k").body()).isEqualTo(gone.body());
  }

  // --- repeats ---------------------------------------------------------------------------------

  @Test
  void aRepeatWithTheSameKeyIsAnsweredWithTheFirstOutcome() {
    var first = pay(SandboxCard.OK, "k");
    var second = pay(SandboxCard.OK, "k");
    assertThat(second.status()).isEqualTo(201);
    assertThat(second.body()).isEqualTo(first.body());
    assertThat(second.location()).isEqualTo(first.location());
    assertThat(charges()).isOne();
  }

  @Test
  void aRepeatOfADeclineIsADecline() {
    var first = pay(SandboxCard.DECLINED, "k");
    assertThat(pay(SandboxCard.DECLINED, "k").body()).isEqualTo(first.body());
    assertThat(shop.line.charges).hasValue(1);
  }

  @Test
  void theSameKeyWithAnotherBodyIsAMisuse() {
    pay(SandboxCard.DECLINED, "k");
    var misuse = pay(SandboxCard.OK, "k");
    assertThat(misuse.status()).isEqualTo(422);
    assertThat(misuse.code()).isEqualTo("IDEMPOTENCY_KEY_REUSED");
    assertThat(charges()).isZero();
  }

  @Test
  void aKeyBelongsToItsCustomer() {
    var stranger = Ids.next();
    var theirs = shop.neighbours.place(stranger, shop.clock.instant());
    assertThat(pay(SandboxCard.OK, "k").status()).isEqualTo(201);
    assertThat(server.pay(stranger, theirs.orderId(), SandboxCard.OK, "k").status()).isEqualTo(201);
  }

  @Test
  void aRepeatWhileTheFirstIsRunningIsToldSo() throws Exception {
    var charging = new CountDownLatch(1);
    var go = new CountDownLatch(1);
    shop.line.beforeCharge =
        key -> {
          charging.countDown();
          awaitQuietly(go);
        };
    try (var threads = Executors.newVirtualThreadPerTaskExecutor()) {
      var first = threads.submit(() -> pay(SandboxCard.OK, "k"));
      awaitQuietly(charging);
      var second = pay(SandboxCard.OK, "k");
      var rival = pay(SandboxCard.OK, "another");
      go.countDown();
      assertThat(second.status()).isEqualTo(409);
      assertThat(second.code()).isEqualTo("STILL_RUNNING");
      assertThat(second.retryAfter()).contains("1");
      assertThat(rival.code()).isEqualTo("PAYMENT_IN_PROGRESS");
      assertThat(first.get().status()).isEqualTo(201);
    }
    assertThat(charges()).isOne();
  }

  @Test
  void manyButtonsPressedAtOnceChargeOnce() throws Exception {
    for (int round = 0; round < 5; round++) {
      order = shop.neighbours.place(customer, shop.clock.instant());
      var works = new ArrayList<Callable<Reply>>();
      for (int i = 0; i < 12; i++) {
        var key = i % 3 == 0 ? null : "round-" + round + "-" + i % 3;
        works.add(() -> pay(SandboxCard.OK, key));
      }
      var statuses = new ArrayList<Integer>();
      try (var threads = Executors.newVirtualThreadPerTaskExecutor()) {
        for (var done : threads.invokeAll(works)) {
          statuses.add(done.get().status());
        }
      }
      assertThat(statuses).contains(201).isSubsetOf(201, 409);
      assertThat(charges()).isOne();
      assertThat(orderState()).isEqualTo(OrderState.PAID);
    }
    assertThat(shop.outbox.size()).isZero();
  }

  // --- walks that stop -------------------------------------------------------------------------

  @Test
  void aWalkThatStopsBeforeTheChargeIsTakenUpByTheKey() {
    shop.block(HoldExtended.class);
    var stopped = pay(SandboxCard.OK, "k");
    assertThat(stopped.status()).isEqualTo(503);
    assertThat(stopped.retryAfter()).contains("1");
    assertThat(charges()).isZero();
    shop.block(null);
    assertThat(pay(SandboxCard.OK, "k").status()).isEqualTo(201);
    assertThat(charges()).isOne();
  }

  @Test
  void aWalkThatStopsAfterTheChargeIsAcceptedAndDrivenOnAtOnce() {
    shop.block(PaymentCaptured.class);
    var stopped = pay(SandboxCard.OK, "k");
    assertThat(stopped.status()).isEqualTo(202);
    assertThat(stopped.text("state")).isEqualTo("CAPTURED");
    assertThat(orderState()).isEqualTo(OrderState.PENDING_PAYMENT);
    shop.block(null);
    try (var _ = shop.relay()) {
      await().until(() -> orderState() == OrderState.PAID);
      await().until(() -> shop.outbox.size() == 0);
    }
    assertThat(charges()).isOne();
  }

  @Test
  void aRepeatDrivesACapturedPaymentOnItself() {
    shop.block(StockSold.class);
    assertThat(pay(SandboxCard.OK, "k").status()).isEqualTo(202);
    assertThat(pay(SandboxCard.OK, "k").status()).isEqualTo(202);
    shop.block(null);
    assertThat(pay(SandboxCard.OK, "k").status()).isEqualTo(201);
    assertThat(orderState()).isEqualTo(OrderState.PAID);
    assertThat(shop.outbox.size()).isZero();
    assertThat(charges()).isOne();
  }

  // --- who and what ----------------------------------------------------------------------------

  @Test
  void otherPeoplesOrdersAndPaymentsDoNotExist() {
    var stranger = Ids.next();
    assertThat(server.pay(stranger, order.orderId(), SandboxCard.OK, null).status()).isEqualTo(404);
    assertThat(server.pay(customer, Ids.next(), SandboxCard.OK, null).status()).isEqualTo(404);
    var paid = pay(SandboxCard.OK, null);
    assertThat(server.get(stranger, paid.location().orElseThrow()).status()).isEqualTo(404);
    assertThat(server.get(customer, "/api/v1/payments/" + Ids.next()).status()).isEqualTo(404);
    assertThat(server.get(customer, "/api/v1/payments/1").status()).isEqualTo(404);
  }

  @Test
  void anOrderThatDoesNotWaitForItsPaymentIsNotPayable() {
    pay(SandboxCard.OK, null);
    var again = pay(SandboxCard.OK, null);
    assertThat(again.status()).isEqualTo(409);
    assertThat(again.code()).isEqualTo("ORDER_NOT_PAYABLE");
    assertThat(again.text("state")).isEqualTo("PAID");
  }

  @Test
  void aPaymentWithoutAKeyThatStoppedBeforeTheChargeMakesWayAtOnce() {
    shop.block(PaymentRequested.class);
    assertThat(pay(SandboxCard.OK, null).status()).isEqualTo(503);
    shop.block(null);
    assertThat(pay(SandboxCard.OK, null).status()).isEqualTo(201);
    assertThat(charges()).isOne();
  }

  @Test
  void aPaymentThatMayHaveBeenChargedOrThatCanBeRepeatedDoesNotMakeWay() {
    shop.block(HoldExtended.class);
    assertThat(pay(SandboxCard.OK, null).status()).isEqualTo(503);
    shop.block(null);
    assertThat(pay(SandboxCard.OK, null).code()).isEqualTo("PAYMENT_IN_PROGRESS");
    order = shop.neighbours.place(customer, shop.clock.instant());
    shop.block(PaymentRequested.class);
    assertThat(pay(SandboxCard.OK, "k").status()).isEqualTo(503);
    shop.block(null);
    assertThat(pay(SandboxCard.OK, null).code()).isEqualTo("PAYMENT_IN_PROGRESS");
    assertThat(pay(SandboxCard.OK, "k").status()).isEqualTo(201);
  }

  @Test
  void anOrderThatWasTriedTooOftenIsLeftAlone() {
    for (int i = 0; i < shop.desk.settings().paymentsPerOrderMax(); i++) {
      assertThat(pay(SandboxCard.DECLINED, null).status()).isEqualTo(402);
    }
    var more = pay(SandboxCard.OK, null);
    assertThat(more.status()).isEqualTo(409);
    assertThat(more.code()).isEqualTo("TOO_MANY_PAYMENTS");
  }

  @Test
  void whatIsNoTokenIsRefusedAndNeitherKeptNorRepeated() {
    var cardNumber = "4242424242424242";
    var refused = server.pay(customer, PaymentsServer.body(order.orderId(), cardNumber), null);
    assertThat(refused.status()).isEqualTo(422);
    assertThat(refused.code()).isEqualTo("METHOD_UNKNOWN");
    assertThat(refused.body().toString()).doesNotContain(cardNumber);
  }

  @Test
  void badInputIsRefusedWithAProblemAndChangesNothing() {
    var id = order.orderId();
    for (var body :
        List.of(
            "",
            "null",
            "[]",
            "{",
            "{}",
            "{\"orderId\":null,\"method\":null}",
            "{\"orderId\":\"%s\"}".formatted(id),
            "{\"method\":\"tok_ok\"}",
            "{\"orderId\":1,\"method\":\"tok_ok\"}",
            "{\"orderId\":\"1\",\"method\":\"tok_ok\"}",
            "{\"orderId\":\"%s\",\"method\":1}".formatted(id),
            "{\"orderId\":\"%s\",\"method\":[]}".formatted(id),
            "{\"orderId\":\"%s\",\"method\":\"tok_ok\",\"amountMinor\":1}".formatted(id),
            PaymentsServer.body(id, ""),
            PaymentsServer.body(id, "tok_ok'; DROP TABLE payment; --"),
            PaymentsServer.body(id, "tok_ok\\u0000"),
            PaymentsServer.body(id, "\\ud800"),
            PaymentsServer.body(id, "x".repeat(20_000)))) {
      var reply = server.pay(customer, body, null);
      assertThat(reply.status()).as(body).isIn(400, 415, 422);
      assertThat(reply.code()).as(body).isNotEmpty();
    }
    for (var key : List.of("with space", "x".repeat(256))) {
      var reply = pay(SandboxCard.OK, key);
      assertThat(reply.code()).as(key).isEqualTo("INVALID_IDEMPOTENCY_KEY");
    }
    assertThat(server.pay(null, PaymentsServer.body(id, "tok_ok"), null).status()).isEqualTo(401);
    assertThat(server.get(null, "/api/v1/payments/" + id).status()).isEqualTo(401);
    assertThat(orderState()).isEqualTo(OrderState.PENDING_PAYMENT);
    assertThat(charges()).isZero();
  }

  // --- refunds ---------------------------------------------------------------------------------

  @Test
  void anOperatorGivesThePaidMoneyBackOnceAndItIsNotedWhoDidSo() {
    var paid = pay(SandboxCard.OK, null);
    var refunded = server.refund(PaymentsServer.OPERATOR, order.orderId());
    assertThat(refunded.status()).isEqualTo(200);
    assertThat(refunded.text("orderId")).isEqualTo(order.orderId().toString());
    assertThat(refunded.text("state")).isEqualTo("REFUNDED");
    assertThat(server.refund(PaymentsServer.OPERATOR, order.orderId()).status()).isEqualTo(200);
    assertThat(shop.sandbox.statement(order.orderId()))
        .isEqualTo(new SandboxGateway.Statement(1, 3998, 3998));
    assertThat(orderState()).isEqualTo(OrderState.REFUNDED);
    assertThat(server.get(customer, paid.location().orElseThrow()).text("state"))
        .isEqualTo("REFUNDED");
    assertThat(shop.outbox.size()).isZero();
    assertThat(noted()).isEqualTo(PaymentsServer.OPERATOR);
  }

  private UUID noted() {
    return shop.database.with(
        connection -> {
          try (var statement =
                  connection.prepareStatement(
                      "SELECT refund_requested_by FROM payment"
                          + " WHERE refund_requested_at IS NOT NULL");
              var rows = statement.executeQuery()) {
            rows.next();
            return rows.getObject(1, UUID.class);
          }
        });
  }

  @Test
  void onlyAPaidOrderCanBeRefundedAndOnlyByAnOperator() {
    var early = server.refund(PaymentsServer.OPERATOR, order.orderId());
    assertThat(early.status()).isEqualTo(409);
    assertThat(early.code()).isEqualTo("ORDER_NOT_PAID");
    assertThat(early.text("state")).isEqualTo("PENDING_PAYMENT");
    pay(SandboxCard.OK, null);
    assertThat(server.refund(customer, order.orderId()).status()).isEqualTo(403);
    assertThat(server.refund(null, order.orderId()).status()).isEqualTo(401);
    assertThat(server.refund(PaymentsServer.OPERATOR, Ids.next()).status()).isEqualTo(404);
    assertThat(orderState()).isEqualTo(OrderState.PAID);
  }

  @Test
  void aRefundThatCannotBeFinishedNowIsDrivenOn() {
    pay(SandboxCard.OK, null);
    shop.line.cut();
    var accepted = server.refund(PaymentsServer.OPERATOR, order.orderId());
    assertThat(accepted.status()).isEqualTo(202);
    assertThat(accepted.text("state")).isEqualTo("PAID");
    shop.line.mend();
    try (var _ = shop.relay()) {
      shop.clock.advance(shop.desk.settings().walkLease());
      await().until(() -> orderState() == OrderState.REFUNDED);
      await().until(() -> shop.outbox.size() == 0);
    }
    assertThat(shop.sandbox.statement(order.orderId()).refundedMinor()).isEqualTo(3998);
  }

  @Test
  void aRepeatedRefundFinishesOneThatWasInterrupted() {
    var paid = pay(SandboxCard.OK, null);
    shop.block(PaymentRefunded.class);
    assertThat(server.refund(PaymentsServer.OPERATOR, order.orderId()).status()).isEqualTo(202);
    assertThat(server.get(customer, paid.location().orElseThrow()).text("state"))
        .isEqualTo(PaymentState.REFUNDED.name());
    assertThat(orderState()).isEqualTo(OrderState.PAID);
    shop.block(null);
    assertThat(server.refund(PaymentsServer.OPERATOR, order.orderId()).status()).isEqualTo(200);
    assertThat(orderState()).isEqualTo(OrderState.REFUNDED);
    assertThat(shop.outbox.size()).isZero();
  }

  private static void awaitQuietly(CountDownLatch latch) {
    try {
      if (!latch.await(10, TimeUnit.SECONDS)) {
        throw new AssertionError("nobody came within " + Duration.ofSeconds(10));
      }
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }
}
