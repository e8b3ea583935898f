package flashsale.catalog;

import java.time.Duration;
import java.util.concurrent.locks.LockSupport;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Does one piece of work again and again until it is closed, at once after {@link #wake}. It has a
 * platform thread: on virtual threads it would queue behind the very crowd whose page it keeps
 * fresh. Work that fails is done again at the next turn; the log tells the first failure and the
 * end of the failures.
 */
final class Ticker implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Ticker.class);
  private static final Duration CLOSE_MAX = Duration.ofSeconds(10);

  private final String name;
  private final long everyNanos;
  private final Runnable work;
  private final Thread thread;
  private volatile boolean closing;
  private volatile boolean woken;
  private boolean failing;

  Ticker(String name, Duration every, Runnable work) {
    this.name = name;
    this.everyNanos = every.toNanos();
    this.work = work;
    this.thread = Thread.ofPlatform().name(name).daemon().start(this::run);
  }

  void wake() {
    woken = true;
    LockSupport.unpark(thread);
  }

  private void run() {
    while (!closing) {
      long next = System.nanoTime() + everyNanos;
      woken = false;
      once();
      for (long left = everyNanos;
          left > 0 && !woken && !closing;
          left = next - System.nanoTime()) {
        LockSupport.parkNanos(this, left);
      }
    }
  }

  private void once() {
    try {
      work.run();
      if (failing) {
        LOG.info("{} works again", name);
      }
      failing = false;
    } catch (RuntimeException e) {
      if (!failing) {
        LOG.warn("{} fails and will be tried again: {}", name, e.toString());
      }
      failing = true;
    }
  }

  /** Finishes the turn it is in. */
  @Override
  public void close() {
    closing = true;
    LockSupport.unpark(thread);
    try {
      thread.join(CLOSE_MAX);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
