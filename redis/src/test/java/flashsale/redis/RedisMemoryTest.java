package flashsale.redis;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import flashsale.platform.caching.SharedMemory;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

final class RedisMemoryTest {
  private static final Duration TTL = Duration.ofMinutes(1);
  private static TestRedis redis;

  private final RedisLink one = redis.link();
  private final RedisLink other = redis.link();
  private final SharedMemory here = new RedisMemory(one);
  private final SharedMemory there = new RedisMemory(other);
  private final AtomicInteger asked = new AtomicInteger();

  @BeforeAll
  static void start() {
    redis = new TestRedis();
  }

  @AfterAll
  static void stop() {
    redis.close();
  }

  @BeforeEach
  void ready() {
    List.of(one, other).forEach(link -> await().until(() -> link.state().equals("UP")));
    redis.node.flush();
  }

  @AfterEach
  void close() {
    one.close();
    other.close();
  }

  private Supplier<Optional<byte[]>> truth(String text) {
    return () -> {
      asked.incrementAndGet();
      return Optional.of(text.getBytes(UTF_8));
    };
  }

  private static String text(Optional<byte[]> bytes) {
    return new String(bytes.orElseThrow(), UTF_8);
  }

  private void awaitKept(String key) {
    await().until(() -> here.get(List.of(key)).containsKey(key));
  }

  @Test
  void oneAsksForTheTruthAndTheOthersAreToldIt() {
    assertThat(text(here.get("a", TTL, truth("value")))).isEqualTo("value");
    awaitKept("a");
    assertThat(text(there.get("a", TTL, truth("another")))).isEqualTo("value");
    assertThat(asked).hasValue(1);
  }

  @Test
  void whatIsForgottenIsAskedForAgainAndTold() {
    var forgotten = Collections.synchronizedList(new ArrayList<String>());
    there.listen(SharedMemory.FORGOTTEN, forgotten::add);
    here.get("a", TTL, truth("old"));
    awaitKept("a");
    await()
        .untilAsserted(
            () -> {
              here.forget("a");
              assertThat(forgotten).contains("a");
            });
    assertThat(text(there.get("a", TTL, truth("new")))).isEqualTo("new");
  }

  /** The reader that missed it was slower than the writer. */
  @Test
  void whatWasReadBeforeItWasForgottenIsNotKept() {
    var read =
        here.get(
            "a",
            TTL,
            () -> {
              there.forget("a");
              await().until(() -> "+0".equals(exists("lease:flashsale:{a}")));
              return Optional.of("stale".getBytes(UTF_8));
            });
    assertThat(text(read)).isEqualTo("stale");
    assertThat(text(there.get("a", TTL, truth("new")))).isEqualTo("new");
    awaitKept("a");
    assertThat(text(here.get("a", TTL, truth("?")))).isEqualTo("new");
  }

