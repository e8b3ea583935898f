package flashsale.acceptance;

import static org.assertj.core.api.Assertions.assertThat;

import flashsale.acceptance.TestShop.Ask;
import flashsale.platform.persistence.ReplicatedPostgres;
import java.io.IOException;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** The shop reads at streaming replicas, and customers do not notice. */
class OverReplicasTest {
  private static final int CUSTOMERS = 12;
  private static final Pattern READS =
      Pattern.compile("flashsale_replica_reads\\{pool=\"orders\"\\} (\\S+)");

  private static ReplicatedPostgres postgres;
  private static TestShop shop;

  @BeforeAll
  static void openTheShop() {
    postgres = new ReplicatedPostgres();
    List.of("users", "catalog", "inventory", "reservations", "orders", "payments", "gateway")
        .forEach(postgres::create);
    shop =
        TestShop.start(
            "database.url=" + postgres.primaryUrl(),
            "database.readUrl=" + postgres.replicaUrl(),
            "database.user=postgres",
            "database.password=none");
  }

  @AfterAll
  static void closeTheShop() {
    shop.close();
    postgres.close();
  }

  /** Each reads at once what they have just done, while everybody else writes too. */
  @Test
  void everybodyReadsWhatTheyHaveJustWritten() throws Exception {
    var sale = shop.openSale(new Ask(10_000, 0, 500));
    var customers = new ArrayList<Callable<Boolean>>();
    for (int i = 0; i < CUSTOMERS; i++) {
      var customer = shop.customer();
      customers.add(() -> buysAndLooks(customer, sale.offerId()));
    }
    try (var threads = Executors.newVirtualThreadPerTaskExecutor()) {
      for (var customer : threads.invokeAll(customers)) {
        assertThat(customer.get()).isTrue();
      }
    }
    shop.assertAudited();
    assertThat(readsOfOrders()).isPositive();
    var health = shop.anybody().get("/health/ready").expect(200).json();
    assertThat(health.path("details").path("replica orders").asText()).isIn("UP", "BEHIND");
  }

  private static boolean buysAndLooks(Visitor customer, String offerId) {
    for (int i = 0; i < 10; i++) {
      var cart = customer.post("/api/v1/carts", Map.of()).expect(201).text("cartId");
      customer.get("/api/v1/carts/" + cart).expect(200);
      var held = customer.reserve(offerId, 1).expect(201);
      var reservation = "/api/v1/reservations/" + held.text("reservationId");
      assertThat(customer.get(reservation).expect(200).text("state")).isEqualTo("HELD");
      var order = held.text("orderId");
      assertThat(customer.get("/api/v1/orders/" + order).expect(200).text("state"))
          .isEqualTo("PENDING_PAYMENT");
      var paid = customer.pay(order, "tok_ok").expect(201);
      customer.get("/api/v1/payments/" + paid.text("paymentId")).expect(200);
      assertThat(customer.get("/api/v1/orders/" + order).expect(200).text("state"))
          .isEqualTo("PAID");
      assertThat(customer.get(reservation).expect(200).text("state")).isEqualTo("CONFIRMED");
      assertThat(customer.get("/api/v1/orders").expect(200).json().path("orders"))
          .hasSizeGreaterThan(i);
    }
    return true;
  }

  private static double readsOfOrders() throws IOException, InterruptedException {
    try (var http = HttpClient.newHttpClient()) {
      var request = HttpRequest.newBuilder(shop.url().resolve("/metrics")).build();
      var found = READS.matcher(http.send(request, BodyHandlers.ofString()).body());
      return found.find() ? Double.parseDouble(found.group(1)) : 0;
    }
  }
}
