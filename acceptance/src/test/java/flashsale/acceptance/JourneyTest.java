package flashsale.acceptance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import flashsale.acceptance.TestShop.Ask;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Every way that a purchase may go, over HTTP; everything adds up at the end. */
class JourneyTest {
  private static final Duration SOON = Duration.ofSeconds(15);
  private static final int SHORTEST_HOLD_SECONDS = 10;

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
  void aCustomerSignsUpLooksFillsACartReservesAndPays() {
    var sale = shop.openSale(new Ask(10, 0, 1_999), new Ask(10, 0, 500));
    var customer = shop.newCustomer();
    assertThat(customer.get("/api/v1/users/me").expect(200).text("email")).contains("@");

    var page = shop.anybody().get("/api/v1/sales/" + sale.saleId()).expect(200);
    assertThat(page.text("state")).isEqualTo("OPEN");
    assertThat(page.json().path("offers")).hasSize(2);

    var cartId = customer.post("/api/v1/carts", Map.of()).expect(201).text("cartId");
    var items = "/api/v1/carts/" + cartId + "/items/";
    customer.put(items + sale.offerIds().get(0), Map.of("quantity", 2)).expect(200);
    var cart = customer.put(items + sale.offerIds().get(1), Map.of("quantity", 1)).expect(200);
    assertThat(cart.json().path("items")).hasSize(2);

    var held = customer.post("/api/v1/reservations", Map.of("cartId", cartId)).expect(201);
    assertThat(held.text("state")).isEqualTo("HELD");
    assertThat(held.json().path("totalMinor").asLong()).isEqualTo(2 * 1_999 + 500);
    assertThat(held.text("currency")).isEqualTo("EUR");
    assertThat(Instant.parse(held.text("expiresAt"))).isAfter(Instant.now());
    assertThat(held.header("Location"))
        .isEqualTo("/api/v1/reservations/" + held.text("reservationId"));

    var paid = customer.pay(held.text("orderId"), "tok_ok").expect(201);
    assertThat(paid.text("state")).isEqualTo("CAPTURED");
    assertThat(paid.json().path("amountMinor").asLong()).isEqualTo(2 * 1_999 + 500);
    assertThat(customer.get(paid.header("Location")).expect(200).text("state"))
        .isEqualTo("CAPTURED");
    assertStates(customer, held, "CONFIRMED", "PAID");
    assertThat(shop.stock(sale, sale.offerIds().get(0)).path("sold").asInt()).isEqualTo(2);
    assertThat(customer.get("/api/v1/orders").expect(200).json().path("orders")).hasSize(1);
  }

  @Test
  void linesAreReservedWithoutACart() {
    var sale = shop.openSale(new Ask(10, 0, 700));
    var customer = shop.customer();
    var held = customer.reserve(sale.offerId(), 3).expect(201);
    assertThat(held.json().path("totalMinor").asLong()).isEqualTo(2_100);
    assertStates(customer, held, "HELD", "PENDING_PAYMENT");
  }

  @Test
  void aSessionIsRefreshedAndEnded() {
    var email = "r" + UUID.randomUUID() + "@example.com";
    var account = Map.of("email", email, "password", "correct horse battery");
    shop.anybody().post("/api/v1/users", account).expect(201);
    shop.anybody().post("/api/v1/users", account).expect(409, "EMAIL_TAKEN");
    var wrong = Map.of("email", email, "password", "wrong horse battery");
    shop.anybody().post("/api/v1/sessions", wrong).expect(401, "BAD_CREDENTIALS");

    var session = shop.anybody().post("/api/v1/sessions", account).expect(201);
    var refresh = Map.of("refreshToken", session.text("refreshToken"));
    var refreshed = shop.anybody().post("/api/v1/sessions/refresh", refresh).expect(201);
    var customer = new Visitor(shop.url(), refreshed.text("accessToken"));
    customer.get("/api/v1/users/me").expect(200);
    customer.delete("/api/v1/sessions").expect(204);
    customer.get("/api/v1/users/me").expect(401);
  }

