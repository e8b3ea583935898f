package flashsale.platform.time;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Comparator;
import org.junit.jupiter.api.Test;

final class SteadyClockTest {
  private static final Instant START = Instant.parse("2026-11-27T08:00:00.123456Z");

  private Instant wall = START;
  private long nanoTime = -5_000_000_000L; // It has no meaning by itself and may be negative.
  private final SteadyClock clock = new SteadyClock(() -> wall, () -> nanoTime);

  private void pass(Duration time) {
    wall = wall.plus(time);
    nanoTime += time.toNanos();
  }

  @Test
  void itFollowsTheWallClockInMicroseconds() {
    assertThat(clock.instant()).isEqualTo(START);
    pass(Duration.ofNanos(1_500));
    assertThat(clock.instant()).isEqualTo(START.plus(1, ChronoUnit.MICROS));
    pass(Duration.ofNanos(1_500));
    assertThat(clock.instant()).isEqualTo(START.plus(3, ChronoUnit.MICROS));
    var now = new SteadyClock().instant();
    assertThat(now).isEqualTo(now.truncatedTo(ChronoUnit.MICROS));
  }

  @Test
  void aStepForwardIsFollowed() {
    clock.instant();
    wall = wall.plusSeconds(3_600);
    assertThat(clock.instant()).isEqualTo(START.plusSeconds(3_600));
  }

  @Test
  void aStepBackIsNotFollowedAndTimeGoesOn() {
    clock.instant();
    wall = wall.minusSeconds(3_600);
    assertThat(clock.instant()).isEqualTo(START);
    pass(Duration.ofSeconds(10));
    assertThat(clock.instant()).isEqualTo(START.plusSeconds(10));
    pass(Duration.ofSeconds(5));
    assertThat(clock.instant()).isEqualTo(START.plusSeconds(15));
  }

  @Test
  void manyShortLooksAfterAStepBackLoseNoTime() {
    clock.instant();
    wall = wall.minusSeconds(3_600);
    for (int i = 0; i < 10_000; i++) {
      pass(Duration.ofNanos(300)); // Less than a microsecond each.
      clock.instant();
    }
    assertThat(clock.instant()).isEqualTo(START.plus(3_000, ChronoUnit.MICROS));
  }

  @Test
  void itFollowsAgainOnceTheWallClockHasCaughtUp() {
    clock.instant();
    wall = wall.minusSeconds(10);
    pass(Duration.ofSeconds(4));
    assertThat(clock.instant()).isEqualTo(START.plusSeconds(4));
    wall = START.plusSeconds(100);
    assertThat(clock.instant()).isEqualTo(START.plusSeconds(100));
    pass(Duration.ofSeconds(1));
    assertThat(clock.instant()).isEqualTo(START.plusSeconds(101));
  }

  @Test
  void itNeverRunsBackwardsHoweverTheWallClockJumps() {
    var told = new ArrayList<Instant>();
    for (int i = 0; i < 1_000; i++) {
      wall = START.plusMillis((i * 7_919L) % 5_003);
      nanoTime += 100_000;
      told.add(clock.instant());
    }
    assertThat(told).isSortedAccordingTo(Comparator.naturalOrder());
  }
}
