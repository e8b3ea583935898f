package flashsale.acceptance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import flashsale.acceptance.TestShop.Ask;
import flashsale.acceptance.TestShop.Sale;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import org.junit.jupiter.api.Test;

/** The whole crowd wants the same thing at the same time. */
class HotOfferTest {
  private static final int CUSTOMERS = 256;
  private static final int ATTEMPTS_EACH = 40; // 10,240 in all.
  private static final int UNITS = 500;
  private static final int LIMIT = 2;

  @Test
  void exactlyTheStockIsSoldAndNobodyGetsMoreThanTheLimit() throws Exception {
    try (var shop = TestShop.start();
        var threads = Executors.newVirtualThreadPerTaskExecutor()) {
      var sale = shop.openSale(new Ask(UNITS, LIMIT, 100));
      List<Callable<Map<String, String>>> customers = new ArrayList<>();
      for (int i = 0; i < CUSTOMERS; i++) {
        var customer = shop.customer();
        customers.add(() -> press(customer, sale));
      }
      int held = 0;
      for (var customer : threads.invokeAll(customers)) {
        var own = customer.get();
        assertThat(own.size()).isLessThanOrEqualTo(LIMIT);
        held += own.size();
      }
      assertThat(held).isEqualTo(UNITS);
      // Where the machine is too slow for the gateway's answer to be in time it is asked for again.
      await()
          .atMost(Duration.ofMinutes(1))
          .until(() -> shop.stock(sale, sale.offerId()).path("sold").asInt() == UNITS);
      var stock = shop.stock(sale, sale.offerId());
      assertThat(stock.path("available").asInt()).isZero();
      assertThat(stock.path("held").asInt()).isZero();
      assertThat(charged(shop)).isEqualTo(UNITS);
      assertThat(mostOfOneCustomer(shop, sale)).isLessThanOrEqualTo(LIMIT);
      shop.customer().reserve(sale.offerId(), 1).expect(409, "SOLD_OUT");
      shop.assertAudited();
    }
  }

  private static long charged(TestShop shop) {
    return shop.sql("gateway").number("SELECT count(*) FROM charge WHERE outcome = 'CAPTURED'");
  }

  private static long mostOfOneCustomer(TestShop shop, Sale sale) {
    return shop.sql("inventory")
        .number(
            """
            SELECT max(units) FROM (
              SELECT sum(quantity) AS units
              FROM (SELECT customer_id, unnest(quantities) AS quantity, unnest(offer_ids) AS offer_id
                    FROM hold WHERE state = 'SOLD') AS lines
              WHERE offer_id = ? GROUP BY customer_id) AS customers
            """,
            UUID.fromString(sale.offerId()));
  }

  /** What one customer got and has paid: reservation ids by key. Each key is used twice. */
  private static Map<String, String> press(Visitor customer, Sale sale) {
    Map<String, String> own = new HashMap<>();
    for (int attempt = 0; attempt < ATTEMPTS_EACH; attempt++) {
      var key = "k" + attempt / 2;
      var answer = customer.reserve(sale.offerId(), 1, key);
      if (answer.status() == 201) {
        var before = own.put(key, answer.text("reservationId"));
        assertThat(before).isIn(null, answer.text("reservationId"));
        if (before == null) {
          assertThat(customer.pay(answer.text("orderId"), "tok_ok", key).status()).isIn(201, 202);
        }
      } else {
        answer.expect(409);
        assertThat(answer.text("code")).isIn("SOLD_OUT", "LIMIT_EXCEEDED");
        assertThat(own).as("a key that was refused after it was held").doesNotContainKey(key);
      }
    }
    return own;
  }
}
