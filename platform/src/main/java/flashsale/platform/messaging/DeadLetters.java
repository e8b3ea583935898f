package flashsale.platform.messaging;

import com.fasterxml.jackson.core.JsonProcessingException;
import flashsale.platform.json.Json;
import flashsale.platform.messaging.DeadLetter.Decision;
import flashsale.platform.messaging.DeadLetter.State;
import flashsale.platform.messaging.DeadLetter.Verdict;
import flashsale.platform.persistence.Database;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;

/**
 * Messages of one role that could not be driven to their end, kept for an operator to decide upon:
 * replayed, which puts them back into the role's own {@link Outbox}, or discarded. What was parked
 * because something was down can be replayed without an operator ({@link AutomaticReplay}). Needs
 * the tables of {@link #TABLE} and {@link #KEY_INDEX}. Nothing is ever deleted here: the rows are
 * the trail of who did what. Thread-safe.
 */
public final class DeadLetters implements DeadLetterOffice, Relay.Parking {
  /** The tables, and when an outbox's message was tried first; for migrations to be compared. */
  public static final String TABLE =
      """
      CREATE TABLE dead_letter (
        id         uuid PRIMARY KEY,
        role       text NOT NULL,
        key        uuid NOT NULL,
        type       text NOT NULL,
        envelope   text NOT NULL,
        category   text NOT NULL
                   CHECK (category IN ('BAD_INPUT', 'REFUSED_BY_RULE', 'DEPENDENCY_DOWN', 'BUG')),
        reason     text NOT NULL,
        stack      text NOT NULL,
        attempts   integer NOT NULL,
        first_at   timestamptz NOT NULL,
        last_at    timestamptz NOT NULL,
        state      text NOT NULL CHECK (state IN ('PARKED', 'REPLAYED', 'DISCARDED')),
        replays    integer NOT NULL DEFAULT 0,
        decided_by uuid,
        decided_at timestamptz
      );
      CREATE INDEX dead_letter_first ON dead_letter (first_at, id);
      CREATE INDEX dead_letter_state ON dead_letter (state, category);

      CREATE TABLE dead_letter_decision (
        seq       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        letter_id uuid NOT NULL REFERENCES dead_letter,
        decision  text NOT NULL CHECK (decision IN ('REPLAY', 'DISCARD')),
        forced    boolean NOT NULL,
        by        uuid,
        at        timestamptz NOT NULL
      );
      CREATE INDEX dead_letter_decision_letter ON dead_letter_decision (letter_id, seq);

      ALTER TABLE outbox ADD COLUMN first_taken_at timestamptz;
      """;

  /** By which {@link #givenUp} finds the letters with a key; in a migration after the tables'. */
  public static final String KEY_INDEX =
      """
      CREATE INDEX dead_letter_key ON dead_letter (key);
      """;

  /** Replays of one letter; then somebody has to force it, or it would go round for ever. */
  public static final int REPLAYS_MAX = 3;

  /** Letters of a category that one call replays, all in one transaction. */
  public static final int REPLAYED_AT_ONCE_MAX = 500;

  /** What became of a decision. */
  public enum Outcome {
    DONE,
    UNKNOWN,
    /** It has been decided upon already. */
    NOT_PARKED,
    /** It has been replayed {@link #REPLAYS_MAX} times. */
    REPLAYED_TOO_OFTEN,
    /** The outbox still has the message itself; a replay now would be lost with that. */
    STILL_UNDER_WAY
  }

  /**
   * Which letters are meant.
   *
   * @param category null for any
   * @param state null for any
   */
  public record Filter(FailureCategory category, State state) {
    public static final Filter ALL = new Filter(null, null);
  }

  /** Where a list goes on: behind the letter with this first attempt and id. */
  public record Position(Instant firstAt, UUID id) {}

  private final Database database;
  private final Outbox outbox;
  private final InstantSource clock;

  /**
   * Of one role.
   *
   * @param outbox in the same database
   */
  public DeadLetters(Database database, Outbox outbox, InstantSource clock) {
    this.database = database;
    this.outbox = outbox;
    this.clock = clock;
  }

  /**
   * In one transaction with the message's end in the outbox: a letter that can be seen can be
   * replayed, and a replay must not meet the message's old row there.
   */
  @Override
  public void park(Outbox.Taken taken, Throwable failure) {
    var message = new Bus.Message(taken.id(), taken.key(), taken.envelope(), taken.attempts());
    database.inTransaction(
        connection -> {
          park(connection, message, taken.firstTakenAt(), failure);
          try (var statement = connection.prepareStatement("DELETE FROM outbox WHERE id = ?")) {
            statement.setObject(1, taken.id());
            return statement.executeUpdate();
          }
        });
  }

