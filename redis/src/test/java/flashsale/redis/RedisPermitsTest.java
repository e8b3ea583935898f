package flashsale.redis;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import flashsale.platform.ratelimit.Permits;
import flashsale.platform.ratelimit.Permits.Grant;
import flashsale.platform.ratelimit.Permits.Limit;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

final class RedisPermitsTest {
  /** Nothing comes back while a test runs. */
  private static final Limit LIMIT = new Limit("test", 500, Duration.ofHours(10));

  private static TestRedis redis;

  private final AtomicInteger otherwise = new AtomicInteger();
  private final List<RedisLink> links = new ArrayList<>();
  private final Permits one = process();
  private final Permits other = process();

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
    links.forEach(link -> await().until(() -> link.state().equals("UP")));
    redis.node.flush();
  }

  @AfterEach
  void close() {
    links.forEach(RedisLink::close);
  }

  private Permits process() {
    var link = redis.link();
    links.add(link);
    return new RedisPermits(
        link,
        (limit, key) -> {
          otherwise.incrementAndGet();
          return new Grant(false, 0, Duration.ofSeconds(1));
        },
        1_000);
  }

  /** Within ten hours so many; a lease of 50 lasts an hour, so all that is taken is handed out. */
  @Test
  void allProcessesTogetherHandOutWhatThereIsAndNoMore() throws Exception {
    int granted = 0;
    try (var threads = Executors.newFixedThreadPool(8)) {
      var takers = new ArrayList<Callable<Integer>>();
      for (int t = 0; t < 8; t++) {
        var process = t % 2 == 0 ? one : other;
        takers.add(
            () -> {
              int mine = 0;
              for (int i = 0; i < 500; i++) {
                mine += process.take(LIMIT, "a").granted() ? 1 : 0;
              }
              return mine;
            });
      }
      for (var taker : threads.invokeAll(takers)) {
        granted += taker.get();
      }
    }
    assertThat(granted).isEqualTo(LIMIT.permits());
    assertThat(otherwise).hasValue(0);
  }

  @Test
  void aSmallLimitIsExactAndTellsWhenTheNextOneIsThere() {
    var three = new Limit("three", 3, Duration.ofSeconds(30));
    assertThat(one.take(three, "a").remaining()).isEqualTo(2);
    assertThat(other.take(three, "a").remaining()).isEqualTo(1);
    assertThat(one.take(three, "a").granted()).isTrue();
    for (var process : List.of(one, other, one)) {
      var refused = process.take(three, "a");
      assertThat(refused.granted()).isFalse();
      assertThat(refused.reset()).isBetween(Duration.ofSeconds(5), Duration.ofSeconds(10));
    }
    assertThat(other.take(three, "b").granted()).isTrue();
  }

  @Test
  void theyComeBack() {
    var quick = new Limit("quick", 2, Duration.ofMillis(200));
    one.take(quick, "a");
    one.take(quick, "a");
    assertThat(other.take(quick, "a").granted()).isFalse();
    await().until(() -> other.take(quick, "a").granted());
  }

  @Test
  void whoAsksOftenAsksRedisSeldom() {
    for (int i = 0; i < 50; i++) {
      assertThat(one.take(LIMIT, "b").granted()).isTrue();
    }
    redis.node.close();
    try {
      assertThat(otherwise).hasValue(0);
      one.take(LIMIT, "b");
      assertThat(otherwise).hasValue(1);
    } finally {
      redis.node.restart();
    }
  }

  @Test
  void aRestartEmptiesItWithoutHarm() {
    assertThat(one.take(LIMIT, "c").granted()).isTrue();
    redis.node.close();
    redis.node.restart();
    await().until(() -> other.take(LIMIT, "c").granted());
    assertThat(links).allSatisfy(link -> await().until(() -> link.state().equals("UP")));
  }
}
