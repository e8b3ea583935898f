package flashsale.acceptance;

import static org.assertj.core.api.Assertions.assertThat;

import flashsale.acceptance.TestShop.Ask;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** What happens when time runs out between two steps of a purchase. */
class TimeTest {
  private static final int SHORTEST_HOLD_SECONDS = 10;
  private static final int AT_THE_EDGE = 120;
  private static final Duration EARLIEST = Duration.ofMillis(-400);
  private static final Duration LATEST = Duration.ofMillis(700);

  private record Attempt(Visitor customer, Reply held, Reply paid) {}

  private static TestShop shop;

  @BeforeAll
  static void openTheShop() {
    shop = TestShop.start();
  }

  @AfterAll
  static void everythingAddsUp() {
    try {
      shop.assertAudited();
    } finally {
      shop.close();
    }
  }

  @Test
  void aSaleThatClosesBetweenCartAndReservationRefuses() {
    var sale = shop.openSale(new Ask(5, 0, 100));
    var customer = shop.customer();
    var cartId = customer.post("/api/v1/carts", Map.of()).expect(201).text("cartId");
    customer
        .put("/api/v1/carts/" + cartId + "/items/" + sale.offerId(), Map.of("quantity", 1))
        .expect(200);
    var before = shop.customer();
    var held = before.reserve(sale.offerId(), 1).expect(201);
    shop.operator().post("/api/v1/admin/sales/" + sale.saleId() + "/close", Map.of()).expect(200);
    customer.post("/api/v1/reservations", Map.of("cartId", cartId)).expect(409, "SALE_NOT_OPEN");
    before.pay(held.text("orderId"), "tok_ok").expect(201); // What is held stays held.
  }

  @Test
  void aSaleClosesByTheClock() {
    var now = Instant.now();
    var sale = shop.draft(now.minusSeconds(60), now.plusSeconds(3), 600, new Ask(10_000, 0, 100));
    shop.operator().post("/api/v1/admin/sales/" + sale.saleId() + "/open", Map.of()).expect(200);
    shop.customer().reserve(sale.offerId(), 1).expect(201);
    org.awaitility.Awaitility.await()
        .atMost(Duration.ofSeconds(10))
        .until(() -> shop.customer().reserve(sale.offerId(), 1).status() == 409);
    assertThat(Instant.now()).isAfterOrEqualTo(now.plusSeconds(3));
    shop.customer().reserve(sale.offerId(), 1).expect(409, "SALE_NOT_OPEN");
    assertThat(shop.anybody().get("/api/v1/sales/" + sale.saleId()).expect(200).text("state"))
        .isEqualTo("CLOSED");
  }

  @Test
  void aPaymentAtTheEdgeOfTheHoldEndsPaidAndSoldOrNotChargedAtAll() throws Exception {
    var sale = shop.openSale(SHORTEST_HOLD_SECONDS, new Ask(AT_THE_EDGE, 0, 100));
    int paid = 0;
    int gone = 0;
    for (var attempt : payAtTheEdge(sale.offerId())) {
      if (attempt.paid().status() == 201) {
        paid++;
        assertThat(attempt.paid().text("state")).isEqualTo("CAPTURED");
        JourneyTest.assertStates(attempt.customer(), attempt.held(), "CONFIRMED", "PAID");
        assertThat(charged(attempt)).isEqualTo(1);
      } else {
        gone++;
        attempt.paid().expect(410, "HOLD_GONE");
        JourneyTest.assertStates(attempt.customer(), attempt.held(), "EXPIRED", "CANCELLED");
        assertThat(charged(attempt)).isZero();
      }
    }
    assertThat(paid).isPositive();
    assertThat(gone).isPositive();
    var stock = shop.stock(sale, sale.offerId());
    assertThat(stock.path("sold").asInt()).isEqualTo(paid);
    assertThat(stock.path("available").asInt()).isEqualTo(gone);
  }

  @SuppressWarnings("FutureReturnValueIgnored") // Both futures are waited for below.
  private static Iterable<Attempt> payAtTheEdge(String offerId) throws Exception {
    long span = LATEST.minus(EARLIEST).toMillis();
    try (var alarm = Executors.newScheduledThreadPool(1);
        var threads = Executors.newVirtualThreadPerTaskExecutor()) {
      var payments = new ArrayList<Future<Future<Attempt>>>();
      for (int i = 0; i < AT_THE_EDGE; i++) {
        var customer = shop.customer();
        var held = customer.reserve(offerId, 1).expect(201);
        var at =
            Instant.parse(held.text("expiresAt")).plus(EARLIEST).plusMillis(i * span / AT_THE_EDGE);
        payments.add(
            alarm.schedule(
                () -> threads.submit(() -> pay(customer, held)),
                Duration.between(Instant.now(), at).toMillis(),
                TimeUnit.MILLISECONDS));
      }
      var attempts = new ArrayList<Attempt>();
      for (var payment : payments) {
        attempts.add(payment.get().get());
      }
      return attempts;
    }
  }

  private static Attempt pay(Visitor customer, Reply held) {
    return new Attempt(customer, held, customer.pay(held.text("orderId"), "tok_ok"));
  }

  /** How often money was taken for this order and kept. */
  private static long charged(Attempt attempt) {
    return shop.sql("gateway")
        .number(
            """
            SELECT count(*) FROM charge
            WHERE order_id = ? AND outcome = 'CAPTURED' AND refunded_at IS NULL
            """,
            UUID.fromString(attempt.held().text("orderId")));
  }
}
