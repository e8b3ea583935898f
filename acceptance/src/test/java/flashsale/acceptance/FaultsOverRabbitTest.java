package flashsale.acceptance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import flashsale.acceptance.TestShop.Ask;
import flashsale.platform.messaging.TestRabbit;
import java.time.Duration;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/**
 * What a crowd was accepted for is done although a role hangs, or its database dies under it;
 * nothing of it is parked, because nothing is wrong with it.
 */
class FaultsOverRabbitTest {
  private static final int CUSTOMERS = 8;
  private static final int DATABASE_DEATHS = 3;
  private static final Duration HANGING = Duration.ofSeconds(10);
  private static final Duration ENDED_MAX = Duration.ofSeconds(90);

  private static TestRabbit broker;
  private static TestShop shop;

  @BeforeAll
  static void openTheShop() {
    broker = TestRabbit.start();
    shop = TestShop.start("messaging.url=" + broker.url());
  }

  @AfterAll
  static void everythingAddsUp() {
    try (var _ = broker;
        var closing = shop) {
      closing.assertAudited();
    }
  }

  private static AsyncCrowd rush(TestShop.Sale sale) {
    var tokens = Stream.generate(shop.tokens()::customer).limit(CUSTOMERS).toList();
    return AsyncCrowd.rush(shop.url(), sale, tokens);
  }

  private static void awaitMore(AsyncCrowd crowd) {
    int before = crowd.accepted().size();
    await().atMost(ENDED_MAX).until(() -> crowd.accepted().size() > before);
  }

  private static void assertAllEnd(AsyncCrowd crowd) throws InterruptedException {
    crowd.leave();
    for (var one : crowd.accepted()) {
      var customer = new Visitor(shop.url(), one.token());
      await(one.location())
          .atMost(ENDED_MAX)
          .until(
              () -> customer.get(one.location()).expect(200).text("state"),
              state -> !List.of("PENDING", "UNKNOWN").contains(state));
    }
    for (var role : Meddler.ROLES) {
      assertThat(shop.sql(role).number("SELECT count(*) FROM dead_letter")).as(role).isZero();
    }
  }

  @Test
  void aRoleThatHangsForTenSecondsDelaysAndLosesNothing() throws Exception {
    var sale = shop.openSale(new Ask(1_000_000, 0, 100), new Ask(20, 0, 100));
    AsyncCrowd crowd;
    try (var lock = HeldLock.onStock(shop, sale.offerId())) {
      crowd = rush(sale);
      lock.awaitBlocked();
      long until = System.nanoTime() + HANGING.toNanos();
      await().atMost(HANGING.multipliedBy(2)).until(() -> System.nanoTime() > until);
      awaitMore(crowd);
    }
    assertThat(crowd.surprises()).isEmpty();
    assertAllEnd(crowd);
  }

  /** Nobody is connected, and nobody is let in. */
  @Test
  void aDatabaseThatIsDownForTenSecondsDelaysAndLosesNothing() throws Exception {
    var sale = shop.openSale(new Ask(1_000_000, 0, 100), new Ask(20, 0, 100));
    var crowd = rush(sale);
    awaitMore(crowd);
    var superuser = shop.superuser();
    superuser.update("ALTER DATABASE orders ALLOW_CONNECTIONS false");
    try {
      var ended = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity";
      assertThat(superuser.number(ended + " WHERE datname = 'orders'")).isPositive();
      long until = System.nanoTime() + HANGING.toNanos();
      await().atMost(HANGING.multipliedBy(2)).until(() -> System.nanoTime() > until);
      assertThat(superuser.number("SELECT count(*) FROM pg_stat_activity WHERE datname = 'orders'"))
          .isZero();
    } finally {
      superuser.update("ALTER DATABASE orders ALLOW_CONNECTIONS true");
    }
    awaitMore(crowd);
    assertAllEnd(crowd);
  }

  /** One killed server process makes PostgreSQL throw all others out and recover from its log. */
  @Test
  void aDatabaseThatDiesAndRecoversLosesNothing() throws Exception {
    var sale = shop.openSale(new Ask(1_000_000, 0, 100), new Ask(20, 0, 100));
    var crowd = rush(sale);
    for (int death = 0; death < DATABASE_DEATHS; death++) {
      awaitMore(crowd);
      killOneOf("inventory");
      awaitMore(crowd);
    }
    assertAllEnd(crowd);
  }

  private static void killOneOf(String role) {
    // A pool may have no connection just after it has lost all of them.
    await().until(() -> onePid(role) != 0);
    ProcessHandle.of(onePid(role)).orElseThrow().destroyForcibly();
  }

  private static long onePid(String role) {
    return shop.sql(role)
        .number(
            """
            SELECT coalesce(min(pid), 0) FROM pg_stat_activity
            WHERE datname = current_database() AND pid <> pg_backend_pid()
              AND backend_type = 'client backend'
            """);
  }
}
