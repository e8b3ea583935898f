package flashsale.acceptance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import flashsale.acceptance.TestShop.Ask;
import flashsale.acceptance.TestShop.Sale;
import flashsale.platform.json.Json;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/**
 * What is accepted with 202 is done, and whoever waits for it hears of it: the same whichever way
 * the facts take. Each test class that inherits this says by its settings which way that is.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
abstract class AsyncKit {
  private static final String ASYNC = "respond-async";
  private static final String ASYNC_WAIT = "respond-async, wait=30";

  TestShop shop;
  private Sale sale;

  /** Each as {@code name=value}. */
  abstract String[] settings();

  @BeforeAll
  void openTheShop() {
    shop = TestShop.start(settings());
    sale = shop.openSale(new Ask(10_000, 2, 100), new Ask(50, 0, 100));
  }

  @AfterAll
  void everythingAddsUp() {
    try {
      shop.assertAudited();
    } finally {
      shop.close();
    }
  }

  private Reply reserve(Visitor customer, int quantity, String key, String prefer) {
    return reserve(customer, sale.offerId(), quantity, key, prefer);
  }

  static Reply reserve(Visitor customer, String offerId, int quantity, String key, String prefer) {
    var headers = Map.of("Prefer", prefer, "Idempotency-Key", key);
    var body = "{\"lines\":[{\"offerId\":\"%s\",\"quantity\":%d}]}".formatted(offerId, quantity);
    return customer.send("POST", "/api/v1/reservations", body, headers);
  }

  static Reply pay(Visitor customer, String orderId, String card, String prefer) {
    var body = "{\"orderId\":\"%s\",\"method\":\"%s\"}".formatted(orderId, card);
    return customer.send("POST", "/api/v1/payments", body, Map.of("Prefer", prefer));
  }

  static Reply decided(Visitor customer, Reply accepted) {
    var location = accepted.header("Location");
    return await()
        .atMost(Duration.ofSeconds(30))
        .until(
            () -> customer.get(location).expect(200), now -> !now.text("state").equals("PENDING"));
  }

  @Test
  void whatWasAcceptedIsHeldAtItsLocation() {
    var customer = shop.customer();
    var accepted = reserve(customer, 1, "a", ASYNC).expect(202);
    assertThat(accepted.text("state")).isEqualTo("PENDING");
    assertThat(accepted.header("Preference-Applied")).isEqualTo(ASYNC);
    var held = decided(customer, accepted);
    assertThat(held.text("state")).isEqualTo("HELD");
    assertThat(held.text("reservationId")).isEqualTo(accepted.text("reservationId"));
    assertThat(held.text("orderId")).isNotEmpty();
    customer.get("/api/v1/orders/" + held.text("orderId")).expect(200);
  }

  @Test
  void aRepeatIsTheSameReservationInEitherArchitecture() {
    var customer = shop.customer();
    var accepted = reserve(customer, 1, "r", ASYNC).expect(202);
    var waited = reserve(customer, 1, "r", ASYNC_WAIT).expect(201);
    var direct = customer.reserve(sale.offerId(), 1, "r").expect(201);
    assertThat(waited.text("reservationId")).isEqualTo(accepted.text("reservationId"));
    assertThat(direct.json()).isEqualTo(waited.json());
    reserve(customer, 2, "r", ASYNC).expect(422, "IDEMPOTENCY_KEY_REUSED");
  }

  @Test
  void whoWaitsIsToldTheRefusalToo() {
    var customer = shop.customer();
    reserve(customer, 3, "w", ASYNC_WAIT).expect(409, "LIMIT_EXCEEDED");
    var accepted = reserve(customer, 3, "l", ASYNC).expect(202);
    var refused = decided(customer, accepted);
    assertThat(refused.text("state")).isEqualTo("REFUSED");
    assertThat(refused.text("reason")).isEqualTo("LIMIT_EXCEEDED");
  }

  @Test
  void whatIsAcceptedWithoutAKeyEndsToo() {
    var customer = shop.customer();
    for (int quantity : List.of(1, 3)) {
      var line = Map.of("offerId", sale.offerId(), "quantity", quantity);
      var accepted =
          customer
              .send(
                  "POST",
                  "/api/v1/reservations",
                  Json.text(Map.of("lines", List.of(line))),
                  Map.of("Prefer", ASYNC))
              .expect(202);
      assertThat(decided(customer, accepted).text("state"))
          .isEqualTo(quantity == 1 ? "HELD" : "REFUSED");
    }
  }

  @Test
  void anAcceptedPaymentIsCapturedOrDeclined() {
    var customer = shop.customer();
    var held = reserve(customer, 1, "p", ASYNC_WAIT).expect(201);
    var declined = pay(customer, held.text("orderId"), "tok_declined", ASYNC_WAIT);
    declined.expect(402, "PAYMENT_DECLINED");
    var accepted = pay(customer, held.text("orderId"), "tok_ok", ASYNC).expect(202);
    assertThat(decided(customer, accepted).text("state")).isEqualTo("CAPTURED");
    await()
        .atMost(Duration.ofSeconds(30))
        .until(
            () ->
                customer
                    .get("/api/v1/orders/" + held.text("orderId"))
                    .text("state")
                    .equals("PAID"));
    var other = reserve(customer, 1, "q", ASYNC_WAIT).expect(201);
    pay(customer, other.text("orderId"), "tok_ok", ASYNC_WAIT).expect(201);
  }

  @Test
  void everyChangeIsPushedUntilTheLast() throws Exception {
    var customer = shop.customer();
    var held = reserve(customer, 1, "e", ASYNC_WAIT).expect(201);
    var path = "/api/v1/reservations/" + held.text("reservationId") + "/events";
    try (var threads = Executors.newVirtualThreadPerTaskExecutor()) {
      var told = new ArrayList<String>();
      Future<?> listening = threads.submit(() -> listen(customer, path, "", told));
      await().until(() -> told.contains("id: HELD"));
      pay(customer, held.text("orderId"), "tok_ok", ASYNC).expect(202);
      listening.get();
      assertThat(told.stream().filter(line -> line.startsWith("id:")))
          .containsExactly("id: HELD", "id: CONFIRMED");
      assertThat(told).anyMatch(line -> line.startsWith("data: {") && line.contains("CONFIRMED"));
      // Back again: what was seen is not told again, and after the last there is nothing more.
      var again = new ArrayList<String>();
      listen(customer, path, "HELD", again);
      assertThat(again.stream().filter(line -> line.startsWith("id:")))
          .containsExactly("id: CONFIRMED");
      customer.send("GET", path, null, Map.of("Last-Event-ID", "CONFIRMED")).expect(204);
    }
  }

  @Test
  void nobodyElseIsTold() {
    var held = reserve(shop.customer(), 1, "n", ASYNC_WAIT).expect(201);
    var path = "/api/v1/reservations/" + held.text("reservationId");
    shop.newCustomer().get(path + "/events").expect(404, "NOT_FOUND");
    shop.anybody().get(path + "/events").expect(401);
  }

  @Test
  void ofAHundredAcceptedForFiftyUnitsFiftyAreHeld() throws Exception {
    var hot = sale.offerIds().get(1);
    try (var threads = Executors.newVirtualThreadPerTaskExecutor()) {
      var answers = new ArrayList<Future<Reply>>();
      var customers = List.of(shop.customer(), shop.newCustomer(), shop.newCustomer());
      for (int i = 0; i < 100; i++) {
        var customer = customers.get(i % customers.size());
        var key = "hot-" + i;
        answers.add(threads.submit(() -> reserve(customer, hot, 1, key, ASYNC_WAIT)));
      }
      int held = 0;
      for (var answer : answers) {
        assertThat(answer.get().status()).as(answer.get().toString()).isIn(201, 409);
        held += answer.get().status() == 201 ? 1 : 0;
      }
      assertThat(held).isEqualTo(50);
    }
  }

  private static void listen(Visitor visitor, String path, String seen, List<String> lines) {
    var request =
        HttpRequest.newBuilder(visitor.url().resolve(path))
            .header("Authorization", "Bearer " + visitor.token())
            .header("Last-Event-ID", seen)
            .build();
    try (var http = HttpClient.newHttpClient()) {
      var response = http.send(request, BodyHandlers.ofLines());
      assertThat(response.headers().firstValue("Content-Type")).hasValue("text/event-stream");
      response.body().forEach(lines::add);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }
}
