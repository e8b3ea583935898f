package flashsale.reservations;

import flashsale.contracts.ReservationState;
import flashsale.platform.http.EventStream;
import flashsale.platform.messaging.Changes;
import flashsale.reservations.ReservationBook.Row;
import java.time.Duration;
import java.util.Optional;
import java.util.UUID;
import java.util.function.Function;

/**
 * Follows a reservation until it has come to where somebody waits for it. Woken by what this
 * process writes; looks by itself for what others write. Thread-safe.
 */
final class ReservationWatch {
  /** How late a change of another process is noticed at most, and a stop of this one. */
  private static final Duration LOOK_EVERY = Duration.ofMillis(500);

  private static final int LOOKS_PER_HEARTBEAT = 20;

  /** After this a client has to come back, with its token as it is then. */
  private static final Duration STREAM_MAX = Duration.ofMinutes(10);

  private final Changes changes;
  private final Function<UUID, Optional<Row>> rows;

  /**
   * @param rows finds a reservation as it is now
   */
  ReservationWatch(Changes changes, Function<UUID, Optional<Row>> rows) {
    this.changes = changes;
    this.rows = rows;
  }

  /** The row once it is no more PENDING, or as it is after this time. */
  Row settled(Row row, Duration most) {
    long deadline = System.nanoTime() + most.toNanos();
    var now = row;
    try (var watch = changes.watch(row.reservationId())) {
      now = current(row);
      long left = deadline - System.nanoTime();
      while (now.state() == ReservationState.PENDING && left > 0) {
        watch.await(Duration.ofNanos(Math.min(left, LOOK_EVERY.toNanos())));
        now = current(now);
        left = deadline - System.nanoTime();
      }
    }
    return now;
  }

  /**
   * Tells the state, and every later one, until it is a last one. An event's id is the state, so a
   * client that comes back is told only what it has not seen.
   *
   * @param seen the state the client knows, or an empty text
   */
  void tell(Row row, String seen, EventStream stream) {
    long deadline = System.nanoTime() + STREAM_MAX.toNanos();
    var told = seen;
    try (var watch = changes.watch(row.reservationId())) {
      for (int look = 0; !stream.ending() && System.nanoTime() < deadline; look++) {
        var now = current(row);
        if (!now.state().name().equals(told)) {
          told = now.state().name();
          stream.send(told, "reservation", ReservationView.of(now.settled()));
        } else if (look % LOOKS_PER_HEARTBEAT == 0) {
          stream.heartbeat();
        }
        if (isLast(now.state())) {
          return;
        }
        watch.await(LOOK_EVERY);
      }
    }
  }

  private Row current(Row row) {
    return rows.apply(row.reservationId()).orElse(row);
  }

  /** Whether a customer has nothing to wait for any more. */
  static boolean isLast(ReservationState state) {
    return switch (state) {
      case PENDING, HELD -> false;
      case REFUSED, CONFIRMED, RELEASED, EXPIRED -> true;
    };
  }
}
