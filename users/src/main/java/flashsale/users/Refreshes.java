package flashsale.users;

import flashsale.platform.persistence.Database;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.time.temporal.ChronoUnit;
import java.util.Optional;
import java.util.UUID;

/**
 * How sessions go on: the table {@code refresh_tokens}. A session has one unused refresh token, and
 * using it gives the next one. A used one that turns up again means that two parties have it, one
 * of whom stole it, so it ends the session (RFC 9700, 4.14.2). That also holds for two uses at the
 * same moment: one of them succeeds, the other one ends what it got. Thread-safe.
 */
final class Refreshes {
  /** What became of a refresh. */
  sealed interface Outcome {
    /** The session goes on with the next token. */
    record Rotated(Sessions.Open session) implements Outcome {}

    /** The token is not known, has expired, or its session is over. */
    record Invalid() implements Outcome {}

    /** The token had been used before: the session was ended. */
    record Reused(UUID sessionId) implements Outcome {}
  }

  /** What the database knows of a presented token. */
  private record Presented(
      UUID sessionId,
      UUID userId,
      boolean operator,
      Instant endsAt,
      Instant expiresAt,
      boolean used) {}

  private final Database database;
  private final InstantSource clock;
  private final Duration ttl;

  Refreshes(Database database, InstantSource clock, Duration ttl) {
    this.database = database;
    this.clock = clock;
    this.ttl = ttl;
  }

  /** Uses the token up and gives the next one; of several uses at once one succeeds at most. */
  Outcome refresh(RefreshToken token) {
    return database.inTransaction(
        connection -> {
          var now = clock.instant().truncatedTo(ChronoUnit.MICROS);
          var found = present(connection, token);
          if (found.isEmpty()) {
            return new Outcome.Invalid();
          }
          var presented = found.get();
          if (!now.isBefore(presented.endsAt()) || !now.isBefore(presented.expiresAt())) {
            return new Outcome.Invalid();
          }
          if (presented.used()) {
            Sessions.end(connection, presented.sessionId(), Sessions.EndReason.REFRESH_REUSED, now);
            return new Outcome.Reused(presented.sessionId());
          }
          return new Outcome.Rotated(rotate(connection, token, presented, now));
        });
  }

  /**
   * Locks the token's session, then looks at the token with a new snapshot, so that what another
   * refresh of this session did before is seen.
   */
  private static Optional<Presented> present(Connection connection, RefreshToken token)
      throws SQLException {
    var sql =
        """
        SELECT session_id FROM sessions
        WHERE session_id = (SELECT session_id FROM refresh_tokens WHERE token_hash = ?)
        FOR NO KEY UPDATE;
        SELECT s.session_id, s.user_id, u.operator, s.ends_at, t.expires_at,
               t.used_at IS NOT NULL
        FROM refresh_tokens t JOIN sessions s USING (session_id) JOIN users u USING (user_id)
        WHERE t.token_hash = ?
        """;
    try (var statement = connection.prepareStatement(sql)) {
      var hash = token.hash();
      statement.setBytes(1, hash);
      statement.setBytes(2, hash);
      statement.execute();
      statement.getMoreResults();
      try (var row = statement.getResultSet()) {
        return row.next()
            ? Optional.of(
                new Presented(
                    row.getObject(1, UUID.class),
                    row.getObject(2, UUID.class),
                    row.getBoolean(3),
                    row.getObject(4, OffsetDateTime.class).toInstant(),
                    row.getObject(5, OffsetDateTime.class).toInstant(),
                    row.getBoolean(6)))
            : Optional.empty();
      }
    }
  }

  private Sessions.Open rotate(
      Connection connection, RefreshToken token, Presented presented, Instant now)
      throws SQLException {
    var sql =
        """
        UPDATE refresh_tokens SET used_at = ? WHERE token_hash = ?;
        INSERT INTO refresh_tokens (token_hash, session_id, expires_at) VALUES (?, ?, ?);
        UPDATE sessions SET ends_at = ? WHERE session_id = ?
        """;
    var next = RefreshToken.next();
    try (var statement = connection.prepareStatement(sql)) {
      statement.setObject(1, now.atOffset(ZoneOffset.UTC));
      statement.setBytes(2, token.hash());
      statement.setBytes(3, next.hash());
      statement.setObject(4, presented.sessionId());
      statement.setObject(5, now.plus(ttl).atOffset(ZoneOffset.UTC));
      statement.setObject(6, now.plus(ttl).atOffset(ZoneOffset.UTC));
      statement.setObject(7, presented.sessionId());
      statement.execute();
    }
    return new Sessions.Open(presented.sessionId(), presented.userId(), presented.operator(), next);
  }
}