  @Test
  void aSaleThatIsNotOpenRefuses() {
    var now = Instant.now();
    var sale =
        shop.draft(
            now.plus(Duration.ofHours(1)), now.plus(Duration.ofHours(2)), 600, new Ask(5, 0, 100));
    var admin = "/api/v1/admin/sales/" + sale.saleId();
    shop.operator().post(admin + "/schedule", Map.of()).expect(200);
    shop.customer().reserve(sale.offerId(), 1).expect(409, "SALE_NOT_OPEN");

    shop.operator().post(admin + "/open", Map.of()).expect(200);
    shop.customer().reserve(sale.offerId(), 1).expect(201);
    shop.operator().post(admin + "/pause", Map.of()).expect(200);
    shop.customer().reserve(sale.offerId(), 1).expect(409, "SALE_NOT_OPEN");
    shop.operator().post(admin + "/open", Map.of()).expect(200);
    shop.customer().reserve(sale.offerId(), 1).expect(201);
    shop.operator().post(admin + "/close", Map.of()).expect(200);
    shop.customer().reserve(sale.offerId(), 1).expect(409, "SALE_NOT_OPEN");
    shop.operator().post(admin + "/open", Map.of()).expect(409, "ILLEGAL_TRANSITION");
  }

  @Test
  void anUnknownOfferIsRefused() {
    shop.customer().reserve(UUID.randomUUID().toString(), 1).expect(422, "OFFER_UNKNOWN");
  }

  @Test
  void anOfferWithoutUnitsIsSoldOut() {
    var sale = shop.openSale(new Ask(1, 0, 100));
    shop.customer().reserve(sale.offerId(), 1).expect(201);
    var refused = shop.customer().reserve(sale.offerId(), 1).expect(409, "SOLD_OUT");
    assertThat(refused.text("offerId")).isEqualTo(sale.offerId());
  }

  @Test
  void fewerUnitsThanAskedForAreInsufficient() {
    var sale = shop.openSale(new Ask(3, 0, 100));
    shop.customer().reserve(sale.offerId(), 4).expect(409, "INSUFFICIENT_STOCK");
    shop.customer().reserve(sale.offerId(), 3).expect(201);
  }

  @Test
  void theLimitCountsOpenHoldsAndPurchases() {
    var sale = shop.openSale(new Ask(10, 2, 100));
    var customer = shop.customer();
    var held = customer.reserve(sale.offerId(), 1).expect(201);
    customer.pay(held.text("orderId"), "tok_ok").expect(201);
    customer.reserve(sale.offerId(), 2).expect(409, "LIMIT_EXCEEDED");
    customer.reserve(sale.offerId(), 1).expect(201);
    customer.reserve(sale.offerId(), 1).expect(409, "LIMIT_EXCEEDED");
    shop.customer().reserve(sale.offerId(), 2).expect(201);
  }

  @Test
  void aRefusedLineTakesNothingOfTheOthers() {
    var sale = shop.openSale(new Ask(5, 0, 100), new Ask(1, 0, 100));
    var lines =
        List.of(
            Map.of("offerId", sale.offerIds().get(0), "quantity", 2),
            Map.of("offerId", sale.offerIds().get(1), "quantity", 2));
    shop.customer()
        .post("/api/v1/reservations", Map.of("lines", lines))
        .expect(409, "INSUFFICIENT_STOCK");
    assertThat(shop.stock(sale, sale.offerIds().get(0)).path("available").asInt()).isEqualTo(5);
  }

  @Test
  void aDeclinedOrderIsPaidWithAnotherCard() {
    var sale = shop.openSale(new Ask(10, 0, 100));
    var customer = shop.customer();
    var held = customer.reserve(sale.offerId(), 1).expect(201);
    var declined =
        customer.pay(held.text("orderId"), "tok_declined").expect(402, "PAYMENT_DECLINED");
    assertThat(declined.text("reason")).isEqualTo("insufficient_funds");
    assertStates(customer, held, "HELD", "PENDING_PAYMENT");
    customer.pay(held.text("orderId"), "tok_ok").expect(201);
    assertStates(customer, held, "CONFIRMED", "PAID");
  }

