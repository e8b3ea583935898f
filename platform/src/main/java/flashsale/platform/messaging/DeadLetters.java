package flashsale.platform.messaging;

import com.fasterxml.jackson.core.JsonProcessingException;
import flashsale.platform.json.Json;
import flashsale.platform.messaging.DeadLetter.Decision;
import flashsale.platform.messaging.DeadLetter.State;
import flashsale.platform.messaging.DeadLetter.Verdict;
import flashsale.platform.persistence.Database;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.time.Instant;
import java.time.InstantSource;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.UUID;

/**
 * Messages of one role that could not be driven to their end, kept for an operator to decide upon:
 * replayed, which puts them back into the role's own {@link Outbox}, or discarded. Needs the tables
 * of {@link #TABLE}. Nothing is ever deleted here: the rows are the trail of who did what.
 * Thread-safe.
 */
public final class DeadLetters implements Relay.Parking {
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

  /** Replays of one letter; then somebody has to force it, or it would go round for ever. */
  public static final int REPLAYS_MAX = 3;

  /** Letters of a category that one call replays, all in one transaction. */
  public static final int REPLAYED_AT_ONCE_MAX = 500;

  private static final int TYPE_MAX_CHARS = 100;

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
  public void park(Outbox.Taken message, Throwable failure) {
    database.inTransaction(
        connection -> {
          insert(
              connection,
              database.name(),
              message.id(),
              message.key(),
              type(message.envelope()),
              message.envelope(),
              message.attempts(),
              message.firstTakenAt(),
              failure);
          try (var statement = connection.prepareStatement("DELETE FROM outbox WHERE id = ?")) {
            statement.setObject(1, message.id());
            return statement.executeUpdate();
          }
        });
  }

  /**
   * Keeps a message that came some other way. One that is parked already is kept once, with its
   * first attempt and its latest failure.
   */
  public void park(
      String queue,
      UUID id,
      UUID key,
      String type,
      String envelope,
      int attempts,
      Instant firstAt,
      Throwable failure) {
    database.inTransaction(
        connection -> {
          insert(connection, queue, id, key, type, envelope, attempts, firstAt, failure);
          return null;
        });
  }

  /** Keeps a message that came over the bus and could never be done by this role. */
  public void park(Bus.Message message, Instant firstAt, Throwable failure) {
    park(
        database.name(),
        message.id(),
        message.key(),
        type(message.envelope()),
        message.envelope(),
        message.attempts(),
        firstAt,
        failure);
  }

  private void insert(
      Connection connection,
      String queue,
      UUID id,
      UUID key,
      String type,
      String envelope,
      int attempts,
      Instant firstAt,
      Throwable failure)
      throws SQLException {
    var text = FailureText.of(failure);
    // After a replay the outbox counts from one again, so the attempts add up; a letter that is
    // still parked was only told twice.
    try (var statement =
        connection.prepareStatement(
            """
            INSERT INTO dead_letter AS old (id, role, key, type, envelope, category, reason, stack,
                                            attempts, first_at, last_at, state)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'PARKED')
            ON CONFLICT (id) DO UPDATE SET
              category = excluded.category, reason = excluded.reason, stack = excluded.stack,
              attempts = CASE old.state WHEN 'PARKED' THEN greatest(old.attempts, excluded.attempts)
                                        ELSE old.attempts + excluded.attempts END,
              last_at = greatest(old.last_at, excluded.last_at), state = 'PARKED'
            """)) {
      statement.setObject(1, id);
      statement.setString(2, queue);
      statement.setObject(3, key);
      statement.setString(4, FailureText.kept(type, TYPE_MAX_CHARS));
      statement.setString(5, envelope);
      statement.setString(6, FailureCategory.of(failure).name());
      statement.setString(7, text.reason());
      statement.setString(8, text.stack());
      statement.setInt(9, attempts);
      time(statement, 10, firstAt);
      time(statement, 11, clock.instant());
      statement.executeUpdate();
    }
  }

  private static String type(String envelope) {
    try {
      var tree = Json.tolerant().readTree(envelope);
      return tree == null ? "unreadable" : tree.path("type").asText("unreadable");
    } catch (JsonProcessingException e) {
      return "unreadable";
    }
  }

  /**
   * The letters in question, the latest first.
   *
   * @param after null for the first page
   */
  public List<DeadLetter> list(Filter filter, Position after, int max) {
    return database.with(
        connection -> {
          try (var statement =
              connection.prepareStatement(
                  "SELECT "
                      + DeadLetter.COLUMNS
                      + """
                       FROM dead_letter
                      WHERE (?::text IS NULL OR category = ?) AND (?::text IS NULL OR state = ?)
                        AND (first_at, id) < (?, ?)
                      ORDER BY first_at DESC, id DESC LIMIT ?
                      """)) {
            var category = filter.category() == null ? null : filter.category().name();
            var state = filter.state() == null ? null : filter.state().name();
            statement.setString(1, category);
            statement.setString(2, category);
            statement.setString(3, state);
            statement.setString(4, state);
            time(
                statement,
                5,
                after == null ? Instant.parse("9999-01-01T00:00:00Z") : after.firstAt());
            statement.setObject(6, after == null ? new UUID(-1, -1) : after.id());
            statement.setInt(7, max);
            return letters(statement);
          }
        });
  }

