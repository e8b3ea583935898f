package flashsale.platform.time;

import java.time.Duration;
import java.util.concurrent.ThreadLocalRandom;

/**
 * Pauses between attempts that double with each failure. With full jitter those who failed together
 * do not come back together: Marc Brooker, Exponential Backoff And Jitter, AWS Architecture Blog,
 * 2015. Thread-safe.
 *
 * @param first after the first failure, positive
 * @param most where doubling ends, no shorter than the first
 */
public record Backoff(Duration first, Duration most) {
  private static final int DOUBLINGS_MAX = 62;

  public Backoff {
    if (!first.isPositive() || most.compareTo(first) < 0) {
      throw new IllegalArgumentException("no backoff: " + first + " to " + most);
    }
  }

  /** The pause after so many failures in a row; after none, as after one. */
  public Duration after(int failures) {
    int doublings = Math.clamp(failures - 1L, 0, DOUBLINGS_MAX);
    boolean ended = first.toNanos() > most.toNanos() >> doublings;
    return ended ? most : Duration.ofNanos(first.toNanos() << doublings);
  }

  /** A random part of {@link #after}, from nothing to all of it. */
  public Duration jittered(int failures) {
    return Duration.ofNanos(ThreadLocalRandom.current().nextLong(after(failures).toNanos() + 1));
  }
}
