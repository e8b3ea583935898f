package flashsale.payments;

import flashsale.payments.PaymentGateway.NoAnswer;
import flashsale.platform.metrics.Meters;
import flashsale.platform.resilience.Breakers;
import io.helidon.faulttolerance.CircuitBreaker;
import io.helidon.faulttolerance.CircuitBreaker.State;
import io.helidon.faulttolerance.CircuitBreakerOpenException;
import io.micrometer.core.instrument.Counter;
import java.time.Duration;
import java.util.function.Supplier;

/**
 * Leaves a gateway alone that does not answer, so that it costs nobody their patience. A call that
 * is not made for that reason is one without an answer: what has to be done then is done already,
 * and asking the gateway later finds that it knows nothing. After a while one call is made to see
 * whether it answers again. Thread-safe.
 */
final class GatewayBreaker {
  /**
   * Of so many calls in a row it looks at the share without an answer. A gateway that is gone gives
   * none at all; one that now and then loses an answer is to be asked on.
   */
  private static final int CALLS = 20;

  private static final int FAILURES_PERCENT = 75;

  private final CircuitBreaker breaker;
  private final Counter failures;
  private final Counter leftAlone;

  /** Lets everything through at first; for {@code delay} nothing, once too much has failed. */
  GatewayBreaker(Duration delay, Meters meters) {
    this.breaker =
        CircuitBreaker.builder()
            .volume(CALLS)
            .errorRatio(FAILURES_PERCENT)
            .delay(delay)
            .successThreshold(1)
            .addSkipOn(IllegalStateException.class) // The gateway's own refusal: an answer.
            .build();
    this.failures =
        meters.counter(
            "flashsale.gateway.failures",
            "Calls of the payment gateway without an answer",
            "role",
            "payments");
    this.leftAlone =
        meters.counter(
            "flashsale.gateway.left_alone",
            "Calls of the payment gateway not made because it is left alone",
            "role",
            "payments");
    meters.gauge(
        "flashsale.gateway.down",
        "1 from when the payment gateway is left alone until it has answered again",
        "role",
        "payments",
        () -> isClosed() ? 0 : 1);
  }

  /** {@code UP}, {@code DOWN} or, until one call has shown that it answers, {@code DEGRADED}. */
  String state() {
    return switch (breaker.state()) {
      case CLOSED -> "UP";
      case HALF_OPEN -> "DEGRADED";
      case OPEN -> "DOWN";
    };
  }

  /** Whether no call would be made at present. */
  boolean isOpen() {
    return breaker.state() == State.OPEN;
  }

  /** Whether all calls are made. */
  boolean isClosed() {
    return breaker.state() == State.CLOSED;
  }

  /** For a call that was not made. */
  NoAnswer leftAlone() {
    leftAlone.increment();
    return new NoAnswer("the gateway is left alone, it did not answer before");
  }

  /**
   * Makes the call.
   *
   * @throws CircuitBreakerOpenException if it was not made
   */
  <T> T ask(Supplier<T> call) {
    try {
      return Breakers.invoke(breaker, call);
    } catch (CircuitBreakerOpenException | IllegalStateException e) {
      throw e;
    } catch (RuntimeException e) {
      failures.increment();
      throw e;
    }
  }
}
