package flashsale.acceptance;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import flashsale.acceptance.TestShop.Ask;
import io.swagger.v3.oas.models.OpenAPI;
import io.swagger.v3.oas.models.media.Schema;
import io.swagger.v3.parser.OpenAPIV3Parser;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** The interface's document is well-formed and tells the truth. */
class OpenApiTest {
  private static TestShop shop;
  private static OpenAPI document;

  @BeforeAll
  static void readTheDocument() throws Exception {
    shop = TestShop.start();
    var parsed = new OpenAPIV3Parser().readContents(text(shop.url().resolve("/openapi")));
    assertThat(parsed.getMessages()).isEmpty();
    document = parsed.getOpenAPI();
  }

  @AfterAll
  static void closeTheShop() {
    shop.close();
  }

  private static String text(URI uri) throws IOException, InterruptedException {
    try (var http = HttpClient.newHttpClient()) {
      var answer = http.send(HttpRequest.newBuilder(uri).build(), BodyHandlers.ofString());
      assertThat(answer.headers().firstValue("Content-Type").orElse(""))
          .startsWith("application/yaml");
      return answer.body();
    }
  }

  @Test
  void itListsExactlyWhatIsServed() {
    var documented = new TreeSet<String>();
    document
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
          document.getPaths().get(route.path()).readOperationsMap().entrySet().stream()
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

  @Test
  void answersHaveTheDocumentedShape() {
    var sale = shop.openSale(new Ask(10, 1, 100));
    var customer = shop.newCustomer();
    var anybody = shop.anybody();
    assertShape("User", customer.get("/api/v1/users/me").expect(200));
    assertShape("SalePage", anybody.get("/api/v1/sales").expect(200));
    assertShape("Sale", anybody.get("/api/v1/sales/" + sale.saleId()).expect(200));
    assertShape("ProductPage", anybody.get("/api/v1/products").expect(200));
    assertShape("Jwks", anybody.get("/.well-known/jwks.json").expect(200));
    var cart = customer.post("/api/v1/carts", Map.of()).expect(201);
    var item = "/api/v1/carts/" + cart.text("cartId") + "/items/" + sale.offerId();
    assertShape("Cart", cart);
    assertShape("Cart", customer.put(item, Map.of("quantity", 1)).expect(200));
    var held = customer.reserve(sale.offerId(), 1).expect(201);
    assertShape("Reservation", held);
    assertShape("Problem", customer.reserve(sale.offerId(), 1).expect(409));
    var order = "/api/v1/orders/" + held.text("orderId");
    assertShape("Order", customer.get(order).expect(200));
    var paid = customer.pay(held.text("orderId"), "tok_ok").expect(201);
    assertShape("Payment", paid);
    assertShape("Order", customer.get(order).expect(200));
    assertShape("OrderPage", customer.get("/api/v1/orders").expect(200));
    assertShape(
        "Refund",
        shop.operator()
            .post("/api/v1/admin/orders/" + held.text("orderId") + "/refund", Map.of())
            .expect(200));
    assertShape("Audit", shop.operator().get("/api/v1/admin/audit").expect(200));
    assertShape("Health", anybody.get("/health/live").expect(200));
    assertShape("Health", anybody.get("/health/ready").expect(200));
  }

  private static void assertShape(String name, Reply reply) {
    assertShape(name, document.getComponents().getSchemas().get(name), reply.json());
  }

  private static void assertShape(String where, Schema<?> schema, JsonNode json) {
    var target = resolved(schema);
    if (json.isNull()) {
      assertThat(types(target)).as(where).contains("null");
      return;
    }
    assertThat(types(target)).as(where).anyMatch(type -> isOf(type, json));
    if (target.getRequired() != null) {
      for (var field : target.getRequired()) {
        assertThat(json.has(field)).as(where + "." + field + " is required").isTrue();
      }
    }
    if (target.getEnum() != null) {
      assertThat(target.getEnum().stream().map(Object::toString)).as(where).contains(json.asText());
    }
    if (target.getItems() != null) {
      json.forEach(element -> assertShape(where + "[]", target.getItems(), element));
    }
    if (target.getProperties() != null && !where.endsWith("Problem")) {
      json.properties()
          .forEach(
              field -> {
                var property = target.getProperties().get(field.getKey());
                var path = where + "." + field.getKey();
                assertThat(property).as(path + " is documented").isNotNull();
                assertShape(path, property, field.getValue());
              });
    }
  }

  private static Schema<?> resolved(Schema<?> schema) {
    var ref = schema.get$ref();
    return ref == null
        ? schema
        : document.getComponents().getSchemas().get(ref.substring(ref.lastIndexOf('/') + 1));
  }

  private static List<String> types(Schema<?> schema) {
    return schema.getTypes() == null
        ? List.of(String.valueOf(schema.getType()))
        : List.copyOf(schema.getTypes());
  }

  private static boolean isOf(String type, JsonNode json) {
    return switch (type) {
      case "object" -> json.isObject();
      case "array" -> json.isArray();
      case "string" -> json.isTextual();
      case "integer" -> json.isIntegralNumber();
      case "number" -> json.isNumber();
      case "boolean" -> json.isBoolean();
      default -> false;
    };
  }
}
