package flashsale.acceptance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import flashsale.acceptance.TestShop.Ask;
import flashsale.server.SplitShop;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestMethodOrder;

/**
 * What is different where the roles are separate services: who may reach what, and who is missing.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class SplitTest {
  private static final List<String> ROLES =
      List.of("users", "catalog", "inventory", "reservations", "orders", "payments");

  private SplitShop split;
  private TestShop shop;
  private TestShop.Sale sale;

  @BeforeAll
  void start() {
    var folder = TemporaryFolder.make();
    split = SplitShop.start(folder, Map.of("peers.timeout", "1s", "http.drain", "5s"));
    shop = TestShop.of(folder, split);
    sale = shop.openSale(new Ask(1_000, 0, 500));
  }

  @AfterAll
  void close() {
    split.close();
    shop.close();
  }

  @Test
  void theDoorsAreNotBehindTheGateway() throws Exception {
    for (var role : ROLES) {
      shop.anybody().post("/doors/" + role + "/apply", List.of()).expect(404);
    }
    assertThat(knock(split.url().resolve("/metrics"), "")).isEqualTo(404);
  }

  @Test
  void theDoorsAreOpenToNobodyWithoutTheSecret() throws Exception {
    for (var role : ROLES) {
      var path = "/doors/" + role + (role.equals("users") ? "/jwks" : "/apply");
      for (var token : List.of("", shop.operator().token(), "x".repeat(40))) {
        assertThat(knock(split.doors(role).resolve(path), token)).as(role).isEqualTo(401);
      }
      assertThat(knock(split.direct(role).resolve(path), "")).as(role).isEqualTo(404);
    }
  }

  private static int knock(URI door, String token) throws Exception {
    var request =
        HttpRequest.newBuilder(door)
            .header("Authorization", "Bearer " + token)
            .POST(BodyPublishers.ofString("[[]]"))
            .build();
    try (var http = HttpClient.newHttpClient()) {
      return http.send(request, BodyHandlers.discarding()).statusCode();
    }
  }

  @Test
  void aSessionThatEndedIsSoonOverEverywhere() {
    var customer = shop.newCustomer();
    customer.get("/api/v1/orders").expect(200);
    customer.delete("/api/v1/sessions").expect(204);
    for (var path : List.of("/api/v1/orders", "/api/v1/payments/" + sale.offerId())) {
      await().atMost(Duration.ofSeconds(10)).until(() -> customer.get(path).status() == 401);
    }
  }

  @Test
  void theDeadLettersOfAllRolesAreInOneList() {
    shop.operator().get("/api/v1/admin/dead-letters?role=inventory").expect(200);
    shop.operator().get("/api/v1/admin/dead-letters").expect(200);
    var body = Map.of("role", "payments", "category", "BUG");
    shop.operator().post("/api/v1/admin/dead-letters/replay", body).expect(200);
  }

  @Test
  void aPriceIsChangedForEverybody() {
    var other = shop.openSale(new Ask(10, 0, 500));
    var change = Map.of("unitPriceMinor", 99);
    shop.operator().patch("/api/v1/admin/offers/" + other.offerId(), change).expect(200);
    await()
        .until(
            () ->
                shop.customer()
                        .reserve(other.offerId(), 1)
                        .expect(201)
                        .json()
                        .path("totalMinor")
                        .asLong()
                    == 99);
  }

  @Test
  void whatIsSoldOutIsRefusedWithoutAHop() {
    var small = shop.openSale(new Ask(1, 0, 500));
    shop.customer().reserve(small.offerId(), 1).expect(201);
    await().until(() -> shop.customer().reserve(small.offerId(), 1).status() == 409);
  }

  @Test
  @Order(Integer.MAX_VALUE)
  void whoIsMissingIsMissedOnlyByThoseWhoNeedThem() {
    var customer = shop.newCustomer();
    var order = customer.reserve(sale.offerId(), 1).expect(201).text("orderId");
    split.stop("payments");
    customer.get("/api/v1/sales/" + sale.saleId()).expect(200);
    customer.reserve(sale.offerId(), 1).expect(201);
    customer.get("/api/v1/orders/" + order).expect(200);
    customer.pay(order, "tok_ok").expect(503);

    split.stop("inventory");
    customer.get("/api/v1/sales/" + sale.saleId()).expect(200);
    customer.get("/api/v1/orders/" + order).expect(200);
    customer.reserve(sale.offerId(), 1, "while-away").expect(503);
    await()
        .until(
            () ->
                new Visitor(split.direct("reservations"), null)
                    .get("/health/ready")
                    .expect(200)
                    .json()
                    .path("details")
                    .path("peer inventory")
                    .asText()
                    .equals("DOWN"));

    split.startAgain("inventory");
    split.startAgain("payments");
    await()
        .atMost(Duration.ofSeconds(20))
        .until(() -> customer.reserve(sale.offerId(), 1, "while-away").status() == 201);
    await()
        .atMost(Duration.ofSeconds(20))
        .until(() -> customer.pay(order, "tok_ok", "at-last").status() == 201);
    await().atMost(Duration.ofSeconds(30)).until(() -> verdict().equals("OK"));
  }

  private String verdict() {
    var reply = shop.operator().get("/api/v1/admin/audit");
    return reply.status() == 200 ? reply.json().path("verdict").asText() : "";
  }
}
