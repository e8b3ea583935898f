package flashsale.acceptance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import flashsale.acceptance.TestShop.Ask;
import flashsale.acceptance.TestShop.Sale;
import java.time.Duration;
import java.util.ArrayList;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Accepted requests in a shop where one may be waited for and three may wait to be done. */
class AsyncLimitsTest {
  private static final int ACCEPTED_MAX = 3;
  private static final String ASYNC = "respond-async";
  private static final String ASYNC_WAIT = "respond-async, wait=30";
  private static final Duration LONG = Duration.ofSeconds(60);

  private static TestShop shop;

  @BeforeAll
  static void openTheShop() {
    shop = TestShop.start("checkout.watchesMax=1", "checkout.acceptedMax=" + ACCEPTED_MAX);
  }

  @AfterAll
  static void everythingAddsUp() {
    try (var closing = shop) {
      closing.assertAudited();
    }
  }

  private static Reply reserve(Visitor customer, Sale sale, String prefer) {
    return AsyncKit.reserve(customer, sale.offerId(), 1, "key", prefer);
  }

  private static void assertHeld(Visitor customer, Reply accepted) {
    assertThat(AsyncKit.decided(customer, accepted).text("state")).isEqualTo("HELD");
  }

  @Test
  void whatWasAcceptedIsNeverAnswered503BecauseNobodyCanWait() throws Exception {
    var sale = shop.openSale(new Ask(10, 0, 100));
    var first = shop.customer();
    var second = shop.customer();
    CompletableFuture<Reply> waited;
    Reply accepted;
    try (var lock = HeldLock.onStock(shop, sale.offerId())) {
      waited = CompletableFuture.supplyAsync(() -> reserve(first, sale, ASYNC_WAIT));
      lock.awaitBlocked();
      await().until(() -> MetricsTest.scrape(shop).contains("watches{role=\"reservations\"} 1"));
      accepted = reserve(second, sale, ASYNC_WAIT).expect(202);
      assertThat(waited).isNotDone();
    }
    waited.get().expect(201);
    assertHeld(second, accepted);
  }

  @Test
  void whatIsTooMuchIsRefusedBeforeItIsAccepted() {
    var sale = shop.openSale(new Ask(1_000, 0, 100));
    var accepted = new ArrayList<Reply>();
    var customers = new ArrayList<Visitor>();
    try (var lock = HeldLock.onStock(shop, sale.offerId())) {
      // They are counted once a second, until when some more are accepted.
      await()
          .atMost(LONG)
          .until(
              () -> {
                var customer = shop.customer();
                var reply = reserve(customer, sale, ASYNC);
                if (reply.status() != 202) {
                  reply.expect(503, "OVERLOADED");
                  return true;
                }
                accepted.add(reply);
                customers.add(customer);
                lock.awaitBlocked();
                return false;
              });
      assertThat(accepted.size()).isGreaterThanOrEqualTo(ACCEPTED_MAX);
      // Nothing of what was accepted before is forgotten, and a repeat is no new request.
      reserve(customers.getFirst(), sale, ASYNC).expect(202);
    }
    for (int i = 0; i < accepted.size(); i++) {
      assertHeld(customers.get(i), accepted.get(i));
    }
    await().atMost(LONG).until(() -> reserve(shop.customer(), sale, ASYNC).status() == 202);
  }
}
