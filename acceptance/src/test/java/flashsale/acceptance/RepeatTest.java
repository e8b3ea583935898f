package flashsale.acceptance;

import static org.assertj.core.api.Assertions.assertThat;

import flashsale.acceptance.TestShop.Ask;
import flashsale.acceptance.TestShop.Sale;
import java.util.ArrayList;
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
    customer.reserve(small.offerId(), 2, "k").expect(409, "INSUFFICIENT_STOCK");
    shop.customer().reserve(small.offerId(), 1).expect(201);
    customer.reserve(small.offerId(), 2, "k").expect(409, "INSUFFICIENT_STOCK");
    customer.reserve(small.offerId(), 1, "k").expect(422, "IDEMPOTENCY_KEY_REUSED");
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
