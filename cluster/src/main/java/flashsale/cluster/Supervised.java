package flashsale.cluster;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A process that is started again whenever it ends, until it is to end. Thread-safe. */
final class Supervised implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Supervised.class);

  /** What ends at once is not started again and again as fast as that goes. */
  private static final Duration PAUSE = Duration.ofMillis(500);

  private static final Duration STOP_MAX = Duration.ofSeconds(45);

  private final String name;
  private final Path log;
  private final Supplier<Process> start;
  private final Consumer<Process> stop;
  private final Runnable changed;
  private final AtomicInteger restarts = new AtomicInteger();
  private final Thread thread;
  private volatile Process process;

  /** As of the last looks: a process that is killed leaves its children behind. */
  private volatile List<ProcessHandle> children = List.of();

  private volatile boolean closing;

  /**
   * Starts it.
   *
   * @param log what it writes, the last line of which tells why it ended
   * @param stop asks it to end
   * @param changed is told whenever its pid is another one
   */
  Supervised(
      String name, Path log, Supplier<Process> start, Consumer<Process> stop, Runnable changed) {
    this.name = name;
    this.log = log;
    this.start = start;
    this.stop = stop;
    this.changed = changed;
    this.process = start.get();
    this.thread = Thread.ofVirtual().name("supervise-" + name).start(this::run);
  }

  private void run() {
    try {
      while (!closing) {
        if (!process.waitFor(PAUSE.toMillis(), TimeUnit.MILLISECONDS)) {
          lookForChildren();
        } else if (!closing) {
          LOG.warn(
              "{} ended with {} and is started again; its last words: {}",
              name,
              process.exitValue(),
              lastWords());
          Thread.sleep(PAUSE);
          again();
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** Those of before that live, and those of now, of which one that was just killed has none. */
  void lookForChildren() {
    children =
        Stream.concat(children.stream().filter(ProcessHandle::isAlive), process.descendants())
            .distinct()
            .toList();
  }

  List<ProcessHandle> children() {
    return children;
  }

  private String lastWords() {
    try (var lines = Files.lines(log, ISO_8859_1)) {
      return lines.filter(line -> !line.isBlank()).reduce("", (before, line) -> line).strip();
    } catch (IOException | UncheckedIOException e) {
      return "(" + e.getMessage() + ")";
    }
  }

  private void again() {
    endChildren();
    try {
      synchronized (this) {
        if (closing) {
          return;
        }
        process = start.get();
        restarts.incrementAndGet();
      }
    } catch (RuntimeException e) {
      LOG.error("{} cannot be started again, which is tried again", name, e);
      return;
    }
    changed.run();
  }

  /** They would keep its ports. */
  private void endChildren() {
    children.forEach(ProcessHandle::destroyForcibly);
    children = List.of();
  }

  /** Ends it as a crash would, because it does not answer; it is started again. */
  void kill() {
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
    synchronized (this) {
      closing = true;
    }
    try {
      if (process.isAlive()) {
        stop.accept(process);
      }
      if (!process.waitFor(STOP_MAX.toMillis(), TimeUnit.MILLISECONDS)) {
        LOG.warn("{} does not stop and is killed", name);
        process.destroyForcibly().waitFor();
      }
      endChildren();
      thread.join(STOP_MAX);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
