package flashsale.users;

import flashsale.platform.persistence.Database;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.time.Instant;
import java.time.InstantSource;
import java.time.ZoneOffset;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;

/**
 * The end of sessions: when they end, and what is deleted afterwards. They begin in {@link
 * Openings} and go on in {@link Refreshes}. Thread-safe.
 */
final class Sessions {
  /** Why a session ended before its time. */
  enum EndReason {
    SIGNED_OUT,
    PASSWORD_CHANGED,
    REFRESH_REUSED
  }

  /** A session with its unused refresh token. */
  record Open(UUID sessionId, UUID userId, boolean operator, RefreshToken refreshToken) {}

  private final Database database;
  private final InstantSource clock;

  Sessions(Database database, InstantSource clock) {
    this.database = database;
    this.clock = clock;
  }

  /** Ends the session; nothing happens if it is over. */
  void end(UUID sessionId, EndReason reason) {
    database.with(
        connection -> {
          end(connection, sessionId, reason, now());
          return null;
        });
  }

  static void end(Connection connection, UUID sessionId, EndReason reason, Instant now)
      throws SQLException {
    var sql =
        """
        UPDATE sessions SET ends_at = ?, end_reason = ? WHERE session_id = ? AND ends_at > ?
        """;
    try (var statement = connection.prepareStatement(sql)) {
      statement.setObject(1, now.atOffset(ZoneOffset.UTC));
      statement.setString(2, reason.name());
      statement.setObject(3, sessionId);
      statement.setObject(4, now.atOffset(ZoneOffset.UTC));
      statement.executeUpdate();
    }
  }

  /** Ends every session of the user in the caller's transaction and tells which they were. */
  List<UUID> endAll(Connection connection, UUID userId, EndReason reason) throws SQLException {
    var sql =
        """
        UPDATE sessions SET ends_at = ?, end_reason = ?
        WHERE user_id = ? AND end_reason IS NULL AND ends_at > ?
        RETURNING session_id
        """;
    var now = now().atOffset(ZoneOffset.UTC);
    try (var statement = connection.prepareStatement(sql)) {
      statement.setObject(1, now);
      statement.setString(2, reason.name());
      statement.setObject(3, userId);
      statement.setObject(4, now);
      return ids(statement);
    }
  }

  /** Sessions that were ended before their time since this instant, the latest first. */
  List<UUID> endedSince(Instant since, int max) {
    var sql =
        """
        SELECT session_id FROM sessions WHERE ends_at >= ? AND end_reason IS NOT NULL
        ORDER BY ends_at DESC LIMIT ?
        """;
    return database.with(
        connection -> {
          try (var statement = connection.prepareStatement(sql)) {
            statement.setObject(1, since.atOffset(ZoneOffset.UTC));
            statement.setInt(2, max);
            return ids(statement);
          }
        });
  }

  /** Deletes sessions and tokens that were over before this instant, at most so many of each. */
  int purge(Instant before, int max) {
    var sql =
        """
        DELETE FROM sessions WHERE session_id IN (
          SELECT session_id FROM sessions WHERE ends_at < ? LIMIT ? FOR UPDATE SKIP LOCKED);
        DELETE FROM refresh_tokens WHERE token_hash IN (
          SELECT token_hash FROM refresh_tokens WHERE expires_at < ? LIMIT ?
          FOR UPDATE SKIP LOCKED)
        """;
    return database.inTransaction(
        connection -> {
          try (var statement = connection.prepareStatement(sql)) {
            statement.setObject(1, before.atOffset(ZoneOffset.UTC));
            statement.setInt(2, max);
            statement.setObject(3, before.atOffset(ZoneOffset.UTC));
            statement.setInt(4, max);
            statement.execute();
            int sessions = statement.getUpdateCount();
            statement.getMoreResults();
            return Math.max(sessions, statement.getUpdateCount());
          }
        });
  }

  private static List<UUID> ids(PreparedStatement query) throws SQLException {
    var ids = new ArrayList<UUID>();
    try (var rows = query.executeQuery()) {
      while (rows.next()) {
        ids.add(rows.getObject(1, UUID.class));
      }
    }
    return ids;
  }

  private Instant now() {
    return clock.instant().truncatedTo(ChronoUnit.MICROS);
  }
}
