package flashsale.server;

import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * Waits for Ctrl-C or SIGTERM, and then holds the process back until everything has been closed. To
 * be the first resource of the try statement that closes it. Thread-safe.
 */
public final class StopSignal implements AutoCloseable {
  private final CountDownLatch asked = new CountDownLatch(1);
  private final CountDownLatch closed = new CountDownLatch(1);

  /** From now on a signal no longer ends the process at once. */
  public StopSignal() {
    Runtime.getRuntime().addShutdownHook(Thread.ofPlatform().name("stop").unstarted(this::hold));
  }

  private void hold() {
    asked.countDown();
    awaitUninterruptibly(closed);
  }

  /** Returns when the process is to stop. */
  public void await() {
    awaitUninterruptibly(asked);
  }

  /** Waits for that, or until the time is over; whether the process is to stop. */
  boolean await(Duration most) {
    try {
      return asked.await(most.toNanos(), TimeUnit.NANOSECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return true;
    }
  }

  /** Does something as soon as the process is to stop, if it ever is. */
  void then(Runnable action) {
    Thread.startVirtualThread(
        () -> {
          await();
          action.run();
        });
  }

  private static void awaitUninterruptibly(CountDownLatch latch) {
    boolean interrupted = false;
    while (true) {
      try {
        latch.await();
        break;
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  /** Everything has been closed: the process may end. */
  @Override
  public void close() {
    closed.countDown();
  }
}
