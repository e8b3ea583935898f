package flashsale.acceptance;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.node.IntNode;
import flashsale.acceptance.TestShop.Ask;
import flashsale.acceptance.TestShop.Sale;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.Executors;
import java.util.function.Supplier;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** What an Idempotency-Key promises: a request may be repeated, and happens once. */
class RepeatTest {
  private static final int AT_A_TIME = 24;

  /** The default of {@code reservations.linesMax}. */
  private static final int LINES_MAX = 20;

  private static TestShop shop;
  private static Sale sale;

  @BeforeAll
  static void openTheShop() {
    shop = TestShop.start();
    sale = shop.openSale(new Ask(1_000, 0, 100));
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
  void aRepeatedReservationReturnsTheFirstOutcome() {
    var customer = shop.customer();
    var first = customer.reserve(sale.offerId(), 2, "k1").expect(201);
    assertThat(customer.reserve(sale.offerId(), 2, "k1").expect(201).json())
        .isEqualTo(first.json());
    customer.reserve(sale.offerId(), 3, "k1").expect(422, "IDEMPOTENCY_KEY_REUSED");
    var other = customer.reserve(sale.offerId(), 2, "k2").expect(201);
    assertThat(other.text("reservationId")).isNotEqualTo(first.text("reservationId"));
  }

  @Test
  void aKeyIsTheCustomersOwn() {
    var first = shop.customer().reserve(sale.offerId(), 1, "k").expect(201);
    var other = shop.customer().reserve(sale.offerId(), 1, "k").expect(201);
    assertThat(other.text("reservationId")).isNotEqualTo(first.text("reservationId"));
  }

  @Test
  void aRepeatedRefusalIsRefusedForTheSameReason() {
    var small = shop.openSale(new Ask(1, 0, 100));
    var customer = shop.customer();
    var first = customer.reserve(small.offerId(), 2, "k").expect(409, "INSUFFICIENT_STOCK");
    shop.customer().reserve(small.offerId(), 1).expect(201);
    var repeat = customer.reserve(small.offerId(), 2, "k").expect(409, "INSUFFICIENT_STOCK");
    assertThat(first.json().path("available").asInt()).isEqualTo(1);
    assertThat(repeat.json()).isEqualTo(first.json());
    customer.reserve(small.offerId(), 1, "k").expect(422, "IDEMPOTENCY_KEY_REUSED");
  }

  @Test
  void everyRefusalTellsTheOfferWhatIsLeftAndTheRequest() {
    var small = shop.openSale(new Ask(2, 1, 100));
    var customer = shop.customer();
    var few = customer.reserve(small.offerId(), 3).expect(409);
    customer.reserve(small.offerId(), 1).expect(201);
    var limited = customer.reserve(small.offerId(), 1).expect(409, "LIMIT_EXCEEDED");
    shop.customer().reserve(small.offerId(), 1).expect(201);
    var soldOut = shop.customer().reserve(small.offerId(), 1).expect(409, "SOLD_OUT");
    var left = Map.of(few, 2, limited, 1, soldOut, 0);
    left.forEach(
        (refused, units) -> {
          assertThat(refused.text("offerId")).isEqualTo(small.offerId());
          assertThat(refused.json().path("available")).isEqualTo(new IntNode(units));
          assertThat(refused.text("reservationId")).hasSize(36);
        });
  }

  @Test
  void aRepeatAfterTheReleaseTellsTheReleasedReservation() {
    var customer = shop.customer();
    var first = customer.reserve(sale.offerId(), 1, "k").expect(201);
    customer.delete("/api/v1/reservations/" + first.text("reservationId")).expect(200);
    var repeat = customer.reserve(sale.offerId(), 1, "k").expect(201);
    assertThat(repeat.text("reservationId")).isEqualTo(first.text("reservationId"));
    assertThat(repeat.text("state")).isEqualTo("RELEASED");
  }

  @Test
  void concurrentRepeatsAreOneReservation() throws Exception {
    var customer = shop.customer();
    var answers = together(() -> customer.reserve(sale.offerId(), 1, "k"));
    var ids = new ArrayList<String>();
    for (var answer : answers) {
      if (answer.status() == 201) {
        ids.add(answer.text("reservationId"));
      } else {
        answer.expect(409, "STILL_RUNNING");
        assertThat(answer.header("Retry-After")).isNotEmpty();
      }
    }
    assertThat(ids).isNotEmpty();
    assertThat(ids).containsOnly(ids.getFirst());
    assertThat(customer.get("/api/v1/orders").expect(200).json().path("orders")).hasSize(1);
  }

  @Test
  void aRepeatFindsItsHoldAlthoughNothingIsLeftForOthers() {
    var last = shop.openSale(new Ask(1, 0, 100));
    var customer = shop.customer();
    interrupted(customer, last, 1);
    var repeat = customer.reserve(last.offerId(), 1, "k").expect(201);
    assertThat(repeat.text("state")).isEqualTo("HELD");
    shop.customer().reserve(last.offerId(), 1, "k").expect(409, "SOLD_OUT");
  }

  @Test
  void aRepeatFindsItsHoldAlthoughTheSaleWasPausedOrClosed() {
    for (var decision : List.of("pause", "close")) {
      var shut = shop.openSale(new Ask(10, 0, 100));
      var customer = shop.customer();
      interrupted(customer, shut, 1);
      var path = "/api/v1/admin/sales/" + shut.saleId() + "/" + decision;
      shop.operator().post(path, Map.of()).expect(200);
      customer.reserve(shut.offerId(), 1, "other").expect(409, "SALE_NOT_OPEN");
      customer.reserve(shut.offerId(), 1, "k").expect(201);
    }
  }

  @Test
  void anotherBodyIsNoRepeatAlsoIfTheFirstWasNeverAnswered() {
    var two = shop.openSale(new Ask(10, 0, 100), new Ask(10, 0, 100));
    var customer = shop.customer();
    interrupted(customer, two, 1);
    customer.reserve(two.offerId(), 2, "k").expect(422, "IDEMPOTENCY_KEY_REUSED");
    customer.reserve(two.offerIds().get(1), 1, "k").expect(422, "IDEMPOTENCY_KEY_REUSED");
    customer.reserve(two.offerId(), 1, "k").expect(201);
  }

  @Test
  void aRepeatFindsItsHoldAlthoughTheCartHasChanged() {
    var two = shop.openSale(new Ask(10, 0, 100));
    var customer = shop.customer();
    var cart = customer.post("/api/v1/carts", Map.of()).expect(201).text("cartId");
    var item = "/api/v1/carts/" + cart + "/items/" + two.offerId();
    var body = Map.of("cartId", cart);
    customer.put(item, Map.of("quantity", 1)).expect(200);
    withoutOrders(() -> customer.post("/api/v1/reservations", body, "k").expect(503));
    customer.put(item, Map.of("quantity", 2)).expect(200);
    var repeat = customer.post("/api/v1/reservations", body, "k").expect(201);
    assertThat(repeat.json().path("lines").path(0).path("quantity").asInt()).isEqualTo(1);
  }

  @Test
  void aReservationMayHaveAsManyLinesAsAreAllowedAndBeRepeated() {
    var asks = Collections.nCopies(LINES_MAX, new Ask(10, 0, 100)).toArray(Ask[]::new);
    var wide = shop.openSale(asks);
    var lines = wide.offerIds().stream().map(id -> Map.of("offerId", id, "quantity", 1)).toList();
    var body = Map.of("lines", lines);
    var customer = shop.customer();
    var first = customer.post("/api/v1/reservations", body, "k").expect(201);
    assertThat(first.json().path("lines")).hasSize(LINES_MAX);
    var repeat = customer.post("/api/v1/reservations", body, "k").expect(201);
    assertThat(repeat.json()).isEqualTo(first.json());
    customer.post("/api/v1/reservations", body).expect(201);
    var fewer = Map.of("lines", lines.subList(1, LINES_MAX));
    customer.post("/api/v1/reservations", fewer, "k").expect(422, "IDEMPOTENCY_KEY_REUSED");
  }

  /** A reservation with the key "k" whose units are held, and which the client is not told. */
  private static void interrupted(Visitor customer, Sale from, int quantity) {
    withoutOrders(() -> customer.reserve(from.offerId(), quantity, "k").expect(503));
  }

  /** While the orders cannot be written, walks end behind the hold. */
  private static void withoutOrders(Runnable requests) {
    var orders = shop.sql("orders");
    orders.update("ALTER TABLE orders RENAME TO missing");
    try {
      requests.run();
    } finally {
      orders.update("ALTER TABLE missing RENAME TO orders");
    }
  }

  @Test
  void aRepeatedPaymentReturnsTheFirstOutcome() {
    var customer = shop.customer();
    var held = customer.reserve(sale.offerId(), 1).expect(201);
    var first = customer.pay(held.text("orderId"), "tok_ok", "p1").expect(201);
    assertThat(customer.pay(held.text("orderId"), "tok_ok", "p1").expect(201).json())
        .isEqualTo(first.json());
    customer.pay(held.text("orderId"), "tok_slow", "p1").expect(422, "IDEMPOTENCY_KEY_REUSED");
    var declined = customer.reserve(sale.offerId(), 1).expect(201).text("orderId");
    var no = customer.pay(declined, "tok_declined", "p2").expect(402, "PAYMENT_DECLINED");
    var again = customer.pay(declined, "tok_declined", "p2").expect(402, "PAYMENT_DECLINED");
    assertThat(again.text("paymentId")).isEqualTo(no.text("paymentId"));
  }

  @Test
  void concurrentPaymentsWithOneKeyAreOneCharge() throws Exception {
    var customer = shop.customer();
    var held = customer.reserve(sale.offerId(), 1).expect(201);
    var answers = together(() -> customer.pay(held.text("orderId"), "tok_ok", "p"));
    assertThat(answers).anyMatch(answer -> answer.status() == 201);
    assertThat(answers).allMatch(answer -> List.of(201, 202, 409).contains(answer.status()));
    assertChargedOnce(held);
    customer.pay(held.text("orderId"), "tok_ok", "p").expect(201);
  }

  @Test
  void concurrentPaymentsWithoutAKeyAreOneCharge() throws Exception {
    var customer = shop.customer();
    var held = customer.reserve(sale.offerId(), 1).expect(201);
    var answers = together(() -> customer.pay(held.text("orderId"), "tok_ok"));
    assertThat(answers).filteredOn(answer -> answer.status() == 201).hasSize(1);
    assertThat(answers).allMatch(answer -> List.of(201, 409).contains(answer.status()));
    assertChargedOnce(held);
  }

  @Test
  void aMalformedKeyIsRefused() {
    var customer = shop.customer();
    var body = Map.of("lines", List.of(Map.of("offerId", sale.offerId(), "quantity", 1)));
    for (var key : List.of("with space", "k".repeat(256))) {
      customer.post("/api/v1/reservations", body, key).expect(400, "INVALID_IDEMPOTENCY_KEY");
    }
  }

  private static void assertChargedOnce(Reply held) {
    assertThat(
            shop.sql("gateway")
                .number(
                    "SELECT count(*) FROM charge WHERE order_id = ? AND outcome = 'CAPTURED'",
                    UUID.fromString(held.text("orderId"))))
        .isEqualTo(1);
  }

  private static List<Reply> together(Supplier<Reply> request) throws Exception {
    try (var threads = Executors.newVirtualThreadPerTaskExecutor()) {
      var running = new ArrayList<java.util.concurrent.Future<Reply>>();
      for (int i = 0; i < AT_A_TIME; i++) {
        running.add(threads.submit(request::get));
      }
      var answers = new ArrayList<Reply>();
      for (var one : running) {
        answers.add(one.get());
      }
      return answers;
    }
  }
}
