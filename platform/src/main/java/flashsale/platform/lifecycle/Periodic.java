package flashsale.platform.lifecycle;

import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Does something again and again, on a thread of its own, until it is closed. A failure is logged
 * once until it works again, and the next round comes all the same.
 */
public final class Periodic implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Periodic.class);

  /** How long closing waits for the round that is under way. */
  private static final Duration CLOSE_MAX = Duration.ofSeconds(30);

  private final String name;
  private final Duration every;
  private final Runnable round;
  private final CountDownLatch closing = new CountDownLatch(1);
  private final Thread thread;
  private boolean failing;

  /**
   * Starts with the first round.
   *
   * @param name for the thread and the log
   * @param every the pause between two rounds
   */
  public Periodic(String name, Duration every, Runnable round) {
    this.name = name;
    this.every = every;
    this.round = round;
    this.thread = Thread.ofVirtual().name(name).start(this::run);
  }

  private void run() {
    try {
      do {
        once();
      } while (!closing.await(every.toNanos(), TimeUnit.NANOSECONDS));
    } catch (InterruptedException e) {
      throw new IllegalStateException("nobody interrupts " + name, e);
    }
  }

  private void once() {
    try {
      round.run();
      if (failing) {
        LOG.info("{} works again", name);
      }
      failing = false;
    } catch (RuntimeException e) {
      if (!failing) {
        LOG.warn("{} failed and goes on trying: {}", name, e.toString());
      }
      failing = true;
    } catch (Error e) {
      // Whatever it was, the next round may work.
      LOG.error("{} failed badly and goes on trying", name, e);
      failing = true;
    }
  }

  /** Finishes the round it is in. */
  @Override
  public void close() {
    closing.countDown();
    try {
      thread.join(CLOSE_MAX);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
