package flashsale.cluster;

import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A process that is started again whenever it ends, until it is to end. Thread-safe. */
final class Supervised implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Supervised.class);

  /** What ends at once is not started again and again as fast as that goes. */
  private static final Duration PAUSE = Duration.ofMillis(500);

  private static final Duration STOP_MAX = Duration.ofSeconds(45);

  private final String name;
  private final Supplier<Process> start;
  private final Runnable changed;
  private final AtomicInteger restarts = new AtomicInteger();
  private final Thread thread;
  private volatile Process process;
  private volatile boolean closing;

  /**
   * @param changed is told whenever its pid is another one
   */
  Supervised(String name, Supplier<Process> start, Runnable changed) {
    this.name = name;
    this.start = start;
    this.changed = changed;
    this.process = start.get();
    this.thread = Thread.ofVirtual().name("supervise-" + name).start(this::run);
  }

  private void run() {
    try {
      while (!closing) {
        process.waitFor();
        if (closing) {
          return;
        }
        LOG.warn("{} ended with {} and is started again", name, process.exitValue());
        Thread.sleep(PAUSE);
        restarts.incrementAndGet();
        process = start.get();
        changed.run();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (RuntimeException e) {
      LOG.error("{} cannot be started again", name, e);
    }
  }

  /** Ends it as a crash would, because it does not answer; it is started again. */
  void kill() {
    LOG.warn("{} does not answer any more and is killed", name);
    process.destroyForcibly();
  }

  /** 0 while it is not there. */
  long pid() {
    return process.isAlive() ? process.pid() : 0;
  }

  int restarts() {
    return restarts.get();
  }

  /** Lets it finish what it has begun. */
  @Override
  public void close() {
    closing = true;
    process.destroy();
    try {
      if (!process.waitFor(STOP_MAX.toMillis(), TimeUnit.MILLISECONDS)) {
        LOG.warn("{} does not stop and is killed", name);
        process.destroyForcibly().waitFor();
      }
      thread.join(STOP_MAX);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
