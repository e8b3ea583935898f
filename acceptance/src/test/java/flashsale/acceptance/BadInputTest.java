package flashsale.acceptance;

import static org.assertj.core.api.Assertions.assertThat;

import flashsale.acceptance.TestShop.Ask;
import flashsale.acceptance.TestShop.Sale;
import flashsale.platform.http.Access;
import flashsale.platform.http.Routes.Route;
import java.io.ByteArrayInputStream;
import java.io.UncheckedIOException;
import java.net.http.HttpRequest.BodyPublishers;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.UUID;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/**
 * Every route, with what nobody in good faith would send: always a problem that names the sender's
 * fault, never the server's, and nothing is written.
 */
class BadInputTest {
  private static final int BODY_MAX = 64 * 1024;
  private static final int AT_A_TIME = 16;

  /** They read no body. */
  private static final Set<String> BODYLESS =
      Set.of(
          "POST /api/v1/carts",
          "POST /api/v1/admin/sales/{saleId}/schedule",
          "POST /api/v1/admin/sales/{saleId}/open",
          "POST /api/v1/admin/sales/{saleId}/pause",
          "POST /api/v1/admin/sales/{saleId}/close",
          "POST /api/v1/admin/dead-letters/{letterId}/discard",
          "POST /api/v1/admin/orders/{orderId}/refund");

  private static TestShop shop;
  private static Sale sale;
  private static Visitor customer;
  private static Map<String, String> ids;

