package flashsale.acceptance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import flashsale.acceptance.AsyncCrowd.Accepted;
import flashsale.acceptance.TestShop.Ask;
import flashsale.acceptance.TestShop.Sale;
import flashsale.platform.messaging.TestRabbit;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/**
 * The server, the broker, or both are killed in the middle of a crowd that reserves and pays
 * without waiting, again and again; the next round meets what the last one left. In the end every
 * 202 that anybody saw has ended in a final state. {@code -Dcrash.asyncRounds=N} does it more
 * often, {@code -Dcrash.seed=N} at other moments.
 */
class AsyncCrashTest {
  private static final int ROUNDS = Integer.getInteger("crash.asyncRounds", 10);
  private static final long SEED = Long.getLong("crash.seed", 20_260_131L);
  private static final int CUSTOMERS = 12;
  private static final int WHILE_THE_BROKER_IS_AWAY = 20;
  private static final Duration SETTLED_MAX = Duration.ofSeconds(90);
  private static final Set<String> OPEN = Set.of("PENDING", "UNKNOWN");
  private static final List<String> WITH_OUTBOX =
      List.of("catalog", "inventory", "orders", "payments", "reservations");

  private static TestRabbit broker;

  private final Path dataDir = TemporaryFolder.make();
  private final Path output = dataDir.resolveSibling(dataDir.getFileName() + ".txt");
  private final Random random = new Random(SEED);
  private final Collection<Accepted> accepted = new ArrayList<>();
  private String[] settings = {};
  private ServerProcess server;
  private TestShop shop;
  private Sale sale;
  private List<String> tokens;

  @AfterAll
  static void stopTheBroker() {
    if (broker != null) {
      broker.close();
    }
  }

  @AfterEach
  void leaveNothing() throws IOException {
    server.leaveNothing();
    TemporaryFolder.delete(dataDir);
    Files.deleteIfExists(output);
  }

  private void open(String... with) {
    settings = with;
    serve();
    sale = shop.openSale(new Ask(1_000_000, 0, 100), new Ask(200, 0, 100));
    tokens = Stream.generate(shop.tokens()::customer).limit(CUSTOMERS).toList();
  }

  private void openOverRabbit() {
    if (broker == null) {
      broker = TestRabbit.start();
    }
    open("messaging.url=" + broker.url());
  }

  private void serve() {
    server = ServerProcess.start(dataDir, output, settings);
    shop = TestShop.of(dataDir, server.url());
  }

  @Test
  void everyAcceptedRequestEndsWhenTheServerIsKilled() throws Exception {
    open();
    killTheServer();
  }

  @Test
  void everyAcceptedRequestEndsWhenTheServerIsKilledOverRabbit() throws Exception {
    openOverRabbit();
    killTheServer();
  }

  private void killTheServer() throws Exception {
    for (int round = 1; round <= ROUNDS; round++) {
      var crowd = rush();
      later(server::kill);
      leave(crowd, round);
      serve();
    }
    assertAllEnded();
  }

  @Test
  void everyAcceptedRequestEndsWhenTheBrokerIsKilled() throws Exception {
    openOverRabbit();
    for (int round = 1; round <= ROUNDS; round++) {
      var crowd = rush();
      later(broker::kill);
      int before = crowd.accepted().size();
      await()
          .atMost(SETTLED_MAX)
          .until(() -> crowd.accepted().size() > before + WHILE_THE_BROKER_IS_AWAY);
      leave(crowd, round);
      broker.restart();
    }
    assertAllEnded();
  }

  @Test
  void everyAcceptedRequestEndsWhenBothAreKilled() throws Exception {
    openOverRabbit();
    for (int round = 1; round <= ROUNDS; round++) {
      var crowd = rush();
      if (random.nextBoolean()) {
        later(broker::kill);
        later(server::kill);
      } else {
        later(server::kill);
        broker.kill();
      }
      leave(crowd, round);
      // Side by side, as after a power cut: the shop starts without its broker too.
      var starting = CompletableFuture.runAsync(broker::restart);
      serve();
      starting.join();
    }
    assertAllEnded();
  }

  private AsyncCrowd rush() {
    var crowd = AsyncCrowd.rush(shop.url(), sale, tokens);
    await().atMost(SETTLED_MAX).until(() -> !crowd.accepted().isEmpty());
    return crowd;
  }

  private void later(Runnable kill) throws Exception {
    try (var alarm = Executors.newSingleThreadScheduledExecutor()) {
      alarm.schedule(kill, random.nextLong(50, 1_000), TimeUnit.MILLISECONDS).get();
    }
  }

  private void leave(AsyncCrowd crowd, int round) throws InterruptedException {
    crowd.leave();
    assertThat(crowd.surprises()).as("round %d, seed %d", round, SEED).isEmpty();
    accepted.addAll(crowd.accepted());
  }

  private void assertAllEnded() throws Exception {
    System.out.printf("%d rounds, seed %d: %d accepted%n", ROUNDS, SEED, accepted.size());
    assertAllEnded(shop, accepted);
  }

  /** Once, after all rounds: what a killed server had taken is left alone for the lease. */
  static void assertAllEnded(TestShop shop, Collection<Accepted> accepted) throws Exception {
    var open = "SELECT count(*) FROM reservation WHERE state = 'PENDING'";
    awaitNone(shop, "reservations", open);
    open = "SELECT count(*) FROM payment WHERE state IN ('PENDING', 'UNKNOWN')";
    awaitNone(shop, "payments", open);
    for (var role : WITH_OUTBOX) {
      awaitNone(shop, role, "SELECT count(*) FROM outbox");
      awaitNone(shop, role, "SELECT count(*) FROM dead_letter WHERE state = 'PARKED'");
    }
    try (var threads = Executors.newFixedThreadPool(CUSTOMERS, Thread.ofVirtual().factory())) {
      var looks = new ArrayList<Future<?>>();
      for (var one : accepted) {
        looks.add(threads.submit(() -> assertEnded(shop, one)));
      }
      for (var look : looks) {
        look.get();
      }
    }
    shop.assertAudited();
  }

  private static void awaitNone(TestShop shop, String role, String count) {
    await(role + ": " + count + ", seed " + SEED)
        .atMost(SETTLED_MAX)
        .until(() -> shop.sql(role).number(count) == 0);
  }

  private static void assertEnded(TestShop shop, Accepted one) {
    var state = new Visitor(shop.url(), one.token()).get(one.location()).expect(200).text("state");
    assertThat(OPEN).as("%s, seed %d", one, SEED).doesNotContain(state);
  }
}