  public Optional<DeadLetter> find(UUID id) {
    return database.with(connection -> find(connection, id, ""));
  }

  private static Optional<DeadLetter> find(Connection connection, UUID id, String lock)
      throws SQLException {
    try (var statement =
        connection.prepareStatement(
            "SELECT " + DeadLetter.COLUMNS + " FROM dead_letter WHERE id = ?" + lock)) {
      statement.setObject(1, id);
      return letters(statement).stream().findFirst();
    }
  }

  private static List<DeadLetter> letters(PreparedStatement statement) throws SQLException {
    var letters = new ArrayList<DeadLetter>();
    try (var rows = statement.executeQuery()) {
      while (rows.next()) {
        letters.add(DeadLetter.read(rows));
      }
    }
    return letters;
  }

  /** Who decided what about a letter, the earliest first. */
  public List<Decision> decisions(UUID id) {
    return database.with(
        connection -> {
          try (var statement =
              connection.prepareStatement(
                  """
                  SELECT decision, forced, by, at FROM dead_letter_decision
                  WHERE letter_id = ? ORDER BY seq
                  """)) {
            statement.setObject(1, id);
            var decisions = new ArrayList<Decision>();
            try (var rows = statement.executeQuery()) {
              while (rows.next()) {
                decisions.add(
                    new Decision(
                        Verdict.valueOf(rows.getString(1)),
                        rows.getBoolean(2),
                        rows.getObject(3, UUID.class),
                        DeadLetter.instant(rows, 4)));
              }
            }
            return decisions;
          }
        });
  }

  /**
   * Puts a parked letter back into the role's outbox, as if it had never been tried.
   *
   * @param by the operator; null if nobody was asked
   * @param forced in spite of the loop guard
   */
  public Outcome replay(UUID id, UUID by, boolean forced) {
    var outcome =
        database.inTransaction(
            connection -> {
              var letter = find(connection, id, " FOR UPDATE");
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
    decide(connection, letter.id(), Verdict.REPLAY, by, forced);
    outbox.append(
        connection,
        List.of(new Outbox.Entry(letter.id(), letter.key(), letter.envelope(), clock.instant())));
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

  /**
   * The same for the parked letters of a category, the earliest first, without those that the loop
   * guard holds.
   *
   * @return how many; if {@link #REPLAYED_AT_ONCE_MAX} there may be more
   */
  public int replay(FailureCategory category, UUID by) {
    int replayed =
        database.inTransaction(
            connection -> {
              int done = 0;
              for (var letter : replayable(connection, category)) {
                done += replay(connection, letter, by, false) == Outcome.DONE ? 1 : 0;
              }
              return done;
            });
    outbox.committed();
    return replayed;
  }

  private static List<DeadLetter> replayable(Connection connection, FailureCategory category)
      throws SQLException {
    try (var statement =
        connection.prepareStatement(
            "SELECT "
                + DeadLetter.COLUMNS
                + """
                 FROM dead_letter
                WHERE state = 'PARKED' AND category = ? AND replays < ?
                ORDER BY first_at, id LIMIT ? FOR UPDATE
                """)) {
      statement.setString(1, category.name());
      statement.setInt(2, REPLAYS_MAX);
      statement.setInt(3, REPLAYED_AT_ONCE_MAX);
      return letters(statement);
    }
  }

  /** Nobody will drive this letter on; it stays to be looked at. */
  public Outcome discard(UUID id, UUID by) {
    return database.inTransaction(
        connection -> {
          var letter = find(connection, id, " FOR UPDATE");
          if (letter.isEmpty()) {
            return Outcome.UNKNOWN;
          }
          if (letter.get().state() != State.PARKED) {
            return Outcome.NOT_PARKED;
          }
          decide(connection, id, Verdict.DISCARD, by, false);
          return Outcome.DONE;
        });
  }

  private void decide(Connection connection, UUID id, Verdict verdict, UUID by, boolean forced)
      throws SQLException {
    try (var statement =
        connection.prepareStatement(
            """
            WITH decided AS (
              UPDATE dead_letter SET state = ?, replays = replays + ?, decided_by = ?, decided_at = ?
              WHERE id = ? RETURNING id, decided_by, decided_at)
            INSERT INTO dead_letter_decision (letter_id, decision, forced, by, at)
            SELECT id, ?, ?, decided_by, decided_at FROM decided
            """)) {
      statement.setString(1, verdict.state().name());
      statement.setInt(2, verdict == Verdict.REPLAY ? 1 : 0);
      statement.setObject(3, by);
      time(statement, 4, clock.instant());
      statement.setObject(5, id);
      statement.setString(6, verdict.name());
      statement.setBoolean(7, forced);
      statement.executeUpdate();
    }
  }

  /** Letters that wait for a decision. */
  public long count() {
    return database.with(
        connection -> {
          try (var statement =
                  connection.prepareStatement(
                      "SELECT count(*) FROM dead_letter WHERE state = 'PARKED'");
              var rows = statement.executeQuery()) {
            rows.next();
            return rows.getLong(1);
          }
        });
  }

  private static void time(PreparedStatement statement, int parameter, Instant time)
      throws SQLException {
    statement.setObject(parameter, time.atOffset(ZoneOffset.UTC));
  }
}
