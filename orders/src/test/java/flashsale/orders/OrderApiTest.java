package flashsale.orders;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import flashsale.contracts.Fact.HoldExpired;
import flashsale.contracts.Fact.StockHeld;
import flashsale.contracts.Fact.StockSold;
import flashsale.contracts.Line;
import flashsale.contracts.OrderIds;
import flashsale.platform.ids.Ids;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

class OrderApiTest {
  private static OrdersServer server;

  private final UUID customer = Ids.next();
  private final UUID offer = Ids.next();

  @BeforeAll
  static void start() {
    server = new OrdersServer();
  }

  @AfterAll
  static void stop() {
    server.close();
  }

  /** The id of a new order. */
  private UUID place(UUID whose) {
    return place(whose, Ids.next());
  }

  private UUID place(UUID whose, UUID reservation) {
    var now = server.now.get();
    var lines = List.of(new Line(offer, 2, 1999));
    server.book.apply(
        List.of(
            new StockHeld(reservation, whose, lines, "EUR", "print", now, now.plusSeconds(600))));
    return OrderIds.of(reservation);
  }

  private static void later() {
    server.now.updateAndGet(now -> now.plusSeconds(1));
  }

  private static List<String> ids(JsonNode page) {
    return page.get("orders").findValuesAsText("orderId");
  }

  @Test
  void anOrderIsToldAsTheApiSays() {
    var id = place(customer);
    var reply = server.get("/api/v1/orders/" + id, customer);
    assertThat(reply.status()).isEqualTo(200);
    var body = reply.body();
    assertThat(body.get("orderId").asText()).isEqualTo(id.toString());
    assertThat(body.get("reservationId").asText()).isEqualTo(OrderIds.reservationOf(id).toString());
    assertThat(body.get("state").asText()).isEqualTo("PENDING_PAYMENT");
    assertThat(body.at("/lines/0/offerId").asText()).isEqualTo(offer.toString());
    assertThat(body.at("/lines/0/quantity").asInt()).isEqualTo(2);
    assertThat(body.at("/lines/0/unitPriceMinor").asInt()).isEqualTo(1999);
    assertThat(body.get("totalMinor").asLong()).isEqualTo(3998);
    assertThat(body.get("currency").asText()).isEqualTo("EUR");
    assertThat(body.get("placedAt").asText()).isEqualTo(server.now.get().toString());
    assertThat(body.get("paidAt").isNull()).isTrue();
    assertThat(body.get("endedAt").isNull()).isTrue();
    assertThat(body.has("customerId")).isFalse();
  }

  @Test
  void aPaidOrderTellsWhen() {
    var id = place(customer);
    later();
    server.book.apply(
        List.of(
            new StockSold(OrderIds.reservationOf(id), customer, id, Ids.next(), server.now.get())));
    var body = server.get("/api/v1/orders/" + id, customer).body();
    assertThat(body.get("state").asText()).isEqualTo("PAID");
    assertThat(body.get("paidAt").asText()).isEqualTo(server.now.get().toString());
  }

  @Test
  void otherPeoplesOrdersDoNotExist() {
    var id = place(customer);
    var stranger = Ids.next();
    assertThat(server.get("/api/v1/orders/" + id, stranger).status()).isEqualTo(404);
    assertThat(ids(server.get("/api/v1/orders", stranger).body())).isEmpty();
  }

  @Test
  void theListIsNewestFirstAndItsPagesLoseAndRepeatNothing() {
    var placed = new ArrayList<String>();
    for (int i = 0; i < 7; i++) {
      // Two of them in the same microsecond.
      if (i != 3) {
        later();
      }
      placed.add(place(customer).toString());
      place(Ids.next());
    }
    var seen = new ArrayList<String>();
    var next = "";
    do {
      var page = server.get("/api/v1/orders?limit=2" + next, customer).body();
      seen.addAll(ids(page));
      next = page.get("next").isNull() ? null : "&cursor=" + page.get("next").asText();
    } while (next != null);
    assertThat(seen).isEqualTo(placed.reversed());
  }

  @Test
  void aPageThatEndsWithTheLastOrderHasNoNext() {
    Stream.generate(() -> customer).limit(2).forEach(this::place);
    var page = server.get("/api/v1/orders?limit=2", customer).body();
    assertThat(ids(page)).hasSize(2);
    assertThat(page.get("next").isNull()).isTrue();
  }

  @Test
  void aHoldThatWasGivenBackBeforeItsOrderIsNotListed() {
    var reservation = Ids.next();
    server.book.apply(List.of(new HoldExpired(reservation, customer, server.now.get())));
    assertThat(ids(server.get("/api/v1/orders", customer).body())).isEmpty();
    assertThat(server.get("/api/v1/orders/" + OrderIds.of(reservation), customer).status())
        .isEqualTo(404);
    place(customer, reservation);
    assertThat(ids(server.get("/api/v1/orders", customer).body())).hasSize(1);
  }

  @Test
  void badInputIsRefusedWithAProblem() {
    for (var query :
        List.of(
            "limit=0",
            "limit=101",
            "limit=-1",
            "limit=two",
            "limit=99999999999",
            "cursor=",
            "cursor=%00",
            "cursor=x",
            "cursor=%27%20OR%201%3D1",
            "cursor=" + "A".repeat(31),
            "cursor=" + "A".repeat(33),
            "cursor=" + "_".repeat(32),
            "cursor=f" + "_".repeat(31))) {
      var reply = server.get("/api/v1/orders?" + query, customer);
      assertThat(reply.status()).as(query).isEqualTo(400);
      assertThat(reply.code()).as(query).isIn("INVALID_QUERY", "INVALID_CURSOR");
    }
    for (var id : List.of("1", "%00", "null", "01932e1c-7a10-7c3d-9b21-4f0c5d6e7f8g")) {
      assertThat(server.get("/api/v1/orders/" + id, customer).status()).as(id).isBetween(400, 404);
    }
    assertThat(server.get("/api/v1/orders", null).status()).isEqualTo(401);
    assertThat(server.get("/api/v1/orders/" + Ids.next(), null).status()).isEqualTo(401);
  }
}
