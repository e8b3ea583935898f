package flashsale.payments;

import flashsale.payments.PaymentGateway.NoAnswer;
import flashsale.platform.metrics.Meters;
import flashsale.platform.resilience.Breakers;
import io.helidon.faulttolerance.CircuitBreaker;
import io.helidon.faulttolerance.CircuitBreaker.State;
import io.helidon.faulttolerance.CircuitBreakerOpenException;
import io.micrometer.core.instrument.Counter;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Supplier;

/**
 * Leaves a gateway alone that does not answer, so that it costs nobody their patience. A call that
 * is not made for that reason is one without an answer: what has to be done then is done already,
 * and asking the gateway later finds that it knows nothing. After a while one call is made to see
 * whether it answers again. Thread-safe.
 */
final class GatewayBreaker {
  /**
   * Of so many calls in a row it looks at the share without an answer. One without an answer does
   * not count where another got one meanwhile: a gateway that is gone gives none at all; one that
   * loses some is to be asked on.
   */
  private static final int CALLS = 20;

  private static final int FAILURES_PERCENT = 75;

  /** The gateway answered somebody else meanwhile, so it is there. */
  private static final class OthersAnswered extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final RuntimeException failure;

    OthersAnswered(RuntimeException failure) {
      super(failure.getMessage(), failure, false, false);
      this.failure = failure;
    }
  }

  private final CircuitBreaker breaker;
  private final AtomicLong answeredNanoTime = new AtomicLong(System.nanoTime());
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
            .addSkipOn(OthersAnswered.class)
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
      return Breakers.invoke(breaker, () -> made(call));
    } catch (CircuitBreakerOpenException | IllegalStateException e) {
      throw e;
    } catch (OthersAnswered e) {
      failures.increment();
      throw e.failure;
    } catch (RuntimeException e) {
      failures.increment();
      throw e;
    }
  }

  /**
   * Answers of many calls come at once, and the patience of those without one ends at once: these
   * would fill the window by themselves.
   */
  private <T> T made(Supplier<T> call) {
    long from = System.nanoTime();
    try {
      var answer = call.get();
      answeredNanoTime.set(System.nanoTime());
      return answer;
    } catch (IllegalStateException e) {
      answeredNanoTime.set(System.nanoTime());
      throw e;
    } catch (RuntimeException e) {
      throw answeredNanoTime.get() - from > 0 ? new OthersAnswered(e) : e;
    }
  }
}
