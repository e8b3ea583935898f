package flashsale.platform.ratelimit;

import static org.assertj.core.api.Assertions.assertThat;

import flashsale.platform.ratelimit.Permits.Limit;
import java.time.Duration;
import java.util.ArrayList;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

final class LocalPermitsTest {
  private static final Limit TEN = new Limit("ten", 10, Duration.ofSeconds(1));

  private final AtomicLong now = new AtomicLong(Long.MAX_VALUE - 500_000_000L);
  private final LocalPermits permits = new LocalPermits(1_000, now::get);

  @Test
  void soManyAtOnceAndNoMore() {
    for (int left = 9; left >= 0; left--) {
      var grant = permits.take(TEN, "a");
      assertThat(grant.granted()).isTrue();
      assertThat(grant.remaining()).isEqualTo(left);
    }
    var refused = permits.take(TEN, "a");
    assertThat(refused.granted()).isFalse();
    assertThat(refused.remaining()).isZero();
    assertThat(refused.reset()).isEqualTo(Duration.ofMillis(100));
  }

  /** The clock passes the largest number there is meanwhile. */
  @Test
  void theyComeBackEvenlyOneAfterTheOther() {
    drain("a");
    for (int i = 0; i < 30; i++) {
      pass(Duration.ofMillis(99));
      assertThat(permits.take(TEN, "a").granted()).isFalse();
      pass(Duration.ofMillis(1));
      assertThat(permits.take(TEN, "a").granted()).isTrue();
    }
    pass(Duration.ofSeconds(5));
    assertThat(drain("a")).isEqualTo(10);
  }

  @Test
  void everybodyHasTheirOwnAndSoHasEachLimit() {
    drain("a");
    assertThat(permits.take(TEN, "b").granted()).isTrue();
    assertThat(permits.take(new Limit("other", 1, Duration.ofSeconds(1)), "a").granted()).isTrue();
  }

  @Test
  void whoGetsTheLastOneIsToldWhenAllAreBack() {
    assertThat(permits.take(TEN, "a").reset()).isEqualTo(Duration.ofMillis(100));
    assertThat(permits.take(TEN, "a").reset()).isEqualTo(Duration.ofMillis(200));
  }

  @Test
  void manyThreadsGetNoMoreThanThereAre() throws Exception {
    var limit = new Limit("many", 1_000, Duration.ofHours(1));
    try (var threads = Executors.newFixedThreadPool(16)) {
      var takers = new ArrayList<Callable<Integer>>();
      for (int t = 0; t < 16; t++) {
        takers.add(
            () -> {
              int granted = 0;
              for (int i = 0; i < 1_000; i++) {
                granted += permits.take(limit, "a").granted() ? 1 : 0;
              }
              return granted;
            });
      }
      int sum = 0;
      for (var taker : threads.invokeAll(takers)) {
        sum += taker.get();
      }
      assertThat(sum).isEqualTo(1_000);
    }
  }

  @Test
  void keysWithoutEndDoNotFillTheMemory() {
    for (int i = 0; i < 100_000; i++) {
      permits.take(TEN, "key " + i);
    }
    assertThat(permits.size()).isLessThan(2_000);
  }

  private int drain(String key) {
    int granted = 0;
    while (permits.take(TEN, key).granted()) {
      granted++;
    }
    return granted;
  }

  private void pass(Duration time) {
    now.addAndGet(time.toNanos());
  }
}
