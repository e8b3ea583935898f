package flashsale.users;

import flashsale.platform.batching.Coalescer;
import flashsale.platform.ids.Ids;
import flashsale.platform.persistence.Database;
import java.sql.Array;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.time.ZoneOffset;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.function.Function;

/**
 * Sign-ins: the table {@code sessions}. Opening one is coalesced, because a flash sale begins with
 * everybody signing in. How a session goes on: {@link Refreshes}. Thread-safe.
 */
final class Sessions implements AutoCloseable {
  /** Why a session ended before its time. */
  enum EndReason {
    SIGNED_OUT,
    PASSWORD_CHANGED,
    REFRESH_REUSED
  }

  /** A session with its unused refresh token. */
  record Open(UUID sessionId, UUID userId, boolean operator, RefreshToken refreshToken) {}

  private record Wanted(
      UUID sessionId, UUID userId, int passwordVersion, RefreshToken refreshToken) {}

  private final Database database;
  private final InstantSource clock;
  private final Duration ttl;
  private final Duration openTimeout;
  private final Coalescer<Wanted, Optional<Open>> opening;

  Sessions(Database database, InstantSource clock, UsersSettings settings) {
    this.database = database;
    this.clock = clock;
    this.ttl = settings.refreshTtl();
    this.openTimeout = settings.opening().timeout();
    this.opening =
        new Coalescer<>(
            "sessions",
            settings.opening().batchMax(),
            settings.opening().waitingMax(),
            this::open,
            (size, nanos, failed) -> {});
  }

  /** Opens a session, unless the user's password is another one by now. */
  Optional<Open> open(UUID userId, int passwordVersion) {
    return opening.submit(
        new Wanted(Ids.next(), userId, passwordVersion, RefreshToken.next()), openTimeout);
  }

  private List<Optional<Open>> open(List<Wanted> batch) {
    // FOR SHARE waits for a change of the password under way and looks at the version again.
    var sql =
        """
        WITH wanted AS (
          SELECT * FROM unnest(?::uuid[], ?::uuid[], ?::int[], ?::bytea[])
            AS w (session_id, user_id, password_version, token_hash)
        ), valid AS MATERIALIZED (
          SELECT w.session_id, w.token_hash, u.user_id, u.operator
          FROM wanted w
          JOIN users u ON u.user_id = w.user_id AND u.password_version = w.password_version
          FOR SHARE OF u
        ), opened AS (
          INSERT INTO sessions (session_id, user_id, opened_at, ends_at)
          SELECT session_id, user_id, ?, ? FROM valid
        ), tokens AS (
          INSERT INTO refresh_tokens (token_hash, session_id, expires_at)
          SELECT token_hash, session_id, ? FROM valid
        )
        SELECT session_id, operator FROM valid
        """;
    var operators =
        database.with(
            connection -> {
              var now = now();
              try (var statement = connection.prepareStatement(sql)) {
                statement.setArray(1, array(connection, "uuid", batch, Wanted::sessionId));
                statement.setArray(2, array(connection, "uuid", batch, Wanted::userId));
                statement.setArray(3, array(connection, "int4", batch, Wanted::passwordVersion));
                statement.setArray(4, connection.createArrayOf("bytea", hashes(batch)));
                statement.setObject(5, now.atOffset(ZoneOffset.UTC));
                statement.setObject(6, now.plus(ttl).atOffset(ZoneOffset.UTC));
                statement.setObject(7, now.plus(ttl).atOffset(ZoneOffset.UTC));
                Map<UUID, Boolean> opened = new HashMap<>();
                try (var rows = statement.executeQuery()) {
                  while (rows.next()) {
                    opened.put(rows.getObject(1, UUID.class), rows.getBoolean(2));
                  }
                }
                return opened;
              }
            });
    return batch.stream()
        .map(
            w ->
                Optional.ofNullable(operators.get(w.sessionId()))
                    .map(
                        operator ->
                            new Open(w.sessionId(), w.userId(), operator, w.refreshToken())))
        .toList();
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

  private static <T> Array array(
      Connection connection, String type, List<T> batch, Function<T, ?> column)
      throws SQLException {
    return connection.createArrayOf(type, batch.stream().map(column).toArray());
  }

  private static byte[][] hashes(List<Wanted> batch) {
    return batch.stream().map(w -> w.refreshToken().hash()).toArray(byte[][]::new);
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

  /** Sign-ins waiting to be written. */
  int waiting() {
    return opening.waiting();
  }

  @Override
  public void close() {
    opening.close();
  }

  private Instant now() {
    return clock.instant().truncatedTo(ChronoUnit.MICROS);
  }
}
