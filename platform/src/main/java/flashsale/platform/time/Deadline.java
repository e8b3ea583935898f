package flashsale.platform.time;

import java.time.Duration;
import java.util.Optional;
import java.util.function.Supplier;

/**
 * Until when an answer is of use to whoever waits for it. It goes with the thread, and over the
 * wire with every hop, so that nobody works for a caller who has gone. Immutable.
 */
public final class Deadline {
  private static final ScopedValue<Deadline> CURRENT = ScopedValue.newInstance();

  private final long nanoTime;

  private Deadline(long nanoTime) {
    this.nanoTime = nanoTime;
  }

  /** The deadline that is so far away from now. */
  public static Deadline in(Duration left) {
    return new Deadline(System.nanoTime() + left.toNanos());
  }

  /** Of the work that the calling thread is doing; empty if there is none. */
  public static Optional<Deadline> current() {
    return CURRENT.isBound() ? Optional.of(CURRENT.get()) : Optional.empty();
  }

  /** The time left for what the calling thread is doing, but no more than {@code most}. */
  public static Duration left(Duration most) {
    return current().map(Deadline::left).filter(left -> left.compareTo(most) < 0).orElse(most);
  }

  /** Negative once it has passed. */
  public Duration left() {
    return Duration.ofNanos(nanoTime - System.nanoTime());
  }

  /** Whether this one comes after the other. */
  public boolean isAfter(Deadline other) {
    return nanoTime - other.nanoTime > 0;
  }

  /** Does the work under this deadline. */
  public <T> T during(Supplier<T> work) {
    return ScopedValue.where(CURRENT, this).call(work::get);
  }
}
