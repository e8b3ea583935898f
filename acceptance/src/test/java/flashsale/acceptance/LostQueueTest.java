package flashsale.acceptance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import flashsale.acceptance.TestShop.Ask;
import flashsale.platform.messaging.TestRabbit;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Queues are deleted with the facts that are in them: nobody's request and nobody's money is. */
class LostQueueTest {
  private static final Duration ENDED_MAX = Duration.ofSeconds(60);
  private static final int REQUESTS = 30;
  private static final List<String> QUEUES =
      List.of("inventory", "orders", "payments", "reservations");

  private static TestRabbit broker;
  private static TestShop shop;

  @BeforeAll
  static void openTheShop() {
    broker = TestRabbit.start();
    shop =
        TestShop.start(
            "messaging.url=" + broker.url(),
            "checkout.pendingMax=3s",
            "payments.gatewayTimeout=4s");
  }

  @AfterAll
  static void everythingAddsUp() {
    try (var _ = broker;
        var closing = shop) {
      closing.assertAudited();
    }
  }

  private static void deleteTheQueues() throws Exception {
    try (var connection = broker.connect();
        var channel = connection.createChannel()) {
      for (var queue : QUEUES) {
        channel.queueDelete("flashsale." + queue);
      }
    }
  }

  private static Reply pay(Visitor customer, String orderId, String card) {
    var body = "{\"orderId\":\"%s\",\"method\":\"%s\"}".formatted(orderId, card);
    var prefer = Map.of("Prefer", "respond-async", "Idempotency-Key", "pay");
    return customer.send("POST", "/api/v1/payments", body, prefer).expect(202);
  }

  private static Reply reserve(Visitor customer, String offer, String key) {
    return AsyncKit.reserve(customer, offer, 1, key, "respond-async").expect(202);
  }

  private static long count(String role, String sql, Object... values) {
    return shop.sql(role).number(sql, values);
  }

  private static void awaitState(Visitor customer, String location, String state) {
    await(location)
        .atMost(ENDED_MAX)
        .until(() -> customer.get(location).expect(200).text("state"), state::equals);
  }

  private static void awaitTrue(Callable<Boolean> condition) {
    await().atMost(ENDED_MAX).pollInterval(Duration.ofMillis(20)).until(condition);
  }

  /** The ledger hangs, so that everything waits in its queue, or in its consumer's hands. */
  @Test
  void acceptedReservationsEndWithoutTheQueueTheyWereIn() throws Exception {
    var offer = shop.openSale(new Ask(1_000, 0, 100)).offerId();
    var customer = shop.customer();
    var accepted = new ArrayList<Reply>();
    try (var lock = HeldLock.onStock(shop, offer)) {
      accepted.add(reserve(customer, offer, "first"));
      lock.awaitBlocked();
      for (int i = 0; i < REQUESTS; i++) {
        accepted.add(reserve(customer, offer, "r" + i));
      }
      awaitTrue(() -> count("reservations", "SELECT count(*) FROM outbox") == 0);
      deleteTheQueues();
    }
    for (var one : accepted) {
      awaitState(customer, one.header("Location"), "HELD");
    }
  }

  @Test
  void anAcceptedPaymentEndsWithoutTheQueueItWasIn() throws Exception {
    var offer = shop.openSale(new Ask(1_000, 0, 100)).offerId();
    var customer = shop.customer();
    var held = customer.reserve(offer, 1).expect(201);
    Reply paying;
    try (var lock = HeldLock.onStock(shop, offer)) {
      reserve(customer, offer, "blocks");
      lock.awaitBlocked();
      paying = pay(customer, held.text("orderId"), "tok_ok");
      awaitTrue(() -> count("payments", "SELECT count(*) FROM outbox") == 0);
      deleteTheQueues();
    }
    awaitState(customer, paying.header("Location"), "CAPTURED");
    awaitState(customer, "/api/v1/reservations/" + held.text("reservationId"), "CONFIRMED");
  }

  /** The money is taken while the queue where that is told is about to be deleted. */
  @Test
  void capturedMoneyBuysItsUnitsWithoutTheQueueItWasIn() throws Exception {
    var offer = shop.openSale(60, new Ask(1_000, 0, 100)).offerId();
    var customer = shop.customer();
    var held = customer.reserve(offer, 1).expect(201);
    var id = UUID.fromString(held.text("reservationId"));
    try (var threads = Executors.newVirtualThreadPerTaskExecutor()) {
      var paying = threads.submit(() -> pay(customer, held.text("orderId"), "tok_slow"));
      var extended =
          "SELECT count(*) FROM hold WHERE reservation_id = ? AND promised_until IS NOT NULL";
      awaitTrue(() -> count("inventory", extended, id) == 1);
      try (var lock = HeldLock.onStock(shop, offer)) {
        reserve(customer, offer, "blocks");
        lock.awaitBlocked();
        awaitState(customer, paying.get().header("Location"), "CAPTURED");
        var untouched = "SELECT count(*) FROM outbox WHERE attempts = 0";
        awaitTrue(() -> count("payments", untouched) == 0);
        deleteTheQueues();
      }
    }
    awaitState(customer, "/api/v1/reservations/" + held.text("reservationId"), "CONFIRMED");
    var charges = "SELECT count(*) FROM charge WHERE order_id = ? AND outcome = 'CAPTURED'";
    assertThat(count("gateway", charges, UUID.fromString(held.text("orderId")))).isEqualTo(1);
  }
}
