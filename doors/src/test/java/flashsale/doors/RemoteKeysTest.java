package flashsale.doors;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import flashsale.contracts.TokenAuthority;
import flashsale.platform.batching.Late;
import flashsale.platform.http.HttpServer;
import flashsale.platform.http.Routes;
import flashsale.platform.metrics.Meters;
import java.net.URI;
import java.net.http.HttpClient;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import org.jose4j.jwk.JsonWebKeySet;
import org.jose4j.jwk.OctetKeyPairJsonWebKey;
import org.jose4j.jwk.OkpJwkGenerator;
import org.jose4j.lang.JoseException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** The users' keys, asked for at a door that hangs or fails. */
class RemoteKeysTest {
  /** Of one attempt; longer than anybody may wait for it here. */
  private static final Duration TIMEOUT = Duration.ofSeconds(10);

  private static final Duration AT_ONCE = Duration.ofSeconds(1);

  /** Longer than one may wait, shorter than two after each other. */
  private static final Duration ONE_WAIT = Duration.ofMillis(1_900);

  private static final Duration NEVER = Duration.ofHours(1);

  /** The users' role, whose answers a test decides. */
  private static final class Gatehouse implements TokenAuthority, AutoCloseable {
    private final AtomicInteger asked = new AtomicInteger();
    private final List<OctetKeyPairJsonWebKey> keys = new ArrayList<>();
    private final HttpServer server;
    private volatile CountDownLatch hanging = new CountDownLatch(0);
    private volatile boolean failing;

    Gatehouse() {
      var routes = new Routes();
      DoorRoutes.add(routes, "users", TokenAuthority.class, this);
      this.server =
          new HttpServer(
              new HttpServer.Settings("127.0.0.1", 0, 1 << 20, 1_000, 100),
              routes,
              new ServiceToken(Till.TOKEN),
              (method, route, path, status, nanos, id) -> {},
              e -> Optional.empty());
    }

    synchronized void add(String kid) throws JoseException {
      var key = OkpJwkGenerator.generateJwk(OctetKeyPairJsonWebKey.SUBTYPE_ED25519);
      key.setKeyId(kid);
      keys.add(key);
    }

    synchronized void retire(String kid) {
      keys.removeIf(key -> key.getKeyId().equals(kid));
    }

    void hang() {
      hanging = new CountDownLatch(1);
    }

    void release() {
      hanging.countDown();
    }

    @Override
    public String jwks() {
      asked.incrementAndGet();
      try {
        hanging.await();
      } catch (InterruptedException e) {
        throw new IllegalStateException(e);
      }
      if (failing) {
        throw new IllegalStateException("no keys today");
      }
      synchronized (this) {
        return new JsonWebKeySet(keys).toJson();
      }
    }

    @Override
    public List<UUID> endedSince(Instant since, int max) {
      return List.of();
    }

    @Override
    public void close() {
      release();
      server.close();
    }
  }

  private final HttpClient http = HttpClient.newHttpClient();
  private final Meters meters = new Meters();
  private final Gatehouse users = new Gatehouse();

  @AfterEach
  void close() {
    users.close();
    http.close();
    meters.close();
  }

  private RemoteKeys keys(Duration lookEvery) {
    var peer =
        new Peer(
            "users",
            List.of(URI.create("http://127.0.0.1:" + users.server.port())),
            new ServiceToken(Till.TOKEN),
            new Peer.Settings(TIMEOUT, TIMEOUT, 1, 64, Duration.ofMinutes(1)),
            http,
            meters);
    return new RemoteKeys(RemoteDoors.of(TokenAuthority.class, peer), lookEvery);
  }

  private static Duration time(Runnable what) {
    long from = System.nanoTime();
    what.run();
    return Duration.ofNanos(System.nanoTime() - from);
  }

  @Test
  void aKnownKeyIsThereAtOnceWhileTheUsersHang() throws Exception {
    users.add("a");
    var keys = keys(Duration.ofMillis(1));
    await().until(() -> keys.publicKey("a").isPresent());
    users.hang();
    int before = users.asked.get();
    await()
        .until(
            () -> {
              assertThat(time(() -> assertThat(keys.publicKey("a")).isPresent()))
                  .isLessThan(AT_ONCE);
              return users.asked.get() > before;
            });
    for (int i = 0; i < 1_000; i++) {
      assertThat(time(() -> assertThat(keys.publicKey("a")).isPresent())).isLessThan(AT_ONCE);
    }
    assertThat(users.asked.get()).as("one looks for all").isLessThanOrEqualTo(before + 2);
  }

  @Test
  void unknownKeysWaitTogetherAndNotLongWhileTheUsersHang() throws Exception {
    users.add("a");
    var keys = keys(NEVER);
    assertThat(keys.publicKey("a")).isPresent();
    users.add("b");
    users.hang();
    await() // Nobody looks again within a moment.
        .until(
            () -> {
              try {
                return keys.publicKey("b").isPresent();
              } catch (Late e) {
                return true;
              }
            });
    try (var threads = Executors.newVirtualThreadPerTaskExecutor()) {
      var waits = new ArrayList<Future<Duration>>();
      for (int i = 0; i < 100; i++) {
        var kid = "forged-" + i;
        waits.add(
            threads.submit(
                () ->
                    time(
                        () ->
                            assertThatThrownBy(() -> keys.publicKey(kid))
                                .isInstanceOf(Late.class))));
      }
      assertThat(time(() -> assertThat(keys.publicKey("a")).isPresent())).isLessThan(AT_ONCE);
      for (var wait : waits) {
        assertThat(wait.get()).isLessThan(ONE_WAIT);
      }
    }
    assertThat(users.asked).as("once for the first key, once for all others").hasValue(2);
    users.release();
    await().until(() -> keys.publicKey("b").isPresent());
  }

  @Test
  void aLookThatFailedIsNotRepeatedAtOnceAndTellsNothingOfAKey() {
    users.failing = true;
    var keys = keys(NEVER);
    var took =
        time(
            () -> {
              for (int i = 0; i < 200; i++) {
                assertThatThrownBy(() -> keys.publicKey("a"))
                    .as("it may be a new one")
                    .isInstanceOf(Late.class);
              }
            });
    assertThat(users.asked.get()).isPositive().isLessThanOrEqualTo((int) took.toMillis() / 250 + 1);
    users.failing = false;
    await().until(() -> isUnknown(keys, "a"));
  }

  private static boolean isUnknown(RemoteKeys keys, String kid) {
    try {
      return keys.publicKey(kid).isEmpty();
    } catch (Late e) {
      return false;
    }
  }

  @Test
  void theFirstOnesAllGetTheirKey() throws Exception {
    users.add("a");
    var keys = keys(NEVER);
    try (var threads = Executors.newVirtualThreadPerTaskExecutor()) {
      var found = new ArrayList<Future<Boolean>>();
      for (int i = 0; i < 200; i++) {
        found.add(threads.submit(() -> keys.publicKey("a").isPresent()));
      }
      for (var one : found) {
        assertThat(one.get()).isTrue();
      }
    }
    assertThat(users.asked).hasValue(1);
  }

  @Test
  void aNewKeyIsFoundAndARetiredOneForgotten() throws Exception {
    users.add("a");
    var keys = keys(Duration.ofMillis(1));
    assertThat(keys.publicKey("a")).isPresent();
    users.add("b");
    await().until(() -> keys.publicKey("b").isPresent());
    users.retire("a");
    await().until(() -> keys.publicKey("a").isEmpty());
    assertThat(keys.publicKey("b")).isPresent();
  }
}
