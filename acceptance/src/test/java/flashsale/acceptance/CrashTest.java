package flashsale.acceptance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import flashsale.acceptance.Crowd.Promise;
import flashsale.acceptance.TestShop.Ask;
import flashsale.acceptance.TestShop.Sale;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/**
 * The server, or PostgreSQL under it, is killed in the middle of a crowd, again and again, and each
 * time it comes back with everything that it had promised. {@code -Dcrash.rounds=N} and {@code
 * -Dcrash.postgresRounds=N} do it more often.
 */
class CrashTest {
  private static final int ROUNDS = Integer.getInteger("crash.rounds", 10);
  private static final int POSTGRES_ROUNDS = Integer.getInteger("crash.postgresRounds", 4);
  private static final long SEED = Long.getLong("crash.seed", 20_260_131L);
  private static final int CUSTOMERS = 40;
  private static final Duration SETTLED_MAX = Duration.ofSeconds(60);

  private final Path dataDir = TemporaryFolder.make();
  private final Random random = new Random(SEED);
  private ServerProcess server;

  @Test
  void nothingPromisedIsLostWhenTheServerIsKilled() throws Exception {
    var output = Files.createTempFile("flashsale-acceptance-", ".txt");
    server = ServerProcess.start(dataDir, output);
    try {
      var shop = TestShop.of(dataDir, server.url());
      var sale = shop.openSale(new Ask(1_000_000, 0, 100), new Ask(200, 0, 100));
      var tokens = Stream.generate(shop.tokens()::customer).limit(CUSTOMERS).toList();
      var all = new ArrayList<Promise>();
      for (int round = 1; round <= ROUNDS; round++) {
        var crowd = killInTheMiddle(shop, sale, tokens);
        server = ServerProcess.start(dataDir, output);
        shop = TestShop.of(dataDir, server.url());
        assertThat(crowd.surprises()).as("round %d, seed %d", round, SEED).isEmpty();
        assertKept(shop, crowd.promises());
        assertAnswered(shop, crowd);
        shop.assertAudited();
        all.addAll(crowd.promises());
      }
      assertKept(shop, all);
      assertNobodyChargedWrongly(shop);
      assertThat(server.stop()).as("exit code").isIn(0, 143);
      assertThat(server.postgresRuns()).as("PostgreSQL still runs").isFalse();
    } finally {
      server.leaveNothing();
      TemporaryFolder.delete(dataDir);
      Files.deleteIfExists(output);
    }
  }

  /** PostgreSQL ends all its processes when one was killed: what is in memory only is gone. */
  @Test
  void nothingPromisedIsLostWhenPostgresCrashes() throws Exception {
    try (var shop = TestShop.start(dataDir)) {
      var sale = shop.openSale(new Ask(1_000_000, 0, 100), new Ask(200, 0, 100));
      var tokens = Stream.generate(shop.tokens()::customer).limit(CUSTOMERS).toList();
      for (int round = 1; round <= POSTGRES_ROUNDS; round++) {
        var crowd = Crowd.rush(shop.url(), sale, tokens);
        await().atMost(SETTLED_MAX).until(() -> crowd.promised() > 0);
        afterAWhile(() -> killABackend(shop));
        int promised = crowd.promised();
        await().atMost(SETTLED_MAX).until(() -> crowd.promised() > promised + CUSTOMERS);
        crowd.leave();
        assertThat(crowd.surprises()).as("round %d, seed %d", round, SEED).isEmpty();
        assertKept(shop, crowd.promises());
        shop.assertAudited();
      }
      assertNobodyChargedWrongly(shop);
    }
  }

  private static void killABackend(TestShop shop) {
    long pid =
        shop.sql("inventory")
            .number("SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'flashsale%'");
    assertThat(ProcessHandle.of(pid).orElseThrow().destroyForcibly()).isTrue();
  }

  private void afterAWhile(Runnable deed) throws Exception {
    try (var alarm = Executors.newSingleThreadScheduledExecutor()) {
      alarm.schedule(deed, random.nextLong(300, 2_000), TimeUnit.MILLISECONDS).get();
    }
  }

  private Crowd killInTheMiddle(TestShop shop, Sale sale, List<String> tokens) throws Exception {
    var crowd = Crowd.rush(shop.url(), sale, tokens);
    await().atMost(SETTLED_MAX).until(() -> crowd.promised() > 0);
    afterAWhile(server::kill);
    crowd.leave();
    return crowd;
  }

  /** Every reservation is there, and whoever was told to have paid has paid. */
  static void assertKept(TestShop shop, Iterable<Promise> promises) throws Exception {
    try (var threads = Executors.newFixedThreadPool(CUSTOMERS, Thread.ofVirtual().factory())) {
      var checks = new ArrayList<Future<?>>();
      for (var promise : promises) {
        checks.add(threads.submit(() -> assertKept(shop, promise)));
      }
      for (var check : checks) {
        check.get();
      }
    }
  }

  private static void assertKept(TestShop shop, Promise promise) {
    var customer = new Visitor(shop.url(), promise.token());
    var held = promise.held();
    var now = customer.get("/api/v1/reservations/" + held.text("reservationId")).expect(200);
    assertThat(now.json().path("lines")).isEqualTo(held.json().path("lines"));
    if (promise.paid() == null || promise.paid().status() != 201) {
      assertThat(now.text("state")).isIn("HELD", "CONFIRMED");
      return;
    }
    assertThat(now.text("state")).isEqualTo("CONFIRMED");
    assertThat(customer.get("/api/v1/orders/" + held.text("orderId")).expect(200).text("state"))
        .isEqualTo("PAID");
    assertThat(
            customer
                .get("/api/v1/payments/" + promise.paid().text("paymentId"))
                .expect(200)
                .text("state"))
        .isEqualTo("CAPTURED");
  }

  /** Who got no answer asks again with the same key and gets one, twice the same. */
  private static void assertAnswered(TestShop shop, Crowd crowd) {
    for (var one : crowd.unanswered()) {
      var customer = new Visitor(shop.url(), one.token());
      var answer = customer.reserve(one.offerId(), 1, one.key());
      assertThat(answer.status()).as(answer.toString()).isIn(201, 409);
      var again = customer.reserve(one.offerId(), 1, one.key());
      assertThat(again.status()).isEqualTo(answer.status());
      assertThat(again.text("reservationId")).isEqualTo(answer.text("reservationId"));
    }
  }

  static void assertNobodyChargedWrongly(TestShop shop) {
    var gateway = shop.sql("gateway");
    assertThat(
            gateway.number(
                """
                SELECT count(*) FROM (SELECT order_id FROM charge WHERE outcome = 'CAPTURED'
                                      GROUP BY order_id HAVING count(*) > 1) twice
                """))
        .as("orders charged twice")
        .isZero();
    var payments = shop.sql("payments");
    await()
        .atMost(SETTLED_MAX)
        .untilAsserted(
            () ->
                assertThat(
                        payments.number(
                            "SELECT count(*) FROM payment WHERE state IN ('CAPTURED', 'REFUNDED')"))
                    .as("captured payments, as the gateway tells")
                    .isEqualTo(
                        gateway.number("SELECT count(*) FROM charge WHERE outcome = 'CAPTURED'")));
  }
}
