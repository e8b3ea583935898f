package flashsale.acceptance;

import static org.assertj.core.api.Assertions.assertThat;

import flashsale.acceptance.TestShop.Ask;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** How often somebody may ask, at the whole shop. Its window outlasts the test. */
class RateLimitsTest {
  private static TestShop shop;

  @BeforeAll
  static void openTheShop() {
    shop =
        TestShop.start(
            "limits.window=10m",
            "limits.customerPurchases=3",
            "limits.addressReads=4",
            "limits.passwordsPerMinute=5");
  }

  @AfterAll
  static void closeTheShop() {
    shop.close();
  }

  @Test
  void aCustomerWhoPressesTheButtonTooOftenHasToWaitAndNobodyElse() {
    var offer = shop.openSale(new Ask(10, 0, 100)).offerId();
    var customer = shop.newCustomer();
    for (int i = 0; i < 3; i++) {
      customer.reserve(offer, 1).expect(201);
    }
    var refused = customer.reserve(offer, 1).expect(429);
    assertThat(refused.text("code")).isEqualTo("RATE_LIMITED");
    assertThat(refused.text("limit")).isEqualTo("customer-purchase");
    assertThat(Integer.parseInt(refused.header("Retry-After"))).isBetween(1, 200);
    customer.get("/api/v1/orders").expect(200);
    shop.newCustomer().reserve(offer, 1).expect(201);
  }

  @Test
  void anAddressBehindAProxyIsLimitedAndTheOperatorThereIsNot() {
    var from = Map.of("X-Forwarded-For", "192.0.2.1");
    var statuses =
        IntStream.range(0, 6)
            .map(i -> shop.anybody().send("GET", "/api/v1/sales", null, from).status())
            .toArray();
    assertThat(statuses).containsExactly(200, 200, 200, 200, 429, 429);
    shop.operator().send("GET", "/api/v1/admin/sales", null, from).expect(200);
    shop.anybody().get("/api/v1/sales").expect(200);
  }

  @Test
  void aPasswordCannotBeTriedWithoutEnd() {
    var body = Map.of("email", "customer@example.com", "password", "no such password");
    for (int i = 0; i < 5; i++) {
      shop.anybody().post("/api/v1/sessions", body).expect(401);
    }
    var refused = shop.anybody().post("/api/v1/sessions", body).expect(429);
    assertThat(refused.text("code")).isEqualTo("TOO_MANY_ATTEMPTS");
  }
}
