package flashsale.acceptance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import flashsale.acceptance.TestShop.Ask;
import flashsale.acceptance.TestShop.Sale;
import java.io.UncheckedIOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/**
 * The server is killed in the middle of accepting, and every 202 that anybody saw ends in a final
 * state afterwards. {@code -Dcrash.asyncRounds=N} does it more often.
 */
class AsyncCrashTest {
  private static final int ROUNDS = Integer.getInteger("crash.asyncRounds", 3);
  private static final long SEED = Long.getLong("crash.seed", 20_260_131L);
  private static final int CUSTOMERS = 24;
  private static final Duration SETTLED_MAX = Duration.ofSeconds(90);
  private static final Set<String> OPEN = Set.of("PENDING", "UNKNOWN");
  private static final AtomicLong KEYS = new AtomicLong();

  /** Where somebody was told to look. */
  private record Accepted(String token, String location) {}

  private final Path dataDir = TemporaryFolder.make();
  private final Random random = new Random(SEED);
  private ServerProcess server;

  @Test
  void everyAcceptedRequestEndsWhenTheServerIsKilled() throws Exception {
    var output = Files.createTempFile("flashsale-acceptance-", ".txt");
    server = ServerProcess.start(dataDir, output);
    try {
      var shop = TestShop.of(dataDir, server.url());
      var sale = shop.openSale(new Ask(1_000_000, 0, 100), new Ask(200, 0, 100));
      var tokens = Stream.generate(shop.tokens()::customer).limit(CUSTOMERS).toList();
      for (int round = 1; round <= ROUNDS; round++) {
        var accepted = killInTheMiddle(shop.url(), sale, tokens);
        server = ServerProcess.start(dataDir, output);
        shop = TestShop.of(dataDir, server.url());
        for (var one : accepted) {
          assertEnds(shop.url(), one);
        }
        shop.assertAudited();
      }
    } finally {
      server.leaveNothing();
      TemporaryFolder.delete(dataDir);
      Files.deleteIfExists(output);
    }
  }

  private Queue<Accepted> killInTheMiddle(URI url, Sale sale, List<String> tokens)
      throws Exception {
    var accepted = new ConcurrentLinkedQueue<Accepted>();
    try (var threads = Executors.newVirtualThreadPerTaskExecutor();
        var alarm = Executors.newSingleThreadScheduledExecutor()) {
      var rush = new ArrayList<Future<?>>();
      for (var token : tokens) {
        rush.add(threads.submit(() -> ask(new Visitor(url, token), sale, accepted)));
      }
      await().atMost(SETTLED_MAX).until(() -> !accepted.isEmpty());
      alarm.schedule(server::kill, random.nextLong(100, 1_500), TimeUnit.MILLISECONDS).get();
      for (var one : rush) {
        one.get();
      }
    }
    return accepted;
  }

  /** Until the server is gone. */
  private static void ask(Visitor customer, Sale sale, Queue<Accepted> accepted) {
    try {
      while (true) {
        var key = "k" + KEYS.incrementAndGet();
        boolean pays = key.endsWith("3");
        var offerId = sale.offerIds().get(key.endsWith("7") ? 1 : 0);
        var body = "{\"lines\":[{\"offerId\":\"" + offerId + "\",\"quantity\":1}]}";
        var reply = post(customer, "/api/v1/reservations", body, key, pays);
        note(customer, reply, accepted);
        if (reply.status() == 201) {
          var order = reply.text("orderId");
          var payment = "{\"orderId\":\"" + order + "\",\"method\":\"tok_ok\"}";
          note(customer, post(customer, "/api/v1/payments", payment, key, false), accepted);
        }
      }
    } catch (UncheckedIOException e) {
      // The server is gone; what it had accepted is noted.
    }
  }

  private static Reply post(Visitor customer, String path, String body, String key, boolean waits) {
    var prefer = waits ? "respond-async, wait=5" : "respond-async";
    return customer.send("POST", path, body, Map.of("Prefer", prefer, "Idempotency-Key", key));
  }

  private static void note(Visitor customer, Reply reply, Queue<Accepted> accepted) {
    assertThat(reply.status()).as(reply.toString()).isIn(201, 202, 409, 503);
    if (reply.status() == 202) {
      accepted.add(new Accepted(customer.token(), reply.header("Location")));
    }
  }

  private static void assertEnds(URI url, Accepted one) {
    var customer = new Visitor(url, one.token());
    await()
        .atMost(SETTLED_MAX)
        .until(
            () -> customer.get(one.location()).expect(200).text("state"),
            state -> !OPEN.contains(state));
  }
}