  private static String exists(String key) {
    try {
      return redis.node.command("EXISTS " + key).replace(':', '+');
    } catch (java.io.IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }

  /** Whoever has changed it never sees the old value; the others do until Redis knows. */
  @Test
  void whatIsForgottenWhileItIsAwayIsForgottenOnceItIsBack() throws Exception {
    try (var proxy = new SlowProxy(redis.node.port());
        var link = TestRedis.link(redis.node.url(proxy.port()), false, TestRedis.PATIENT)) {
      var changer = new RedisMemory(link);
      await().until(() -> link.state().equals("UP"));
      there.get("a", TTL, truth("old"));
      awaitKept("a");
      proxy.cut(true);
      await().until(() -> link.state().equals("DOWN"));
      changer.forget("a");
      assertThat(text(changer.get("a", TTL, truth("new")))).isEqualTo("new");
      assertThat(text(there.get("a", TTL, truth("?")))).isEqualTo("old");
      proxy.cut(false);
      awaitTold(changer, "new");
      assertThat(link.state()).isEqualTo("UP");
    }
  }

  @Test
  void whatIsForgottenWhileItHangsIsForgottenOnceItGoesOn() {
    try (var hasty = redis.link(Duration.ofMillis(50))) {
      var changer = new RedisMemory(hasty);
      await().until(() -> hasty.state().equals("UP"));
      there.get("a", TTL, truth("old"));
      awaitKept("a");
      redis.signal("STOP");
      try {
        for (int i = 0; i < 20; i++) {
          changer.get("k" + i, TTL, truth("truth"));
        }
        assertThat(hasty.state()).isEqualTo("SLOW");
        changer.forget("a");
        assertThat(text(changer.get("a", TTL, truth("new")))).isEqualTo("new");
      } finally {
        redis.signal("CONT");
      }
      awaitTold(changer, "new");
    }
  }

  /** All are told the new value in the end; the changer is never told another meanwhile. */
  private void awaitTold(SharedMemory changer, String value) {
    await()
        .until(
            () -> {
              assertThat(text(changer.get("a", TTL, truth(value)))).isEqualTo(value);
              return text(there.get("a", TTL, truth(value))).equals(value);
            });
  }

  @Test
  void theOthersAreToldOnceItHasForgotten() throws Exception {
    var forgotten = Collections.synchronizedList(new ArrayList<String>());
    there.listen(
        SharedMemory.FORGOTTEN,
        key -> {
          assertThat(exists("flashsale:{" + key + "}")).isEqualTo("+0");
          forgotten.add(key);
        });
    awaitHeard(forgotten, "b");
    try (var proxy = new SlowProxy(redis.node.port());
        var link = TestRedis.link(redis.node.url(proxy.port()), false, TestRedis.PATIENT)) {
      await().until(() -> link.state().equals("UP"));
      there.get("a", TTL, truth("old"));
      awaitKept("a");
      proxy.cut(true);
      await().until(() -> link.state().equals("DOWN"));
      new RedisMemory(link).forget("a");
      awaitHeard(forgotten, "c");
      assertThat(forgotten).doesNotContain("a");
      proxy.cut(false);
      await().untilAsserted(() -> assertThat(forgotten).contains("a"));
    }
  }

  private void awaitHeard(List<String> forgotten, String key) {
    await()
        .untilAsserted(
            () -> {
              here.forget(key);
              assertThat(forgotten).contains(key);
            });
  }

  @Test
  void whereTooManyAreForgottenNothingThatOldIsReadThere() throws Exception {
    var longer = Duration.ofHours(1);
    try (var proxy = new SlowProxy(redis.node.port());
        var link = TestRedis.link(redis.node.url(proxy.port()), false, TestRedis.PATIENT)) {
      var changer = new RedisMemory(link, 2);
      await().until(() -> link.state().equals("UP"));
      there.get("a", TTL, truth("old"));
      awaitKept("a");
      assertThat(text(changer.get("a", TTL, truth("?")))).isEqualTo("old");
      proxy.cut(true);
      await().until(() -> link.state().equals("DOWN"));
      List.of("x", "y", "a").forEach(changer::forget);
      proxy.cut(false);
      await().until(() -> link.state().equals("UP"));
      assertThat(text(changer.get("a", TTL, truth("new")))).isEqualTo("new");
      assertThat(text(changer.get("b", longer, truth("new")))).isEqualTo("new");
      assertThat(exists("lease:flashsale:{b}")).isEqualTo("+0");
      // What lives for a moment only is of after the change soon.
      await().until(() -> text(changer.get("a", Duration.ofMillis(1), truth("new"))).equals("old"));
    }
  }

  @Test
  void oneOfManyFillsItAndNobodyWaits() {
    here.get(
        "a",
        TTL,
        () -> {
          assertThat(text(there.get("a", TTL, truth("mine")))).isEqualTo("mine");
          return Optional.of("first".getBytes(UTF_8));
        });
    awaitKept("a");
    assertThat(text(there.get("a", TTL, truth("?")))).isEqualTo("first");
  }

  @Test
  void valuesOfManyKeysComeTogether() {
    here.put(Map.of("x", new byte[] {1}, "y", new byte[] {2}), TTL);
    await().until(() -> there.get(List.of("x", "y", "z")).size() == 2);
  }

  @Test
  void whileItHangsTheTruthIsAskedAndSoonNobodyWaits() {
    try (var hasty = redis.link(Duration.ofMillis(2))) {
      var memory = new RedisMemory(hasty);
      await().until(() -> hasty.state().equals("UP"));
      redis.signal("STOP");
      try {
        long from = System.nanoTime();
        for (int i = 0; i < 200; i++) {
          assertThat(text(memory.get("k" + i, TTL, truth("truth")))).isEqualTo("truth");
        }
        assertThat(Duration.ofNanos(System.nanoTime() - from)).isLessThan(Duration.ofMillis(400));
        assertThat(hasty.state()).isEqualTo("SLOW");
      } finally {
        redis.signal("CONT");
      }
      await()
          .untilAsserted(
              () -> {
                memory.get(List.of("x"));
                assertThat(hasty.state()).isEqualTo("UP");
              });
    }
  }

  @Test
  void aSlowOneIsGoneAround() throws Exception {
    try (var proxy = new SlowProxy(redis.node.port());
        var link = TestRedis.link(redis.node.url(proxy.port()), false, Duration.ofMillis(50))) {
      var memory = new RedisMemory(link);
      await().until(() -> link.state().equals("UP"));
      proxy.delay(Duration.ofMillis(200));
      for (int i = 0; i < 30; i++) {
        assertThat(text(memory.get("k" + i, TTL, truth("truth")))).isEqualTo("truth");
      }
      assertThat(link.state()).isEqualTo("SLOW");
      proxy.delay(Duration.ZERO);
      await()
          .untilAsserted(
              () -> {
                memory.get(List.of("x"));
                assertThat(link.state()).isEqualTo("UP");
              });
    }
  }

  @Test
  void whoseServerWasRestartedListensAgain() {
    var heard = Collections.synchronizedList(new ArrayList<String>());
    there.listen("news", heard::add);
    redis.node.close();
    await().until(() -> one.state().equals("DOWN"));
    assertThat(text(here.get("a", TTL, truth("truth")))).isEqualTo("truth");
    redis.node.restart();
    await()
        .untilAsserted(
            () -> {
              here.tell("news", "again");
              assertThat(heard).contains("again");
            });
  }

  @Test
  void aWrongPasswordIsNoReasonToFail() {
    var url = "redis://:wrong@127.0.0.1:" + redis.node.port();
    try (var link = TestRedis.link(url, false, TestRedis.PATIENT)) {
      assertThat(text(new RedisMemory(link).get("a", TTL, truth("truth")))).isEqualTo("truth");
      assertThat(link.state()).isEqualTo("DOWN");
    }
  }

  @Test
  void aClusterWillDo() throws Exception {
    try (var node = new TestRedis("cluster-enabled yes\n")) {
      node.node.command("CLUSTER ADDSLOTSRANGE 0 16383");
      try (var link = TestRedis.link(node.node.url(), true, TestRedis.PATIENT)) {
        var memory = new RedisMemory(link);
        await().until(() -> link.state().equals("UP"));
        await()
            .untilAsserted(
                () -> {
                  memory.get("a", TTL, truth("value"));
                  assertThat(memory.get(List.of("a", "b", "c"))).containsOnlyKeys("a");
                });
      }
    }
  }
}
