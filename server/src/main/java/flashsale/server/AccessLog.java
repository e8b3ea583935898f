package flashsale.server;

import flashsale.platform.http.HttpServer;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;

/**
 * One line for each answered request: time, method, path, status, microseconds, request id.
 *
 * <p>A request's thread only leaves its figures in a bounded queue; it never waits and formats
 * nothing. One writer looks now and then (nobody wakes it, which would cost a system call per
 * request), formats what has gathered, and hands it on in large pieces. When it cannot keep up,
 * lines are dropped and counted, because a log must not slow a sale down. Thread-safe.
 */
public final class AccessLog implements HttpServer.Observer, AutoCloseable {
  /** Lines waiting at most; at 50,000 requests/s that is a third of a second. */
  static final int WAITING_MAX = 16_384;

  private static final long LOOK_EVERY_MILLIS = 20;

  /** While nothing comes. By then 50,000 requests/s would have filled half of what may wait. */
  private static final long LOOK_EVERY_MAX_MILLIS = 160;

  private static final int PIECE_MAX_CHARS = 32 * 1024;
  private static final int TEXT_MAX_CHARS = 256;

  private record Line(
      long atMillis, String method, String path, int status, long nanos, String requestId) {}

  private final Consumer<String> sink;
  private final ConcurrentLinkedQueue<Line> lines = new ConcurrentLinkedQueue<>();
  private final AtomicInteger waiting = new AtomicInteger();
  private final AtomicLong dropped = new AtomicLong();
  private final Thread writer;
  private long droppedTold;
  private volatile boolean closing;

  /**
   * Starts the writer.
   *
   * @param sink takes one or more lines, without the last line end; called by the writer only
   */
  public AccessLog(Consumer<String> sink) {
    this.sink = sink;
    this.writer = Thread.ofPlatform().name("access-log").daemon().start(this::write);
  }

  @Override
  public void answered(
      String method, String route, String path, int status, long nanos, String requestId) {
    if (waiting.incrementAndGet() > WAITING_MAX) {
      waiting.decrementAndGet();
      dropped.incrementAndGet();
      return;
    }
    lines.add(new Line(System.currentTimeMillis(), method, path, status, nanos, requestId));
  }

  /** Lines that were lost since the start because the writer could not keep up. */
  @Override
  public long dropped() {
    return dropped.get();
  }

  private void write() {
    var piece = new StringBuilder(PIECE_MAX_CHARS + 1024);
    long pauseMillis = LOOK_EVERY_MILLIS;
    while (true) {
      boolean last = closing;
      pauseMillis = lines.isEmpty() ? longer(pauseMillis) : LOOK_EVERY_MILLIS;
      for (var line = lines.poll(); line != null; line = lines.poll()) {
        waiting.decrementAndGet();
        append(piece, line);
        if (piece.length() > PIECE_MAX_CHARS) {
          flush(piece);
        }
      }
      tellDropped(piece);
      flush(piece);
      if (last) {
        return;
      }
      LockSupport.parkNanos(this, TimeUnit.MILLISECONDS.toNanos(pauseMillis));
    }
  }

  private static long longer(long pauseMillis) {
    return Math.min(2 * pauseMillis, LOOK_EVERY_MAX_MILLIS);
  }

  private void tellDropped(StringBuilder piece) {
    long all = dropped.get();
    if (all > droppedTold) {
      piece
          .append(Instant.now().truncatedTo(ChronoUnit.MILLIS))
          .append(" - ")
          .append(all - droppedTold)
          .append(" lines dropped, the log could not keep up\n");
      droppedTold = all;
    }
  }

  private void flush(StringBuilder piece) {
    if (!piece.isEmpty()) {
      piece.setLength(piece.length() - 1);
      sink.accept(piece.toString());
      piece.setLength(0);
    }
  }

  private static void append(StringBuilder piece, Line line) {
    piece.append(Instant.ofEpochMilli(line.atMillis)).append(' ');
    appendPlain(piece, line.method);
    piece.append(' ');
    appendPlain(piece, line.path);
    piece
        .append(' ')
        .append(line.status)
        .append(' ')
        .append(line.nanos / 1_000)
        .append("us ")
        .append(line.requestId)
        .append('\n');
  }

  /** What a client wrote must not be able to make a line, or a column, of its own. */
  private static void appendPlain(StringBuilder piece, String text) {
    if (text.isEmpty()) {
      piece.append('-'); // It was no HTTP.
    }
    int length = Math.min(text.length(), TEXT_MAX_CHARS);
    for (int i = 0; i < length; i++) {
      char c = text.charAt(i);
      boolean plain = c > ' ' && c < 0x7f;
      piece.append(plain ? c : '?');
    }
    if (text.length() > TEXT_MAX_CHARS) {
      piece.append("...");
    }
  }

  /** Writes what has gathered and ends the writer. */
  @Override
  public void close() {
    closing = true;
    LockSupport.unpark(writer);
    try {
      writer.join();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
