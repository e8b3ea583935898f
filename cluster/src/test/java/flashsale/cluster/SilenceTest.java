package flashsale.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import org.junit.jupiter.api.Test;

/** When a process counts as one that hangs. Times are in seconds. */
class SilenceTest {
  private static final long PID = 7;
  private static final int MAX = 15;
  private static final int START_MAX = 180;

  private final Silence silence =
      new Silence(Duration.ofSeconds(START_MAX), Duration.ofSeconds(MAX));

  private boolean asked(long pid, boolean answered, int second) {
    return silence.isTooLong(pid, answered, Duration.ofSeconds(second).toNanos());
  }

  @Test
  void whoHasAnsweredAndThenSaysNothingForTooLongHangs() {
    assertThat(asked(PID, true, 0)).isFalse();
    assertThat(asked(PID, false, 3)).isFalse();
    assertThat(asked(PID, false, MAX)).isFalse();
    assertThat(asked(PID, false, MAX + 1)).isTrue();
  }

  @Test
  void oneAnswerIsEnoughToBeginAnew() {
    asked(PID, true, 0);
    asked(PID, false, MAX - 1);
    asked(PID, true, MAX);
    assertThat(asked(PID, false, MAX + 3)).isFalse();
    assertThat(asked(PID, false, MAX + MAX)).isFalse();
    assertThat(asked(PID, false, MAX + MAX + 1)).isTrue();
  }

  @Test
  void whoStartsMayBeSilentForLonger() {
    assertThat(asked(PID, false, 0)).isFalse();
    assertThat(asked(PID, false, START_MAX)).isFalse();
    assertThat(asked(PID, false, START_MAX + 1)).isTrue();
  }

  @Test
  void anotherProcessStartsAnew() {
    asked(PID, true, 0);
    asked(PID, false, MAX);
    assertThat(asked(PID + 1, false, MAX + 1)).isFalse();
    assertThat(asked(PID + 1, false, MAX + START_MAX)).isFalse();
  }

  @Test
  void whoAskedSeldomLearnsNothingFromOneQuestion() {
    asked(PID, true, 0);
    assertThat(asked(PID, false, 10 * MAX)).as("was stopped itself").isFalse();
    assertThat(asked(PID, true, 10 * MAX + 1)).isFalse();
  }

  @Test
  void itIsToldOnceAndThenThereIsTimeToEnd() {
    asked(PID, true, 0);
    asked(PID, false, 3);
    assertThat(asked(PID, false, MAX + 1)).isTrue();
    assertThat(asked(PID, false, MAX + 2)).isFalse();
    assertThat(asked(PID, false, MAX + 3)).isFalse();
    assertThat(asked(PID, false, MAX + MAX + 2)).as("it did not end").isTrue();
  }

  @Test
  void whatIsNotThereDoesNotHang() {
    assertThat(asked(0, false, 0)).isFalse();
    assertThat(asked(0, false, 2 * START_MAX)).isFalse();
    assertThat(asked(0, false, 3 * START_MAX)).isFalse();
  }
}