  /**
   * Keeps a message that came over the bus and could never be done by this role. One that is parked
   * already is kept once, with its first attempt and its latest failure.
   */
  public void park(Bus.Message message, Instant firstAt, Throwable failure) {
    database.inTransaction(
        connection -> {
          park(connection, message, firstAt, failure);
          return null;
        });
  }

  private void park(Connection connection, Bus.Message message, Instant firstAt, Throwable failure)
      throws SQLException {
    DeadLetterRows.park(
        connection,
        database.name(),
        message,
        type(message.envelope()),
        firstAt,
        clock.instant(),
        failure);
  }

  private static String type(String envelope) {
    try {
      var tree = Json.tolerant().readTree(envelope);
      return tree == null ? "unreadable" : tree.path("type").asText("unreadable");
    } catch (JsonProcessingException e) {
      return "unreadable";
    }
  }

  @Override
  public List<DeadLetter> list(Filter filter, Optional<Position> after, int max) {
    return database.with(
        connection -> DeadLetterRows.list(connection, filter, after.orElse(null), max));
  }

  @Override
  public Optional<DeadLetter> find(UUID id) {
    return database.with(connection -> DeadLetterRows.find(connection, id));
  }

  @Override
  public List<Decision> decisions(UUID id) {
    return database.with(connection -> DeadLetterRows.decisions(connection, id));
  }

  /** Letters that wait for a decision. */
  public long count() {
    return database.with(DeadLetterRows::parked);
  }

  /**
   * Which of these are the operators' to decide about: a letter with the key is parked or
   * discarded, and names it. What was replayed is driven by its replay.
   *
   * @param keys of what is asked about; what is its own key need not be named
   * @param types of letters that count
   */
  public Set<UUID> givenUp(Map<UUID, UUID> keys, Set<String> types) {
    return keys.isEmpty()
        ? Set.of()
        : database.with(connection -> DeadLetterRows.givenUp(connection, keys, types));
  }

  /** Whose letters these are. */
  public String role() {
    return database.name();
  }

  @Override
  public Outcome replay(UUID id, UUID by, boolean forced) {
    var outcome =
        database.inTransaction(
            connection -> {
              var letter = DeadLetterRows.lock(connection, id);
              return letter.isEmpty()
                  ? Outcome.UNKNOWN
                  : replay(connection, letter.get(), by, forced);
            });
    outbox.committed();
    return outcome;
  }

  private Outcome replay(Connection connection, DeadLetter letter, UUID by, boolean forced)
      throws SQLException {
    if (letter.state() != State.PARKED) {
      return Outcome.NOT_PARKED;
    }
    if (letter.replays() >= REPLAYS_MAX && !forced) {
      return Outcome.REPLAYED_TOO_OFTEN;
    }
    if (isInOutbox(connection, letter.id())) {
      return Outcome.STILL_UNDER_WAY;
    }
    var now = clock.instant();
    DeadLetterRows.decide(connection, letter.id(), new Decision(Verdict.REPLAY, forced, by, now));
    outbox.append(
        connection, List.of(new Outbox.Entry(letter.id(), letter.key(), letter.envelope(), now)));
    return Outcome.DONE;
  }

  private static boolean isInOutbox(Connection connection, UUID id) throws SQLException {
    try (var statement = connection.prepareStatement("SELECT 1 FROM outbox WHERE id = ?")) {
      statement.setObject(1, id);
      try (var rows = statement.executeQuery()) {
        return rows.next();
      }
    }
  }

  @Override
  public int replayAll(FailureCategory category, UUID by) {
    return replay(category, null, by);
  }

  /**
   * Replays, without anybody's decision, what was parked because something was down.
   *
   * @param waited since it failed, at least; after one replay twice as long, and so on
   * @return how many, as above
   */
  public int replayOutages(Duration waited) {
    return replay(FailureCategory.DEPENDENCY_DOWN, waited, null);
  }

  private int replay(FailureCategory category, Duration waited, UUID by) {
    int replayed =
        database.inTransaction(
            connection -> {
              int done = 0;
              for (var letter :
                  DeadLetterRows.lockReplayable(
                      connection, category, waited, clock.instant(), REPLAYED_AT_ONCE_MAX)) {
                done += replay(connection, letter, by, false) == Outcome.DONE ? 1 : 0;
              }
              return done;
            });
    if (replayed > 0) {
      outbox.committed();
    }
    return replayed;
  }

  @Override
  public Outcome discard(UUID id, UUID by) {
    return database.inTransaction(
        connection -> {
          var letter = DeadLetterRows.lock(connection, id);
          if (letter.isEmpty()) {
            return Outcome.UNKNOWN;
          }
          if (letter.get().state() != State.PARKED) {
            return Outcome.NOT_PARKED;
          }
          var decision = new Decision(Verdict.DISCARD, false, by, clock.instant());
          DeadLetterRows.decide(connection, id, decision);
          return Outcome.DONE;
        });
  }
}
