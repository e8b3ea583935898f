package flashsale.platform.resilience;

import io.helidon.faulttolerance.CircuitBreaker;
import io.helidon.faulttolerance.CircuitBreaker.State;
import java.util.function.Supplier;

/** Asks through circuit breakers. */
public final class Breakers {
  private Breakers() {}

  /**
   * As {@link CircuitBreaker#invoke} does, but for what fails late: calls that were under way when
   * the breaker opened do not open it again once a trial has succeeded. Helidon 4.5 counts them,
   * and forgets what it has counted only when it opens.
   */
  public static <T> T invoke(CircuitBreaker breaker, Supplier<T> call) {
    boolean trial = breaker.state() != State.CLOSED;
    T answer = breaker.invoke(call);
    if (trial) {
      breaker.state(State.CLOSED);
    }
    return answer;
  }
}