  @Test
  void aPaidOrderIsNotPaidAgain() {
    var sale = shop.openSale(new Ask(10, 0, 100));
    var customer = shop.customer();
    var held = customer.reserve(sale.offerId(), 1).expect(201);
    customer.pay(held.text("orderId"), "tok_ok").expect(201);
    customer.pay(held.text("orderId"), "tok_ok").expect(409, "ORDER_NOT_PAYABLE");
    assertThat(charges(held)).isEqualTo(1);
  }

  @Test
  void anUnknownCardIsRefusedBeforeAnythingHappens() {
    var sale = shop.openSale(new Ask(10, 0, 100));
    var customer = shop.customer();
    var held = customer.reserve(sale.offerId(), 1).expect(201);
    customer.pay(held.text("orderId"), "tok_none").expect(422, "METHOD_UNKNOWN");
    assertStates(customer, held, "HELD", "PENDING_PAYMENT");
  }

  @Test
  void aSlowCardIsChargedInTime() {
    var sale = shop.openSale(new Ask(10, 0, 100));
    assertPaidAtOnce("tok_slow", sale.offerId());
  }

  @Test
  void aCardThatAnswersTwiceIsChargedOnce() {
    var sale = shop.openSale(new Ask(10, 0, 100));
    assertPaidAtOnce("tok_twice", sale.offerId());
  }

  private static void assertPaidAtOnce(String card, String offerId) {
    var customer = shop.customer();
    var held = customer.reserve(offerId, 1).expect(201);
    customer.pay(held.text("orderId"), card).expect(201);
    assertStates(customer, held, "CONFIRMED", "PAID");
    assertThat(charges(held)).isEqualTo(1);
  }

  @Test
  void aLostAnswerAfterTheChargeIsFoundOut() {
    var sale = shop.openSale(new Ask(10, 0, 100));
    var customer = shop.customer();
    var held = customer.reserve(sale.offerId(), 1).expect(201);
    var unknown = customer.pay(held.text("orderId"), "tok_timeout_after_charge").expect(202);
    assertThat(unknown.text("state")).isEqualTo("UNKNOWN");
    var payment = "/api/v1/payments/" + unknown.text("paymentId");
    await()
        .atMost(SOON)
        .untilAsserted(
            () -> {
              assertThat(customer.get(payment).text("state")).isEqualTo("CAPTURED");
              assertStates(customer, held, "CONFIRMED", "PAID");
            });
    assertThat(charges(held)).isEqualTo(1);
  }

  @Test
  void aLostRequestIsGivenUpAndTheOrderPaidOtherwise() {
    var sale = shop.openSale(new Ask(10, 0, 100));
    var customer = shop.customer();
    var held = customer.reserve(sale.offerId(), 1).expect(201);
    var unknown = customer.pay(held.text("orderId"), "tok_timeout_before_charge").expect(202);
    customer.pay(held.text("orderId"), "tok_ok").expect(409, "PAYMENT_IN_PROGRESS");
    var payment = "/api/v1/payments/" + unknown.text("paymentId");
    await()
        .atMost(Duration.ofSeconds(60))
        .untilAsserted(() -> assertThat(customer.get(payment).text("state")).isEqualTo("DECLINED"));
    customer.pay(held.text("orderId"), "tok_ok").expect(201);
    assertStates(customer, held, "CONFIRMED", "PAID");
    assertThat(charges(held)).isEqualTo(1);
  }

  @Test
  void aReleasedReservationGivesItsUnitsBack() {
    var sale = shop.openSale(new Ask(1, 1, 100));
    var customer = shop.customer();
    var held = customer.reserve(sale.offerId(), 1).expect(201);
    var path = "/api/v1/reservations/" + held.text("reservationId");
    assertThat(customer.delete(path).expect(200).text("state")).isEqualTo("RELEASED");
    assertThat(customer.delete(path).expect(200).text("state")).isEqualTo("RELEASED");
    assertStates(customer, held, "RELEASED", "CANCELLED");
    customer.pay(held.text("orderId"), "tok_ok").expect(410, "HOLD_GONE");
    assertThat(charges(held)).isZero();
    customer.reserve(sale.offerId(), 1).expect(201);
  }

