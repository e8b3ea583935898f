package flashsale.contracts;

import java.time.Duration;

/** The walk stopped before its end: a role is overloaded or down, or the deadline has passed. */
public final class CheckoutUnavailable extends RuntimeException {
  private static final long serialVersionUID = 1L;
  private final Duration retryAfter;

  public CheckoutUnavailable(String message, Duration retryAfter, Throwable cause) {
    super(message, cause);
    this.retryAfter = retryAfter;
  }

  /** When it is worth trying again. */
  public Duration retryAfter() {
    return retryAfter;
  }
}
