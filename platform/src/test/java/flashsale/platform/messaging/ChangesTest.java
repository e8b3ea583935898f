package flashsale.platform.messaging;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import flashsale.platform.batching.Overloaded;
import java.time.Duration;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import org.junit.jupiter.api.Test;

class ChangesTest {
  private static final Duration LONG = Duration.ofSeconds(30);
  private final Changes changes = new Changes(2);
  private final UUID key = UUID.randomUUID();

  @Test
  void aChangeWakesWhoWatchesThatKey() throws Exception {
    var watching = new CountDownLatch(1);
    try (var threads = Executors.newVirtualThreadPerTaskExecutor()) {
      var waited =
          threads.submit(
              () -> {
                try (var watch = changes.watch(key)) {
                  watching.countDown();
                  long from = System.nanoTime();
                  watch.await(LONG);
                  return Duration.ofNanos(System.nanoTime() - from);
                }
              });
      watching.await();
      changes.changed(List.of(UUID.randomUUID(), key));
      assertThat(waited.get()).isLessThan(LONG);
    }
    assertThat(changes.watching()).isZero();
  }

  @Test
  void aChangeBeforeTheWaitIsNotMissed() {
    try (var watch = changes.watch(key)) {
      changes.changed(List.of(key));
      long from = System.nanoTime();
      watch.await(LONG);
      assertThat(Duration.ofNanos(System.nanoTime() - from)).isLessThan(LONG);
      watch.await(Duration.ofMillis(1)); // Told once; this one waits for its time.
    }
  }

  @Test
  void noMoreWatchThanMay() {
    try (var one = changes.watch(key);
        var two = changes.watch(key)) {
      assertThat(one).isNotSameAs(two);
      assertThatThrownBy(() -> changes.watch(key)).isInstanceOf(Overloaded.class);
      assertThatThrownBy(changes::requireRoom).isInstanceOf(Overloaded.class);
    }
    changes.requireRoom();
  }
}
