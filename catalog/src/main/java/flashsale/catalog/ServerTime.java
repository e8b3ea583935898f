package flashsale.catalog;

import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.InstantSource;
import java.time.temporal.ChronoUnit;

/**
 * The time that sale pages tell, read and formatted at most once per millisecond however many ask.
 * Thread-safe, without a lock.
 */
final class ServerTime {
  private static final long KEPT_NANOS = 1_000_000;

  /**
   * The same instant for programs and for people.
   *
   * @param text ISO 8601 with milliseconds, ASCII
   */
  record Stamp(long takenNanoTime, Instant instant, byte[] text) {}

  private final InstantSource clock;
  private volatile Stamp latest;

  ServerTime(InstantSource clock) {
    this.clock = clock;
    this.latest = stamp();
  }

  /** At most a millisecond old. */
  Stamp now() {
    var seen = latest;
    if (System.nanoTime() - seen.takenNanoTime() < KEPT_NANOS) {
      return seen;
    }
    var fresh = stamp();
    latest = fresh;
    return fresh;
  }

  private Stamp stamp() {
    long taken = System.nanoTime();
    var instant = clock.instant();
    var text = instant.truncatedTo(ChronoUnit.MILLIS).toString();
    return new Stamp(taken, instant, text.getBytes(StandardCharsets.US_ASCII));
  }
}
