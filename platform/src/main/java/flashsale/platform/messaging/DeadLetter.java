package flashsale.platform.messaging;

import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.UUID;

/**
 * A message that could not be driven to its end, and what became of it.
 *
 * @param role whose message it is, and to whom a replay goes back
 * @param type the envelope's, or a text that says it could not be read
 * @param stack the first lines of the last failure's trace
 * @param attempts all of them, those after replays too
 * @param replays how often it was given back to the role
 * @param decidedBy the operator of the last decision; null as long as there is none, and if it was
 *     automatic
 */
public record DeadLetter(
    UUID id,
    String role,
    UUID key,
    String type,
    String envelope,
    FailureCategory category,
    String reason,
    String stack,
    int attempts,
    Instant firstAt,
    Instant lastAt,
    State state,
    int replays,
    UUID decidedBy,
    Instant decidedAt) {

  /** Where it stands. A replayed one that fails again is parked again. */
  public enum State {
    PARKED,
    REPLAYED,
    DISCARDED
  }

  /** What an operator may decide. */
  public enum Verdict {
    REPLAY(State.REPLAYED),
    DISCARD(State.DISCARDED);

    private final State state;

    Verdict(State state) {
      this.state = state;
    }

    State state() {
      return state;
    }
  }

  /**
   * One entry of the trail of who did what.
   *
   * @param forced whether it was replayed in spite of the loop guard
   * @param by the operator; null if it was automatic
   */
  public record Decision(Verdict decision, boolean forced, UUID by, Instant at) {}

  static final String COLUMNS =
      "id, role, key, type, envelope, category, reason, stack, attempts, first_at, last_at, state,"
          + " replays, decided_by, decided_at";

  /** The row of {@link #COLUMNS}. */
  static DeadLetter read(ResultSet row) throws SQLException {
    return new DeadLetter(
        row.getObject(1, UUID.class),
        row.getString(2),
        row.getObject(3, UUID.class),
        row.getString(4),
        row.getString(5),
        FailureCategory.valueOf(row.getString(6)),
        row.getString(7),
        row.getString(8),
        row.getInt(9),
        instant(row, 10),
        instant(row, 11),
        State.valueOf(row.getString(12)),
        row.getInt(13),
        row.getObject(14, UUID.class),
        instant(row, 15));
  }

  static Instant instant(ResultSet row, int column) throws SQLException {
    var time = row.getObject(column, OffsetDateTime.class);
    return time == null ? null : time.toInstant();
  }
}
