package flashsale.acceptance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.core.JsonProcessingException;
import flashsale.acceptance.TestShop.Ask;
import flashsale.acceptance.TestShop.Sale;
import flashsale.contracts.OrderIds;
import flashsale.platform.ids.Ids;
import flashsale.platform.json.Json;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.function.Consumer;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * One story of a purchase in a running shop: who takes part, what they are told, and what all
 * roles' tables say about it, with ids and times replaced by names. For one thread.
 */
final class FlowScene {
  private static final Duration TOLD_MAX = Duration.ofSeconds(90);
  private static final Duration LIFETIME = Duration.ofMinutes(15);
  private static final Pattern ID = Pattern.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}");
  private static final Pattern TIME =
      Pattern.compile("\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d.*");

  /** How often something was tried, or written together with others, is no part of the state. */
  private static final Set<String> NOT_COMPARED = Set.of("attempts", "revision");

  private static final List<Integer> ASYNC_ANSWERS = List.of(202, 409);
  private static final List<Integer> ANSWERS = List.of(201, 202, 402, 409, 410, 422);

  /** By role and table, the column by which the rows of a story are found. */
  private static final List<List<String>> TABLES =
      List.of(
          List.of("inventory", "stock", "sale_id"),
          List.of("inventory", "sale_window", "sale_id"),
          List.of("inventory", "hold", "reservation_id"),
          List.of("inventory", "allotment", "offer_id"),
          List.of("inventory", "dead_letter", "key"),
          List.of("orders", "orders", "reservation_id"),
          List.of("orders", "dead_letter", "key"),
          List.of("payments", "payment", "reservation_id"),
          List.of("payments", "stray", "payment_id"),
          List.of("payments", "dead_letter", "key"),
          List.of("gateway", "charge", "key"),
          List.of("reservations", "reservation", "reservation_id"),
          List.of("reservations", "dead_letter", "key"));

  /** Somebody with a token. */
  record Customer(UUID id, Visitor visitor) {}

  /** A request to reserve, and whose it is. */
  record Reservation(UUID id, Customer customer) {
    String path() {
      return "/api/v1/reservations/" + id;
    }

    UUID orderId() {
      return OrderIds.of(id);
    }
  }

  private final TestShop shop;
  private final boolean async;
  private final Consumer<UUID> extended;
  private final Map<String, String> names = new HashMap<>();
  private final Map<String, Integer> numbers = new HashMap<>();
  private final List<String> told = new ArrayList<>();

  /**
   * @param async whether customers ask to be answered at once, and look later what became of it
   * @param extended returns when a hold has been extended, as often as it will be
   */
  FlowScene(TestShop shop, boolean async, Consumer<UUID> extended) {
    this.extended = extended;
    this.shop = shop;
    this.async = async;
  }

  TestShop shop() {
    return shop;
  }

  /**
   * From then on the hold may be given back, and a payment that has begun is still charged: to ask
   * for its extension once more would tell that the hold is gone.
   */
  void awaitExtended(Reservation reservation) {
    await()
        .pollInterval(Duration.ofMillis(20))
        .until(
            () ->
                shop.sql("inventory")
                        .number(
                            """
                            SELECT count(*) FROM hold
                            WHERE reservation_id = ? AND promised_until IS NOT NULL
                            """,
                            reservation.id)
                    == 1);
    if (async) {
      extended.accept(reservation.id);
    }
  }

  private String name(UUID id, String kind) {
    return names.computeIfAbsent(id.toString(), i -> kind + numbers.merge(kind, 1, Integer::sum));
  }

  Sale openSale(int holdSeconds, Ask... asks) {
    return named(shop.openSale(holdSeconds, asks));
  }

  Sale openSale(Ask... asks) {
    return openSale(TestShop.HOLD_SECONDS, asks);
  }

  Sale named(Sale sale) {
    name(UUID.fromString(sale.saleId()), "sale");
    sale.offerIds().forEach(offer -> name(UUID.fromString(offer), "offer"));
    return sale;
  }

  Customer customer() {
    var id = Ids.next();
    name(id, "customer");
    var token = shop.tokens().customer(id, Instant.now(), LIFETIME);
    return new Customer(id, new Visitor(shop.url(), token));
  }

  /** Reserves and waits for what becomes of it: HELD, or the reason of the refusal. */
  Reservation reserve(Customer customer, String offerId, int quantity) {
    var key = "r" + told.size();
    var reservation = new Reservation(Ids.derive(customer.id, "reservation/" + key), customer);
    name(reservation.id, "reservation");
    name(reservation.orderId(), "order");
    var line = Map.of("offerId", offerId, "quantity", quantity);
    var reply = post(customer, "/api/v1/reservations", Map.of("lines", List.of(line)), key);
    tell(
        reservation.id,
        switch (reply.status()) {
          case 201 -> reply.text("state");
          case 202 -> decided(customer, reply);
          default -> reply.text("code");
        });
    return reservation;
  }

  /**
   * Reserves what the gate refuses, as far as it has heard of it yet: whether the ledger was asked
   * and knows the reservation is chance, so only what is told and what is left is compared.
   */
  void reserveInVain(Customer customer, String offerId) {
    var line = Map.of("offerId", offerId, "quantity", 1);
    var body = Map.of("lines", List.of(line));
    var reply = post(customer, "/api/v1/reservations", body, "v" + told.size());
    tell(customer.id, reply.status() == 202 ? decided(customer, reply) : reply.text("code"));
  }

  private Reply post(Customer customer, String path, Object body, String key) {
    var headers = new HashMap<>(Map.of("Idempotency-Key", key));
    if (async) {
      headers.put("Prefer", "respond-async");
    }
    var reply = customer.visitor.send("POST", path, Json.text(body), headers);
    // A refusal at the gate is final at once for everybody.
    assertThat(reply.status()).as(reply.toString()).isIn(async ? ASYNC_ANSWERS : ANSWERS);
    return reply;
  }

  private static String decided(Customer customer, Reply accepted) {
    var reply =
        await()
            .atMost(TOLD_MAX)
            .until(
                () -> customer.visitor.get(accepted.header("Location")).expect(200),
                now -> !now.text("state").equals("PENDING"));
    var reason = reply.text("reason");
    return reason.isEmpty() ? reply.text("state") : reason;
  }

  /** Asks to pay with this card; what becomes of it is {@link #awaitPayment}'s. */
  UUID pay(Reservation reservation, String card) {
    var key = "p" + told.size();
    var id = Ids.derive(reservation.customer.id, "payment/" + key);
    name(id, "payment");
    var body = Map.of("orderId", reservation.orderId(), "method", card);
    post(reservation.customer, "/api/v1/payments", body, key);
    tell(id, "asked for");
    return id;
  }

  /** Waits until the payment is in this state. */
  void awaitPayment(Reservation reservation, UUID paymentId, String state) {
    var path = "/api/v1/payments/" + paymentId;
    var visitor = reservation.customer.visitor;
    await()
        .atMost(TOLD_MAX)
        .untilAsserted(
            () -> assertThat(visitor.get(path).expect(200).text("state")).isEqualTo(state));
    tell(paymentId, state);
  }

  /** Waits until reservation and order are in these states. */
  void awaitStates(Reservation reservation, String state, String orderState) {
    var visitor = reservation.customer.visitor;
    var order = "/api/v1/orders/" + reservation.orderId();
    await()
        .atMost(TOLD_MAX)
        .untilAsserted(
            () -> {
              assertThat(visitor.get(reservation.path()).expect(200).text("state"))
                  .isEqualTo(state);
              assertThat(visitor.get(order).expect(200).text("state")).isEqualTo(orderState);
            });
    tell(reservation.id, state);
  }

  /** Pays, and waits until the reservation is confirmed. */
  void payFor(Reservation reservation) {
    var payment = pay(reservation, "tok_ok");
    awaitStates(reservation, "CONFIRMED", "PAID");
    awaitPayment(reservation, payment, "CAPTURED");
  }

  private void tell(UUID about, String what) {
    told.add("told: %s %s%n".formatted(names.get(about.toString()), what).strip());
  }

  /** What was told, and every row about it; the same text wherever the same has happened. */
  String text() {
    var lines = TABLES.stream().flatMap(table -> rows(table.get(0), table.get(1), table.get(2)));
    return Stream.concat(told.stream(), lines.sorted()).collect(Collectors.joining("\n")) + "\n";
  }

  private Stream<String> rows(String role, String table, String column) {
    var query =
        "SELECT row_to_json(t) FROM %s t WHERE %s = ANY (?::uuid[])".formatted(table, column);
    var ids = "{" + String.join(",", names.keySet()) + "}";
    return shop.sql(role).texts(query, ids).stream().map(row -> role + "." + table + line(row));
  }

  /** The row's columns in their order, without those that are null. */
  private String line(String row) {
    try {
      var text = new StringBuilder();
      for (var column : Json.tolerant().readTree(row).properties()) {
        if (!column.getValue().isNull() && !NOT_COMPARED.contains(column.getKey())) {
          text.append(' ').append(column.getKey()).append('=');
          text.append(named(column.getValue().toString()));
        }
      }
      return text.toString();
    } catch (JsonProcessingException e) {
      throw new IllegalStateException(row, e);
    }
  }

  private String named(String json) {
    var text = json.startsWith("\"") ? json.substring(1, json.length() - 1) : json;
    return TIME.matcher(text).matches()
        ? "time"
        : ID.matcher(text).replaceAll(id -> names.getOrDefault(id.group(), "id"));
  }
}