  @Test
  void aPaidReservationIsNotReleased() {
    var sale = shop.openSale(new Ask(1, 1, 100));
    var customer = shop.customer();
    var held = customer.reserve(sale.offerId(), 1).expect(201);
    customer.pay(held.text("orderId"), "tok_ok").expect(201);
    customer
        .delete("/api/v1/reservations/" + held.text("reservationId"))
        .expect(409, "NOT_RELEASABLE");
  }

  @Test
  void anExpiredHoldGivesItsUnitsBackAndIsNotPaid() {
    var sale = shop.openSale(SHORTEST_HOLD_SECONDS, new Ask(1, 1, 100));
    var customer = shop.customer();
    var held = customer.reserve(sale.offerId(), 1).expect(201);
    await().atMost(SOON).untilAsserted(() -> assertStates(customer, held, "EXPIRED", "CANCELLED"));
    customer.pay(held.text("orderId"), "tok_ok").expect(410, "HOLD_GONE");
    assertThat(charges(held)).isZero();
    assertThat(shop.stock(sale, sale.offerId()).path("available").asInt()).isEqualTo(1);
    customer.reserve(sale.offerId(), 1).expect(201);
  }

  @Test
  void anOperatorRefundsAPaidOrderOnce() {
    var sale = shop.openSale(new Ask(1, 0, 4_200));
    var customer = shop.customer();
    var held = customer.reserve(sale.offerId(), 1).expect(201);
    var refund = "/api/v1/admin/orders/" + held.text("orderId") + "/refund";
    shop.operator().post(refund, Map.of()).expect(409, "ORDER_NOT_PAID");
    var paid = customer.pay(held.text("orderId"), "tok_ok").expect(201);
    customer.post(refund, Map.of()).expect(403, "FORBIDDEN");
    assertThat(shop.operator().post(refund, Map.of()).expect(200).text("state"))
        .isEqualTo("REFUNDED");
    assertThat(shop.operator().post(refund, Map.of()).status()).isIn(200, 409);
    assertStates(customer, held, "RELEASED", "REFUNDED");
    assertThat(customer.get("/api/v1/payments/" + paid.text("paymentId")).text("state"))
        .isEqualTo("REFUNDED");
    assertThat(shop.stock(sale, sale.offerId()).path("available").asInt()).isEqualTo(1);
  }

  @Test
  void whatIsSomebodyElsesDoesNotExist() {
    var sale = shop.openSale(new Ask(10, 0, 100));
    var owner = shop.customer();
    var cartId = owner.post("/api/v1/carts", Map.of()).expect(201).text("cartId");
    var held = owner.reserve(sale.offerId(), 1).expect(201);
    var paid = owner.pay(held.text("orderId"), "tok_ok").expect(201);
    var other = shop.customer();
    other.get("/api/v1/carts/" + cartId).expect(404);
    var item = "/api/v1/carts/" + cartId + "/items/" + sale.offerId();
    other.put(item, Map.of("quantity", 1)).expect(404);
    other.delete(item).expect(404);
    other.post("/api/v1/reservations", Map.of("cartId", cartId)).expect(404);
    other.get("/api/v1/reservations/" + held.text("reservationId")).expect(404);
    other.delete("/api/v1/reservations/" + held.text("reservationId")).expect(404);
    other.get("/api/v1/orders/" + held.text("orderId")).expect(404);
    other.pay(held.text("orderId"), "tok_ok").expect(404);
    other.get("/api/v1/payments/" + paid.text("paymentId")).expect(404);
    assertThat(other.get("/api/v1/orders").expect(200).json().path("orders")).isEmpty();
  }

  static void assertStates(Visitor customer, Reply held, String reservation, String order) {
    assertThat(
            customer
                .get("/api/v1/reservations/" + held.text("reservationId"))
                .expect(200)
                .text("state"))
        .isEqualTo(reservation);
    assertThat(customer.get("/api/v1/orders/" + held.text("orderId")).expect(200).text("state"))
        .isEqualTo(order);
  }

  /** How often the gateway took money for this order. */
  private static long charges(Reply held) {
    return shop.sql("gateway")
        .number(
            "SELECT count(*) FROM charge WHERE order_id = ? AND outcome = 'CAPTURED'",
            UUID.fromString(held.text("orderId")));
  }
}
