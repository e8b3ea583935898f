package flashsale.platform.messaging;

import flashsale.platform.batching.Overloaded;
import flashsale.platform.persistence.DatabaseFailure;
import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Replays the dead letters that were parked because something was down, once all is up. A letter
 * waits for one interval, and after each replay that failed for twice as long as before; the guard
 * of {@link DeadLetters#REPLAYS_MAX} ends it, and then an operator decides. Letters of other
 * categories are left alone: trying again does not help them. Several processes may do this.
 */
public final class AutomaticReplay implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(AutomaticReplay.class);

  private final List<DeadLetters> roles;
  private final BooleanSupplier healthy;
  private final Duration every;
  private final Thread thread;
  private volatile boolean closing;

  /**
   * Starts to look.
   *
   * @param healthy whether what a message may need is up
   * @param every how often it looks, and how long a letter waits at first
   */
  public AutomaticReplay(Collection<DeadLetters> roles, BooleanSupplier healthy, Duration every) {
    this.roles = List.copyOf(roles);
    this.healthy = healthy;
    this.every = every;
    this.thread = Thread.ofVirtual().name("automatic-replay").start(this::run);
  }

  private void run() {
    long next = System.nanoTime() + every.toNanos();
    while (!closing) {
      long left = next - System.nanoTime();
      if (left > 0) {
        LockSupport.parkNanos(this, left);
        continue;
      }
      look();
      next = System.nanoTime() + every.toNanos();
    }
  }

  private void look() {
    try {
      if (healthy.getAsBoolean()) {
        roles.forEach(this::replay);
      }
    } catch (RuntimeException e) {
      LOG.error("dead letters are looked at again later", e);
    }
  }

  private void replay(DeadLetters role) {
    try {
      int replayed = role.replayOutages(every);
      if (replayed > 0) {
        LOG.info("{} dead letters of {} are replayed: all is up", replayed, role.role());
      }
    } catch (DatabaseFailure | Overloaded e) {
      LOG.warn("dead letters of {}: {}", role.role(), e.getMessage());
    }
  }

  /** Finishes the look that it is in. */
  @Override
  public void close() {
    closing = true;
    LockSupport.unpark(thread);
    try {
      thread.join();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
