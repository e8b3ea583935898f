package flashsale.platform.resilience;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.helidon.faulttolerance.CircuitBreaker;
import io.helidon.faulttolerance.CircuitBreaker.State;
import io.helidon.faulttolerance.CircuitBreakerOpenException;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class BreakersTest {
  private static final int CALLS = 4;

  private final CircuitBreaker breaker =
      CircuitBreaker.builder()
          .volume(CALLS)
          .errorRatio(50)
          .delay(Duration.ofMillis(50))
          .successThreshold(1)
          .build();

  private static String fail() {
    throw new IllegalArgumentException("no");
  }

  private void assertFails() {
    assertThatThrownBy(() -> Breakers.invoke(breaker, BreakersTest::fail))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void whatFailsLateDoesNotOpenItAgain() throws InterruptedException {
    var begun = new CountDownLatch(CALLS);
    var release = new CountDownLatch(1);
    var late = Stream.generate(() -> lateFailure(begun, release)).limit(CALLS).toList();
    begun.await();
    for (int i = 0; i < CALLS; i++) {
      assertFails();
    }
    assertThatThrownBy(() -> Breakers.invoke(breaker, () -> "yes"))
        .isInstanceOf(CircuitBreakerOpenException.class);
    release.countDown();
    for (var thread : late) {
      thread.join();
    }
    await().until(() -> breaker.state() == State.HALF_OPEN);
    for (int i = 0; i < CALLS; i++) {
      assertThat(Breakers.invoke(breaker, () -> "yes")).isEqualTo("yes");
      assertThat(breaker.state()).isEqualTo(State.CLOSED);
    }
  }

  private Thread lateFailure(CountDownLatch begun, CountDownLatch release) {
    return Thread.startVirtualThread(
        () ->
            assertThatThrownBy(
                    () ->
                        Breakers.invoke(
                            breaker,
                            () -> {
                              begun.countDown();
                              try {
                                release.await();
                              } catch (InterruptedException e) {
                                throw new IllegalStateException(e);
                              }
                              return fail();
                            }))
                .isInstanceOf(IllegalArgumentException.class));
  }

  @Test
  void aTrialThatFailsOpensIt() {
    for (int i = 0; i < CALLS; i++) {
      assertFails();
    }
    await().until(() -> breaker.state() == State.HALF_OPEN);
    assertFails();
    assertThat(breaker.state()).isEqualTo(State.OPEN);
  }
}
