package flashsale.platform.messaging;

import flashsale.platform.messaging.DeadLetter.Decision;
import flashsale.platform.messaging.DeadLetter.Verdict;
import flashsale.platform.messaging.DeadLetters.Filter;
import flashsale.platform.messaging.DeadLetters.Position;
import flashsale.platform.persistence.Columns;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;

/** The statements on the tables of {@link DeadLetters#TABLE}, each in the caller's transaction. */
final class DeadLetterRows {
  private static final int TYPE_MAX_CHARS = 100;
  private static final Instant FAR = Instant.parse("9999-01-01T00:00:00Z");

  /**
   * One look into the index for each key. The state is said by what it is not, so that the index on
   * it cannot be used: nearly all letters have such a state.
   */
  static final String GIVEN_UP =
      """
      SELECT asked.id FROM (SELECT unnest(?::uuid[]) AS id, unnest(?::uuid[]) AS key) AS asked
      WHERE EXISTS (SELECT FROM dead_letter letter
                    WHERE letter.key = asked.key AND letter.state <> 'REPLAYED'
                      AND letter.type = ANY (?)
                      AND (asked.id = asked.key
                           OR position(asked.id::text IN letter.envelope) > 0))
      """;

  private DeadLetterRows() {}

  /**
   * Parks a message. After a replay the outbox counts from one again, so the attempts add up; a
   * letter that is still parked was only told twice.
   *
   * @param role whose letter it is
   * @param lastAt when it failed for the last time
   */
  static void park(
      Connection connection,
      String role,
      Bus.Message message,
      String type,
      Instant firstAt,
      Instant lastAt,
      Throwable failure)
      throws SQLException {
    var text = FailureText.of(failure);
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
      statement.setObject(1, message.id());
      statement.setString(2, role);
      statement.setObject(3, message.key());
      statement.setString(4, FailureText.kept(type, TYPE_MAX_CHARS));
      statement.setString(5, message.envelope());
      statement.setString(6, FailureCategory.of(failure).name());
      statement.setString(7, text.reason());
      statement.setString(8, text.stack());
      statement.setInt(9, message.attempts());
      time(statement, 10, firstAt);
      time(statement, 11, lastAt);
      statement.executeUpdate();
    }
  }

  /** See {@link DeadLetters#list}. */
  static List<DeadLetter> list(Connection connection, Filter filter, Position after, int max)
      throws SQLException {
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
      time(statement, 5, after == null ? FAR : after.firstAt());
      statement.setObject(6, after == null ? new UUID(-1, -1) : after.id());
      statement.setInt(7, max);
      return letters(statement);
    }
  }

  static Optional<DeadLetter> find(Connection connection, UUID id) throws SQLException {
    return find(connection, id, "");
  }

  /** Nobody else decides about it until the transaction ends. */
  static Optional<DeadLetter> lock(Connection connection, UUID id) throws SQLException {
    return find(connection, id, " FOR UPDATE");
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

  /**
   * Locks the parked letters of a category that the loop guard lets through, the earliest first.
   *
   * @param waited how long they have been parked at least, doubling with each replay before; null
   *     for all of them
   */
  static List<DeadLetter> lockReplayable(
      Connection connection, FailureCategory category, Duration waited, Instant now, int max)
      throws SQLException {
    try (var statement =
        connection.prepareStatement(
            "SELECT "
                + DeadLetter.COLUMNS
                + """
                 FROM dead_letter
                WHERE state = 'PARKED' AND category = ? AND replays < ?
                  AND last_at + (1 << replays) * ? * interval '1 millisecond' <= ?
                ORDER BY first_at, id LIMIT ? FOR UPDATE
                """)) {
      statement.setString(1, category.name());
      statement.setInt(2, DeadLetters.REPLAYS_MAX);
      statement.setLong(3, waited == null ? 0 : waited.toMillis());
      time(statement, 4, waited == null ? FAR : now);
      statement.setInt(5, max);
      return letters(statement);
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
  static List<Decision> decisions(Connection connection, UUID id) throws SQLException {
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
  }

  /** Writes a decision to the letter and to the trail. */
  static void decide(Connection connection, UUID id, Decision decision) throws SQLException {
    try (var statement =
        connection.prepareStatement(
            """
            WITH decided AS (
              UPDATE dead_letter SET state = ?, replays = replays + ?, decided_by = ?, decided_at = ?
              WHERE id = ? RETURNING id, decided_by, decided_at)
            INSERT INTO dead_letter_decision (letter_id, decision, forced, by, at)
            SELECT id, ?, ?, decided_by, decided_at FROM decided
            """)) {
      statement.setString(1, decision.decision().state().name());
      statement.setInt(2, decision.decision() == Verdict.REPLAY ? 1 : 0);
      statement.setObject(3, decision.by());
      time(statement, 4, decision.at());
      statement.setObject(5, id);
      statement.setString(6, decision.decision().name());
      statement.setBoolean(7, decision.forced());
      statement.executeUpdate();
    }
  }

  /** Letters that wait for a decision. */
  static long parked(Connection connection) throws SQLException {
    try (var statement =
            connection.prepareStatement("SELECT count(*) FROM dead_letter WHERE state = 'PARKED'");
        var rows = statement.executeQuery()) {
      rows.next();
      return rows.getLong(1);
    }
  }

  /** See {@link DeadLetters#givenUp}. */
  static Set<UUID> givenUp(Connection connection, Map<UUID, UUID> keys, Set<String> types)
      throws SQLException {
    try (var statement = connection.prepareStatement(GIVEN_UP)) {
      new Columns<>(statement, 1, keys.entrySet())
          .uuids(Map.Entry::getKey)
          .uuids(Map.Entry::getValue);
      statement.setArray(3, connection.createArrayOf("text", types.toArray()));
      var givenUp = new HashSet<UUID>();
      try (var rows = statement.executeQuery()) {
        while (rows.next()) {
          givenUp.add(rows.getObject(1, UUID.class));
        }
      }
      return givenUp;
    }
  }

  private static void time(PreparedStatement statement, int parameter, Instant time)
      throws SQLException {
    statement.setObject(parameter, time.atOffset(ZoneOffset.UTC));
  }
}
