package flashsale.catalog;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Optional;
import java.util.UUID;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Whatever is sent, the answer is a 4xx problem and nothing has changed. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class BadInputTest {
  private static final String SALES = "/api/v1/admin/sales";
  private static final String PRODUCTS = "/api/v1/admin/products";

  private Shop shop;
  private UUID saleId;
  private UUID offerId;
  private UUID productId;

  @BeforeAll
  void open() {
    shop = new Shop();
    saleId = shop.draft();
    productId = shop.product("Lamp");
    offerId = shop.addOffer(saleId, productId, 10).id("offerId");
  }

  @AfterAll
  void close() {
    shop.close();
  }

  private void refused(String method, String path, String body) {
    var before = everything();
    var reply = shop.operator(method, path, body);
    assertThat(reply.status()).as(method + " " + path + " " + body).isBetween(400, 499);
    assertThat(reply.json().get("status").asInt()).isEqualTo(reply.status());
    assertThat(reply.code()).isNotEmpty();
    assertThat(everything()).isEqualTo(before);
  }

  /** Every change to a sale, an offer or an existing product counts the revision up. */
  private List<Object> everything() {
    return shop.database.with(
        connection ->
            List.of(
                SaleRows.revision(connection),
                ProductRows.page(connection, Optional.empty(), 1_000)));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "null",
        "[]",
        "{",
        "\"text\"",
        "{}",
        "{\"name\":null,\"description\":\"\"}",
        "{\"name\":\"\",\"description\":\"\"}",
        "{\"name\":\"   \",\"description\":\"\"}",
        "{\"name\":5,\"description\":\"\"}",
        "{\"name\":[\"x\"],\"description\":\"\"}",
        "{\"name\":\"x\"}",
        "{\"name\":\"a\\u0000b\",\"description\":\"\"}",
        "{\"name\":\"a\\nb\",\"description\":\"\"}",
        "{\"name\":\"a\\ud800b\",\"description\":\"\"}",
        "{\"name\":\"x\",\"description\":\"a\\u0000b\"}",
        "{\"name\":\"x\",\"description\":\"a\\udfffb\"}",
        "{\"name\":\"x\",\"description\":\"\",\"extra\":1}",
        "{\"name\":\"x\",\"name\":\"y\",\"description\":\"\"}",
        "{\"name\":\"x\",\"description\":\"\",\"imageUrl\":\"javascript:alert(1)\"}",
        "{\"name\":\"x\",\"description\":\"\",\"imageUrl\":\"data:image/png;base64,AA\"}",
        "{\"name\":\"x\",\"description\":\"\",\"imageUrl\":\"//evil.example/x.png\"}",
        "{\"name\":\"x\",\"description\":\"\",\"imageUrl\":\"http:\"}",
        "{\"name\":\"x\",\"description\":\"\",\"imageUrl\":\"http:///x\"}",
        "{\"name\":\"x\",\"description\":\"\",\"imageUrl\":\"ht tp://x\"}",
        "{\"name\":\"x\",\"description\":\"\",\"imageUrl\":\"\\\\\\\\server\\\\x\"}",
        "{\"name\":\"x\",\"description\":\"\",\"imageUrl\":\"a\\u0000b\"}"
      })
  void aProduct(String body) {
    refused("POST", PRODUCTS, body);
  }

  @Test
  void textThatIsTooLong() {
    var name = "{\"name\":\"%s\",\"description\":\"\"}";
    refused("POST", PRODUCTS, name.formatted("x".repeat(201)));
    refused("POST", PRODUCTS, name.formatted("🌋".repeat(201)));
    refused("POST", PRODUCTS, name.formatted("x".repeat(200_000)));
    refused("POST", PRODUCTS, name.formatted("x".repeat(300_000)));
    refused("POST", PRODUCTS, "{\"name\":\"x\",\"description\":\"" + "x".repeat(5_001) + "\"}");
    refused(
        "POST",
        PRODUCTS,
        "{\"name\":\"x\",\"description\":\"\",\"imageUrl\":\"/" + "x".repeat(2_000) + "\"}");
    refused("POST", PRODUCTS, "[".repeat(100_000));
  }

  @Test
  void textOfTheGreatestLengthIsTaken() {
    var body = "{\"name\":\"%s\",\"description\":\"%s\"}";

    var reply = shop.post(PRODUCTS, body.formatted("🌋".repeat(200), "x".repeat(5_000)));

    assertThat(reply.status()).isEqualTo(201);
    var quoted = shop.post(PRODUCTS, body.formatted("'; DROP TABLE product; --", "$1 ? {fn x()}"));
    assertThat(shop.get(quoted.location().orElseThrow()).json().get("name").asText())
        .isEqualTo("'; DROP TABLE product; --");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{}",
        "{\"name\":\"x\",\"opensAt\":\"2026-12-01T10:00:00Z\"}",
        "{\"name\":\"x\",\"opensAt\":\"\",\"closesAt\":\"2026-12-01T10:00:00Z\"}",
        "{\"name\":\"x\",\"opensAt\":\"2026-12-01\",\"closesAt\":\"2026-12-02\"}",
        "{\"name\":\"x\",\"opensAt\":\"2026-12-01T10:00:00\",\"closesAt\":\"2026-12-02T10:00:00\"}",
        "{\"name\":\"x\",\"opensAt\":1764583200,\"closesAt\":1764669600}",
        "{\"name\":\"x\",\"opensAt\":\"2026-12-01T10:00:00Z\",\"closesAt\":1e999999999}",
        "{\"name\":\"x\",\"opensAt\":\"2026-12-02T10:00:00Z\",\"closesAt\":\"2026-12-01T10:00:00Z\"}",
        "{\"name\":\"x\",\"opensAt\":\"2026-12-01T10:00:00Z\",\"closesAt\":\"2026-12-01T10:00:00Z\"}",
        "{\"name\":\"x\",\"opensAt\":\"-999999999-01-01T00:00:00Z\",\"closesAt\":\"2026-12-01T10:00:00Z\"}",
        "{\"name\":\"x\",\"opensAt\":\"2026-12-01T10:00:00Z\",\"closesAt\":\"+999999999-12-31T00:00:00Z\"}",
        "{\"name\":\"x\",\"opensAt\":\"2026-12-01T10:00:00Z\",\"closesAt\":\"2200-01-01T00:00:00Z\"}",
        "{\"name\":\"x\",\"opensAt\":\"1999-12-31T23:59:59Z\",\"closesAt\":\"2026-12-01T10:00:00Z\"}",
        "{\"name\":\"x\\u0000\",\"opensAt\":\"2026-12-01T10:00:00Z\",\"closesAt\":\"2026-12-02T10:00:00Z\"}",
        "{\"name\":\"x\",\"opensAt\":\"2026-12-01T10:00:00Z\",\"closesAt\":\"2026-12-02T10:00:00Z\",\"holdSeconds\":9}",
        "{\"name\":\"x\",\"opensAt\":\"2026-12-01T10:00:00Z\",\"closesAt\":\"2026-12-02T10:00:00Z\",\"holdSeconds\":86401}",
        "{\"name\":\"x\",\"opensAt\":\"2026-12-01T10:00:00Z\",\"closesAt\":\"2026-12-02T10:00:00Z\",\"holdSeconds\":-600}",
        "{\"name\":\"x\",\"opensAt\":\"2026-12-01T10:00:00Z\",\"closesAt\":\"2026-12-02T10:00:00Z\",\"holdSeconds\":\"600\"}",
        "{\"name\":\"x\",\"opensAt\":\"2026-12-01T10:00:00Z\",\"closesAt\":\"2026-12-02T10:00:00Z\",\"holdSeconds\":600.5}",
        "{\"name\":\"x\",\"opensAt\":\"2026-12-01T10:00:00Z\",\"closesAt\":\"2026-12-02T10:00:00Z\",\"state\":\"OPEN\"}"
      })
  void aSale(String body) {
    refused("POST", SALES, body);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{\"name\":\"\"}",
        "{\"opensAt\":\"2030-01-01T00:00:00Z\"}",
        "{\"closesAt\":\"x\"}",
        "{\"holdSeconds\":0}",
        "{\"holdSeconds\":99999999999}",
        "{\"version\":1}"
      })
  void aSalesChange(String body) {
    refused("PATCH", SALES + "/" + saleId, body);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{}",
        "{\"productId\":\"no-id\",\"unitPriceMinor\":1,\"currency\":\"EUR\",\"allocated\":1,\"limitPerCustomer\":0}",
        "{\"productId\":null,\"unitPriceMinor\":1,\"currency\":\"EUR\",\"allocated\":1,\"limitPerCustomer\":0}",
        "{\"productId\":\"PRODUCT\",\"currency\":\"EUR\",\"allocated\":1,\"limitPerCustomer\":0}",
        "{\"productId\":\"PRODUCT\",\"unitPriceMinor\":-1,\"currency\":\"EUR\",\"allocated\":1,\"limitPerCustomer\":0}",
        "{\"productId\":\"PRODUCT\",\"unitPriceMinor\":1000000000001,\"currency\":\"EUR\",\"allocated\":1,\"limitPerCustomer\":0}",
        "{\"productId\":\"PRODUCT\",\"unitPriceMinor\":9223372036854775808,\"currency\":\"EUR\",\"allocated\":1,\"limitPerCustomer\":0}",
        "{\"productId\":\"PRODUCT\",\"unitPriceMinor\":1.5,\"currency\":\"EUR\",\"allocated\":1,\"limitPerCustomer\":0}",
        "{\"productId\":\"PRODUCT\",\"unitPriceMinor\":\"1\",\"currency\":\"EUR\",\"allocated\":1,\"limitPerCustomer\":0}",
        "{\"productId\":\"PRODUCT\",\"unitPriceMinor\":1,\"currency\":\"eur\",\"allocated\":1,\"limitPerCustomer\":0}",
        "{\"productId\":\"PRODUCT\",\"unitPriceMinor\":1,\"currency\":\"ZZZ\",\"allocated\":1,\"limitPerCustomer\":0}",
        "{\"productId\":\"PRODUCT\",\"unitPriceMinor\":1,\"currency\":\"\",\"allocated\":1,\"limitPerCustomer\":0}",
        "{\"productId\":\"PRODUCT\",\"unitPriceMinor\":1,\"allocated\":1,\"limitPerCustomer\":0}",
        "{\"productId\":\"PRODUCT\",\"unitPriceMinor\":1,\"currency\":\"EUR\",\"limitPerCustomer\":0}",
        "{\"productId\":\"PRODUCT\",\"unitPriceMinor\":1,\"currency\":\"EUR\",\"allocated\":-1,\"limitPerCustomer\":0}",
        "{\"productId\":\"PRODUCT\",\"unitPriceMinor\":1,\"currency\":\"EUR\",\"allocated\":100000001,\"limitPerCustomer\":0}",
        "{\"productId\":\"PRODUCT\",\"unitPriceMinor\":1,\"currency\":\"EUR\",\"allocated\":1}",
        "{\"productId\":\"PRODUCT\",\"unitPriceMinor\":1,\"currency\":\"EUR\",\"allocated\":1,\"limitPerCustomer\":-1}",
        "{\"productId\":\"PRODUCT\",\"unitPriceMinor\":1,\"currency\":\"EUR\",\"allocated\":1,\"limitPerCustomer\":1001}",
        "{\"productId\":\"PRODUCT\",\"unitPriceMinor\":1,\"currency\":\"EUR\",\"allocated\":true,\"limitPerCustomer\":0}"
      })
  void anOffer(String body) {
    refused(
        "POST", SALES + "/" + saleId + "/offers", body.replace("PRODUCT", productId.toString()));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "[]",
        "{\"allocated\":-1}",
        "{\"allocated\":2147483648}",
        "{\"limitPerCustomer\":1001}",
        "{\"unitPriceMinor\":-5}",
        "{\"currency\":\"USD\"}",
        "{\"productId\":\"x\"}"
      })
  void anOffersChange(String body) {
    refused("PATCH", "/api/v1/admin/offers/" + offerId, body);
  }

  @Test
  void idsThatAreNone() {
    for (var id :
        List.of("x", "%00", "'%20OR%201=1", "%F0%9F%8C%8B", UUID.randomUUID().toString())) {
      refused("GET", SALES + "/" + id, null);
      refused("PATCH", SALES + "/" + id, "{\"name\":\"x\"}");
      refused("PATCH", PRODUCTS + "/" + id, "{\"name\":\"x\"}");
      refused("PATCH", "/api/v1/admin/offers/" + id, "{\"allocated\":1}");
      for (var move : List.of("schedule", "open", "pause", "close")) {
        refused("POST", SALES + "/" + id + "/" + move, null);
      }
      refused("GET", "/api/v1/sales/" + id, null);
      refused("GET", "/api/v1/products/" + id, null);
    }
  }

  @Test
  void onlyOperatorsDecide() {
    for (var route :
        List.of(
            "POST " + PRODUCTS,
            "PATCH " + PRODUCTS + "/" + productId,
            "GET " + SALES,
            "POST " + SALES,
            "GET " + SALES + "/" + saleId,
            "PATCH " + SALES + "/" + saleId,
            "POST " + SALES + "/" + saleId + "/offers",
            "POST " + SALES + "/" + saleId + "/schedule",
            "POST " + SALES + "/" + saleId + "/open",
            "POST " + SALES + "/" + saleId + "/pause",
            "POST " + SALES + "/" + saleId + "/close",
            "PATCH /api/v1/admin/offers/" + offerId)) {
      var method = route.substring(0, route.indexOf(' '));
      var path = route.substring(route.indexOf(' ') + 1);
      assertThat(shop.send(method, path, null, "none", null).status()).as(route).isEqualTo(401);
      assertThat(shop.send(method, path, null, "forged", null).status()).as(route).isEqualTo(401);
      assertThat(shop.send(method, path, null, "customer", null).status()).as(route).isEqualTo(403);
    }
  }
}
