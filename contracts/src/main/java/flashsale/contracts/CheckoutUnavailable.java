package flashsale.contracts;

import java.time.Duration;
import java.util.Optional;

/** The walk stopped before its end: a role is overloaded or down, or the deadline has passed. */
public final class CheckoutUnavailable extends RuntimeException {
  private static final long serialVersionUID = 1L;
  private final Duration retryAfter;
  private final transient Fact stoppedAt;

  public CheckoutUnavailable(String message, Duration retryAfter, Throwable cause) {
    this(message, retryAfter, cause, null);
  }

  /**
   * With where it stopped.
   *
   * @param stoppedAt how far the walk came for certain. Steps behind may be done yet, but none that
   *     charges, unless this fact is what it takes
   */
  public CheckoutUnavailable(String message, Duration retryAfter, Throwable cause, Fact stoppedAt) {
    super(message, cause);
    this.retryAfter = retryAfter;
    this.stoppedAt = stoppedAt;
  }

  /** How far the walk came for certain; nothing if that is not known. */
  public Optional<Fact> stoppedAt() {
    return Optional.ofNullable(stoppedAt);
  }

  /** When it is worth trying again. */
  public Duration retryAfter() {
    return retryAfter;
  }
}
