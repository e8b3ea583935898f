package flashsale.platform.http;

import flashsale.platform.messaging.Changes;
import flashsale.platform.messaging.FailureCategory;
import java.time.Duration;
import java.util.Optional;
import java.util.UUID;
import java.util.function.Function;
import java.util.function.Predicate;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Follows one kind of row until it has come to where a client waits for it. Woken by what this
 * process writes; looks by itself for what others write. Thread-safe.
 *
 * @param <R> the row
 */
public final class Watch<R> {
  private static final Logger LOG = LoggerFactory.getLogger(Watch.class);

  /** How late a change of another process is noticed at most, and a stop of this one. */
  private static final Duration LOOK_EVERY = Duration.ofMillis(500);

  /** Well within the time after which a proxy takes a silent stream for a dead one. */
  private static final Duration HEARTBEAT_EVERY = Duration.ofSeconds(10);

  /** After this a client has to come back, with its token as it is then. */
  private static final Duration STREAM_MAX = Duration.ofMinutes(10);

  /**
   * How a kind of row is followed.
   *
   * @param event the name of its events
   * @param find the row as it is now
   * @param state its state, a word without blanks
   * @param view what clients see of it
   * @param last whether there is nothing to wait for any more
   */
  public record Kind<R>(
      String event,
      Function<UUID, Optional<R>> find,
      Function<R, String> state,
      Function<R, Object> view,
      Predicate<R> last) {}

  private final Changes changes;
  private final Kind<R> kind;

  public Watch(Changes changes, Kind<R> kind) {
    this.changes = changes;
    this.kind = kind;
  }

  /**
   * A row as it was seen last.
   *
   * @param asAsked whether it was as asked
   */
  public record Seen<R>(R row, boolean asAsked) {}

  /**
   * The row once it is as asked, or as it is after this time. Never fails: the row is durable
   * already, and where nobody can wait or look just now, it is told as it was seen last.
   */
  public Seen<R> await(UUID id, R row, Predicate<R> asked, Duration most) {
    long deadline = System.nanoTime() + most.toNanos();
    var seen = new Seen<>(row, false);
    try {
      seen = new Seen<>(row, asked.test(row));
      if (seen.asAsked || most.isZero()) {
        return seen;
      }
      try (var watch = changes.watch(id)) {
        seen = look(id, seen.row, asked);
        long left = deadline - System.nanoTime();
        while (!seen.asAsked && left > 0) {
          watch.await(Duration.ofNanos(Math.min(left, LOOK_EVERY.toNanos())));
          seen = look(id, seen.row, asked);
          left = deadline - System.nanoTime();
        }
      }
    } catch (RuntimeException e) {
      if (FailureCategory.isOutage(e)) {
        LOG.debug("{} {} is not waited for: {}", kind.event, id, e.getMessage());
      } else {
        LOG.error("{} {} is not waited for", kind.event, id, e);
      }
    }
    return seen;
  }

  private Seen<R> look(UUID id, R row, Predicate<R> asked) {
    var now = current(id, row);
    return new Seen<>(now, asked.test(now));
  }

  /**
   * The answer that tells the state and every later one, until it is the last. An event's id is the
   * state, so a client that comes back is told only what it has not seen.
   */
  public Answer events(Call call, UUID id, R row) {
    var seen = call.header("Last-Event-ID").orElse("");
    if (kind.last.test(row) && kind.state.apply(row).equals(seen)) {
      return Answer.noContent(); // Which is how a browser is told not to come back.
    }
    changes.requireRoom();
    return Answer.events(stream -> tell(id, row, seen, stream));
  }

  private void tell(UUID id, R row, String seen, EventStream stream) {
    long deadline = System.nanoTime() + STREAM_MAX.toNanos();
    var told = seen;
    long toldNanoTime = System.nanoTime() - HEARTBEAT_EVERY.toNanos();
    var now = row;
    try (var watch = changes.watch(id)) {
      while (!stream.ending() && System.nanoTime() < deadline) {
        now = currentIfThere(id, now);
        if (!kind.state.apply(now).equals(told)) {
          told = kind.state.apply(now);
          stream.send(told, kind.event, kind.view.apply(now));
          toldNanoTime = System.nanoTime();
        } else if (System.nanoTime() - toldNanoTime >= HEARTBEAT_EVERY.toNanos()) {
          stream.heartbeat();
          toldNanoTime = System.nanoTime();
        }
        if (isLast(now)) {
          return;
        }
        watch.await(LOOK_EVERY);
      }
    }
  }

  /** As it was seen last, where it cannot be looked at just now: the stream goes on. */
  private R currentIfThere(UUID id, R row) {
    try {
      return current(id, row);
    } catch (RuntimeException e) {
      if (!FailureCategory.isOutage(e)) {
        throw e;
      }
      return row;
    }
  }

  private boolean isLast(R row) {
    try {
      return kind.last.test(row);
    } catch (RuntimeException e) {
      if (!FailureCategory.isOutage(e)) {
        throw e;
      }
      return false;
    }
  }

  private R current(UUID id, R row) {
    return kind.find.apply(id).orElse(row);
  }
}
