package flashsale.doors;

import java.util.concurrent.atomic.AtomicInteger;

/**
 * Bounds the retries to a share of the calls, so that an outage is not met with a multiple of the
 * usual load. The idea is the retry budget of Finagle. Thread-safe.
 */
final class RetryBudget {
  /** Calls that pay for one retry. */
  private static final int CALLS_PER_RETRY = 5;

  /** What may be saved up, in retries. */
  private static final int SAVED_MAX = 20;

  private final AtomicInteger savings = new AtomicInteger(SAVED_MAX * CALLS_PER_RETRY);

  /** A call was made that was no retry. */
  void called() {
    savings.updateAndGet(saved -> Math.min(saved + 1, SAVED_MAX * CALLS_PER_RETRY));
  }

  /** Whether one more retry may be made; if so it is paid for. */
  boolean take() {
    return savings.getAndUpdate(s -> s >= CALLS_PER_RETRY ? s - CALLS_PER_RETRY : s)
        >= CALLS_PER_RETRY;
  }
}
