package flashsale.acceptance;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import flashsale.acceptance.TestShop.Ask;
import io.swagger.v3.oas.models.OpenAPI;
import java.io.IOException;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** The interface's document is well-formed and tells the truth. */
class OpenApiTest {
  private static TestShop shop;
  private static final OpenAPI DOCUMENT = Documented.document();

  /** Where a problem is made with its code. */
  private static final Pattern PROBLEM =
      Pattern.compile(
          "(?:of\\(\\s*\\d{3},|(?:badRequest|conflict|unprocessable|unavailable|tooMany)\\()"
              + "\\s*\"([A-Z_]+)\"");

  @BeforeAll
  static void openTheShop() {
    shop = TestShop.start();
  }

  @AfterAll
  static void closeTheShop() {
    shop.close();
  }

  @Test
  void theServerHandsItOut() throws Exception {
    try (var http = HttpClient.newHttpClient();
        var file = OpenApiTest.class.getResourceAsStream("/openapi.yaml")) {
      var request = HttpRequest.newBuilder(shop.url().resolve("/openapi")).build();
      var answer = http.send(request, BodyHandlers.ofString());
      assertThat(answer.headers().firstValue("Content-Type").orElse(""))
          .startsWith("application/yaml");
      assertThat(answer.body()).isEqualTo(new String(file.readAllBytes(), UTF_8));
    }
  }

  @Test
  void itListsExactlyWhatIsServed() {
    var documented = new TreeSet<String>();
    DOCUMENT
        .getPaths()
        .forEach(
            (path, item) ->
                item.readOperationsMap()
                    .keySet()
                    .forEach(method -> documented.add(method + " " + path)));
    var served = new TreeSet<String>();
    shop.routes().forEach(route -> served.add(route.method() + " " + route.path()));
    assertThat(documented).isEqualTo(served);
  }

  @Test
  void itSaysWhoMayCall() {
    for (var route : shop.routes()) {
      var operation =
          DOCUMENT.getPaths().get(route.path()).readOperationsMap().entrySet().stream()
              .filter(e -> e.getKey().name().equals(route.method()))
              .findFirst()
              .orElseThrow()
              .getValue();
      var security = operation.getSecurity();
      var expected =
          switch (route.access()) {
            case PUBLIC -> "null";
            case CUSTOMER -> "[customer]";
            case OPERATOR -> "[operator]";
          };
      assertThat(security == null ? "null" : security.getFirst().get("bearer").toString())
          .as(route.method() + " " + route.path())
          .isEqualTo(expected);
    }
  }

  /** A tour of everything; what {@link Documented} finds is told when the shop is closed. */
  @Test
  void answersHaveTheDocumentedShape() {
    var operator = shop.operator();
    var sale = shop.openSale(new Ask(10, 1, 100));
    var customer = shop.newCustomer();
    var anybody = shop.anybody();
    customer.get("/api/v1/users/me").expect(200);
    for (var path :
        List.of("/api/v1/sales", "/api/v1/products", "/api/v1/sales/" + sale.saleId())) {
      var etag = anybody.get(path).expect(200).header("ETag");
      anybody.send("GET", path, null, Map.of("If-None-Match", etag)).expect(304);
    }
    anybody.get("/.well-known/jwks.json").expect(200);
    var cart = customer.post("/api/v1/carts", Map.of()).expect(201).text("cartId");
    customer.get("/api/v1/carts/" + cart).expect(200);
    var item = "/api/v1/carts/" + cart + "/items/" + sale.offerId();
    customer.put(item, Map.of("quantity", 1)).expect(200);
    customer.delete(item).expect(200);
    var held = customer.reserve(sale.offerId(), 1).expect(201);
    customer.get("/api/v1/reservations/" + held.text("reservationId")).expect(200);
    customer.reserve(sale.offerId(), 1).expect(409);
    var order = held.text("orderId");
    customer.get("/api/v1/orders/" + order).expect(200);
    var paid = customer.pay(order, "tok_ok").expect(201);
    customer.get("/api/v1/payments/" + paid.text("paymentId")).expect(200);
    customer.get("/api/v1/orders").expect(200);
    operator.post("/api/v1/admin/orders/" + order + "/refund", Map.of()).expect(200);
    customer.get("/api/v1/orders/" + order).expect(200);
    operator.get("/api/v1/admin/sales").expect(200);
    var admin = "/api/v1/admin/sales/" + sale.saleId();
    operator.get(admin).expect(200);
    operator.patch(admin, Map.of("name", "Spring")).expect(200);
    var change = Map.of("unitPriceMinor", 99);
    operator.patch("/api/v1/admin/offers/" + sale.offerId(), change).expect(200);
    operator.post(admin + "/pause", Map.of()).expect(200);
    operator.get(admin + "/audit").expect(200);
    operator.get("/api/v1/admin/audit").expect(200);
    anybody.get("/health/live").expect(200);
    anybody.get("/health/ready").expect(200);
    anybody.get("/metrics").expect(200);
    customer.delete("/api/v1/sessions").expect(204);
  }

  @Test
  void itListsEveryCodeOfAProblem() throws IOException {
    var codes = new TreeSet<String>();
    try (var files = Files.walk(Path.of("..").toRealPath())) {
      for (var file : files.filter(OpenApiTest::isSource).toList()) {
        var text = Files.readString(file);
        PROBLEM.matcher(text).results().map(found -> found.group(1)).forEach(codes::add);
      }
    }
    assertThat(codes).hasSizeGreaterThan(40);
    assertThat(Documented.schema("ProblemCode").getEnum().stream().map(Object::toString))
        .containsAll(codes);
  }

  /** Of the shop: the laboratory is no part of the interface. */
  private static boolean isSource(Path file) {
    var path = file.toString();
    return path.endsWith(".java") && path.contains("/src/main/") && !path.contains("/lab/src/");
  }
}
