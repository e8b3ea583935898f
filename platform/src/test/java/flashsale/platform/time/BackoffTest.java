package flashsale.platform.time;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class BackoffTest {
  private final Backoff backoff = new Backoff(Duration.ofMillis(100), Duration.ofSeconds(30));

  @Test
  void pausesDoubleUpToTheEnd() {
    assertThat(IntStream.rangeClosed(0, 11).mapToObj(n -> backoff.after(n).toMillis()))
        .containsExactly(
            100L, 100L, 200L, 400L, 800L, 1_600L, 3_200L, 6_400L, 12_800L, 25_600L, 30_000L,
            30_000L);
    for (int failures : new int[] {60, 63, 64, 65, 1_000, Integer.MAX_VALUE}) {
      assertThat(backoff.after(failures)).as("%d failures", failures).hasSeconds(30);
    }
    assertThat(backoff.after(Integer.MIN_VALUE)).hasMillis(100);
  }

  @Test
  void aJitteredPauseIsAnyPartOfIt() {
    var pauses = IntStream.range(0, 1_000).mapToObj(n -> backoff.jittered(4)).sorted().toList();
    assertThat(pauses.getFirst()).isBetween(Duration.ZERO, Duration.ofMillis(100));
    assertThat(pauses.getLast()).isBetween(Duration.ofMillis(700), Duration.ofMillis(800));
  }

  @Test
  void whatCannotGrowIsNone() {
    assertThatThrownBy(() -> new Backoff(Duration.ZERO, Duration.ofSeconds(1)))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> new Backoff(Duration.ofSeconds(2), Duration.ofSeconds(1)))
        .isInstanceOf(IllegalArgumentException.class);
  }
}