  @BeforeAll
  static void openTheShop() {
    shop = TestShop.start("users.hashWaitMax=30s", "users.hashQueueMax=1000");
    sale = shop.openSale(new Ask(100, 0, 100));
    customer = shop.newCustomer();
    var cart = customer.post("/api/v1/carts", Map.of()).expect(201).text("cartId");
    var held = customer.reserve(sale.offerId(), 1).expect(201);
    var paid = customer.pay(held.text("orderId"), "tok_ok").expect(201);
    var products = shop.anybody().get("/api/v1/products").expect(200).json().path("products");
    ids =
        Map.of(
            "cartId", cart,
            "letterId", DeadLettersTest.poison(shop, "orders").toString(),
            "offerId", sale.offerId(),
            "saleId", sale.saleId(),
            "productId", products.get(0).path("productId").asText(),
            "reservationId", held.text("reservationId"),
            "orderId", held.text("orderId"),
            "paymentId", paid.text("paymentId"));
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
  void noRouteTakesAForgedToken() throws Exception {
    var forged = ForgedTokens.all(shop.tokens());
    var before = rows();
    var requests = new ArrayList<Callable<Reply>>();
    for (var route : shop.routes()) {
      if (route.access() != Access.PUBLIC) {
        for (var token : forged) {
          var forger = new Visitor(shop.url(), token);
          requests.add(() -> forger.send(route.method(), path(route), "{}", Map.of()));
        }
      }
    }
    for (var reply : answers(requests)) {
      assertProblem(reply);
      assertThat(reply.status()).as(reply.toString()).isEqualTo(401);
      assertThat(reply.header("WWW-Authenticate")).isEqualTo("Bearer");
    }
    assertThat(rows()).isEqualTo(before);
  }

  @Test
  void otherSchemesThanBearerAreRefused() {
    var token = shop.tokens().customer();
    for (var header :
        List.of("", "Bearer", "Bearer ", "Basic dXNlcjpwYXNz", token, "Token " + token)) {
      assertProblem(
          shop.anybody()
              .send("GET", "/api/v1/orders", null, Map.of("Authorization", header))
              .expect(401));
    }
  }

  @Test
  void customersAreNoOperators() throws Exception {
    var requests = new ArrayList<Callable<Reply>>();
    for (var route : shop.routes()) {
      if (route.access() == Access.OPERATOR) {
        requests.add(() -> customer.send(route.method(), path(route), "{}", Map.of()));
      }
    }
    assertThat(requests).isNotEmpty();
    for (var reply : answers(requests)) {
      reply.expect(403, "FORBIDDEN");
    }
  }

  @Test
  void whatIsNoObjectOfTheInterfaceIsRefused() throws Exception {
    var before = rows();
    var requests = new ArrayList<Callable<Reply>>();
    for (var route : routesWithBody()) {
      for (var body : HostileInput.BODIES) {
        requests.add(() -> sender(route).send(route.method(), path(route), body, Map.of()));
      }
    }
    for (var reply : answers(requests)) {
      assertProblem(reply);
    }
    assertThat(rows()).isEqualTo(before);
  }

  @Test
  void whatIsSentAlongWhereNoBodyIsReadIsNeverTheServersFault() throws Exception {
    var spare = shop.openSale(new Ask(5, 0, 100));
    var buyer = shop.customer();
    var order = buyer.reserve(spare.offerId(), 1).expect(201).text("orderId");
    buyer.pay(order, "tok_ok").expect(201);
    var requests = new ArrayList<Callable<Reply>>();
    for (var target : BODYLESS) {
      var path =
          target
              .replace("{saleId}", spare.saleId())
              .replace("{orderId}", order)
              .replace("{letterId}", ids.get("letterId"));
      var sender = target.contains("/admin/") ? shop.operator() : buyer;
      for (var body : HostileInput.BODIES) {
        requests.add(() -> send(sender, path, body));
      }
    }
    for (var reply : answers(requests)) {
      assertNoFault(reply);
    }
  }

  @Test
  void anotherMediaTypeIsRefused() throws Exception {
    var requests = new ArrayList<Callable<Reply>>();
    for (var route : routesWithBody()) {
      for (var type : List.of("text/plain", "application/xml", "application/json-seq", "x", "/")) {
        requests.add(
            () ->
                sender(route)
                    .send(route.method(), path(route), "{}", Map.of("Content-Type", type)));
      }
    }
    for (var reply : answers(requests)) {
      assertProblem(reply);
      assertThat(reply.status()).as(reply.toString()).isIn(400, 415);
    }
  }

  @Test
  void aBodyThatIsTooLargeIsRefusedBeforeItIsSent() throws Exception {
    var body = "{\"a\":\"" + "x".repeat(BODY_MAX) + "\"}";
    var requests = new ArrayList<Callable<Reply>>();
    for (var route : routesWithBody()) {
      requests.add(
          () -> sender(route).sendWhenAsked(route.method(), path(route), body).expect(413));
    }
    for (var reply : answers(requests)) {
      assertProblem(reply);
    }
  }

  @Test
  void aBodyWithoutEndIsCutOff() throws Exception {
    var before = rows();
    var bytes = ("{\"a\":\"" + "x".repeat(20 * BODY_MAX) + "\"}").getBytes(StandardCharsets.UTF_8);
    for (var route : routesWithBody()) {
      try {
        var body = BodyPublishers.ofInputStream(() -> new ByteArrayInputStream(bytes));
        assertProblem(sender(route).publish(route.method(), path(route), body, Map.of()));
      } catch (UncheckedIOException e) {
        // The connection was closed while the client was still sending, which it may do.
      }
    }
    shop.anybody().get("/health/live").expect(200);
    assertThat(rows()).isEqualTo(before);
  }

  @Test
  void aCustomersObjectWithOneWrongFieldIsRefusedAndNothingIsWritten() throws Exception {
    var before = rows();
    var requests = new ArrayList<Callable<Reply>>();
    customersObjects()
        .forEach(
            (target, object) -> {
              var bodies = new ArrayList<>(HostileInput.spoilt(object, HostileInput.VALUES));
              bodies.addAll(HostileInput.spoilt(object, HostileInput.TEXTS));
              bodies.addAll(HostileInput.superfluous(object));
              for (var body : bodies) {
                requests.add(() -> send(customer, target, body));
              }
            });
    for (var reply : answers(requests)) {
      assertProblem(reply);
    }
    assertThat(rows()).isEqualTo(before);
  }

  /** By method and path; every value of {@link HostileInput} is wrong for every field of these. */
  private static Map<String, Map<String, String>> customersObjects() {
    var objects = new TreeMap<String, Map<String, String>>();
    var line = "[{\"offerId\":\"" + sale.offerId() + "\",\"quantity\":1}]";
    objects.put("POST /api/v1/reservations", Map.of("lines", line));
    objects.put("POST /api/v1/reservations?", Map.of("cartId", quoted(ids.get("cartId"))));
    objects.put(
        "POST /api/v1/payments",
        object("orderId", quoted(ids.get("orderId")), "method", quoted("tok_ok")));
    objects.put(
        "PUT /api/v1/carts/" + ids.get("cartId") + "/items/" + sale.offerId(),
        Map.of("quantity", "1"));
    objects.put("POST /api/v1/sessions/refresh", Map.of("refreshToken", quoted("none")));
    objects.put(
        "POST /api/v1/sessions",
        object("email", quoted("nobody@example.com"), "password", quoted("correct horse")));
    // Its address and password are wrong in any case, so that the one or the other is at least.
    objects.put(
        "POST /api/v1/users",
        object("email", quoted("nobody"), "password", quoted("x"), "displayName", quoted("N")));
    return objects;
  }

  @Test
  void aLineWithOneWrongFieldIsRefusedAndNothingIsWritten() throws Exception {
    var before = rows();
    var line = object("offerId", quoted(sale.offerId()), "quantity", "1");
    var lines = new ArrayList<>(HostileInput.spoilt(line, HostileInput.VALUES));
    lines.addAll(HostileInput.spoilt(line, HostileInput.TEXTS));
    lines.addAll(HostileInput.superfluous(line));
    lines.addAll(List.of("null", "1", "[]", "\"x\"", "{}"));
    var requests = new ArrayList<Callable<Reply>>();
    for (var one : lines) {
      requests.add(() -> send(customer, "POST /api/v1/reservations", "{\"lines\":[" + one + "]}"));
    }
    var many = String.join(",", java.util.Collections.nCopies(500, HostileInput.json(line)));
    requests.add(() -> send(customer, "POST /api/v1/reservations", "{\"lines\":[" + many + "]}"));
    for (var reply : answers(requests)) {
      assertProblem(reply);
    }
    assertThat(rows()).isEqualTo(before);
  }

  @Test
  void anAccountsStrangeTextsAreNeverTheServersFault() throws Exception {
    var requests = new ArrayList<Callable<Reply>>();
    var values = new ArrayList<>(HostileInput.VALUES);
    values.addAll(HostileInput.TEXTS);
    var user =
        object(
            "email", quoted("s@example.com"),
            "password", quoted("correct horse battery"),
            "displayName", quoted("S"));
    for (var body : HostileInput.spoilt(user, values)) {
      requests.add(() -> send(shop.anybody(), "POST /api/v1/users", body));
    }
    var password = object("oldPassword", quoted("wrong horse"), "newPassword", quoted("battery1"));
    for (var body : HostileInput.spoilt(password, values)) {
      requests.add(() -> send(customer, "PUT /api/v1/users/me/password", body));
    }
    for (var reply : answers(requests)) {
      assertNoFault(reply);
    }
  }

  @Test
  void anOperatorsWrongFieldIsNeverTheServersFault() throws Exception {
    var values = new ArrayList<>(HostileInput.VALUES);
    values.addAll(HostileInput.TEXTS);
    var spare = shop.openSale(new Ask(5, 0, 100));
    var product =
        object("name", quoted("N"), "description", quoted("D"), "imageUrl", quoted("/i.png"));
    var window =
        object(
            "name", quoted("N"),
            "opensAt", quoted("2026-01-01T00:00:00Z"),
            "closesAt", quoted("2199-01-01T00:00:00Z"),
            "holdSeconds", "60");
    var offer =
        object(
            "productId", quoted(ids.get("productId")),
            "unitPriceMinor", "100",
            "currency", quoted("EUR"),
            "allocated", "1",
            "limitPerCustomer", "1");
    var change = object("unitPriceMinor", "100", "allocated", "5", "limitPerCustomer", "1");
    var objects = new LinkedHashMap<String, Map<String, String>>();
    objects.put("POST /api/v1/admin/products", product);
    objects.put("PATCH /api/v1/admin/products/" + ids.get("productId"), product);
    objects.put("POST /api/v1/admin/sales", window);
    objects.put("PATCH /api/v1/admin/sales/" + spare.saleId(), window);
    objects.put("POST /api/v1/admin/sales/" + spare.saleId() + "/offers", offer);
    objects.put("PATCH /api/v1/admin/offers/" + spare.offerId(), change);
    var requests = new ArrayList<Callable<Reply>>();
    objects.forEach(
        (target, object) -> {
          for (var body : HostileInput.spoilt(object, values)) {
            requests.add(() -> send(shop.operator(), target, body));
          }
          for (var body : HostileInput.superfluous(object)) {
            requests.add(
                () -> {
                  var reply = send(shop.operator(), target, body);
                  assertProblem(reply);
                  return reply;
                });
          }
        });
    for (var reply : answers(requests)) {
      assertNoFault(reply);
    }
  }

  @Test
  void whatIsNoIdOrNobodysNamesNothing() throws Exception {
    var before = rows();
    var texts =
        List.of(
            UUID.randomUUID().toString(),
            "x",
            "0",
            "-1",
            "%00",
            "%20",
            "%27%20OR%201=1--",
            "%F0%9F%98%80",
            "%ED%A0%80",
            "..%2F..%2Fetc%2Fpasswd",
            "1-1-1-1-1",
            "{id}".replace("{", "%7B").replace("}", "%7D"),
            "a".repeat(2_000));
    var requests = new ArrayList<Callable<Reply>>();
    for (var route : shop.routes()) {
      if (route.path().contains("{")) {
        for (var text : texts) {
          var path = route.path().replaceAll("\\{[^}]*}", text.replace("\\", "\\\\"));
          var body = route.method().equals("PUT") ? "{\"quantity\":1}" : "{}";
          requests.add(() -> sender(route).send(route.method(), path, body, Map.of()));
        }
      }
    }
    for (var reply : answers(requests)) {
      assertProblem(reply);
    }
    assertThat(rows()).isEqualTo(before);
  }

  @Test
  void whatIsSomebodyElsesNamesNothing() throws Exception {
    var before = rows();
    var other = shop.customer();
    var requests = new ArrayList<Callable<Reply>>();
    for (var route : shop.routes()) {
      if (route.access() == Access.CUSTOMER && route.path().contains("{")) {
        requests.add(() -> other.send(route.method(), path(route), "{\"quantity\":1}", Map.of()));
      }
    }
    assertThat(requests).hasSizeGreaterThan(5);
    for (var reply : answers(requests)) {
      reply.expect(404, "NOT_FOUND");
    }
    assertThat(rows()).isEqualTo(before);
  }

  @Test
  void queriesOutOfBoundsAreRefused() throws Exception {
    var requests = new ArrayList<Callable<Reply>>();
    for (var path :
        List.of("/api/v1/sales", "/api/v1/products", "/api/v1/orders", "/api/v1/admin/sales")) {
      for (var query :
          List.of(
              "limit=0",
              "limit=-1",
              "limit=101",
              "limit=x",
              "limit=",
              "limit=1e2",
              "limit=99999999999999999999",
              "cursor=x",
              "cursor=%00",
              "cursor=" + "A".repeat(3_000),
              "cursor=%27%20OR%201=1--")) {
        requests.add(() -> shop.operator().get(path + "?" + query));
      }
    }
    for (var reply : answers(requests)) {
      assertProblem(reply);
    }
  }

  @Test
  void anotherMethodOrAddressIsRefused() {
    shop.anybody().get("/nothing/here").expect(404, "NOT_FOUND");
    shop.anybody().get("/api/v1/../../etc/passwd").expect(404);
    var refused = shop.anybody().delete("/api/v1/sales").expect(405, "METHOD_NOT_ALLOWED");
    assertThat(refused.header("Allow")).contains("GET").doesNotContain("DELETE");
  }

  private static List<Route> routesWithBody() {
    return shop.routes().stream()
        .filter(r -> Set.of("POST", "PUT", "PATCH").contains(r.method()))
        .filter(r -> !BODYLESS.contains(r.method() + " " + r.path()))
        .toList();
  }

  private static Visitor sender(Route route) {
    return route.access() == Access.OPERATOR ? shop.operator() : customer;
  }

  /** The route's path with ids of things that exist. */
  private static String path(Route route) {
    var path = route.path();
    for (var id : ids.entrySet()) {
      path = path.replace("{" + id.getKey() + "}", id.getValue());
    }
    assertThat(path).doesNotContain("{");
    return path;
  }

  private static Reply send(Visitor visitor, String target, String body) {
    int space = target.indexOf(' ');
    return visitor.send(target.substring(0, space), target.substring(space + 1), body, Map.of());
  }

  private static void assertProblem(Reply reply) {
    assertThat(reply.status()).as(reply.toString()).isBetween(400, 499);
    assertThat(reply.header("Content-Type"))
        .as(reply.toString())
        .startsWith("application/problem+json");
    assertThat(reply.json().path("status").asInt()).isEqualTo(reply.status());
    assertThat(reply.text("code")).matches("[A-Z][A-Z0-9_]+");
    assertThat(reply.text("detail")).isNotEmpty();
  }

  private static void assertNoFault(Reply reply) {
    assertThat(reply.status()).as(reply.toString()).isLessThan(500);
    if (reply.status() >= 400) {
      assertProblem(reply);
    }
  }

  /** What stands in every table, apart from what comes and goes by itself. */
  private static Map<String, String> rows() {
    var rows = new TreeMap<String, String>();
    for (var role : Sql.ROLES) {
      rows.putAll(shop.sql(role).digests());
    }
    rows.keySet().removeIf(table -> table.endsWith(".outbox"));
    return rows;
  }

  private static List<Reply> answers(List<Callable<Reply>> requests) throws Exception {
    var factory = Thread.ofVirtual().factory();
    try (var threads = Executors.newFixedThreadPool(AT_A_TIME, factory)) {
      var answers = new ArrayList<Reply>();
      for (var answer : threads.invokeAll(requests)) {
        answers.add(answer.get());
      }
      return answers;
    }
  }

  private static String quoted(String text) {
    return "\"" + text + "\"";
  }

  private static Map<String, String> object(String... members) {
    var object = new LinkedHashMap<String, String>();
    for (int i = 0; i < members.length; i += 2) {
      object.put(members[i], members[i + 1]);
    }
    return object;
  }
}
