package flashsale.users;

import flashsale.platform.batching.Coalescer;
import flashsale.platform.ids.Ids;
import flashsale.platform.persistence.Database;
import java.sql.Array;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.time.Duration;
import java.time.InstantSource;
import java.time.ZoneOffset;
import java.time.temporal.ChronoUnit;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.function.Function;

/**
 * How sessions begin. A flash sale begins with everybody signing in, so what has gathered is
 * written by one statement. Thread-safe.
 */
final class Openings implements AutoCloseable {
  /** A user who has shown the password with this version. */
  private record Wanted(
      UUID sessionId, UUID userId, int passwordVersion, RefreshToken refreshToken) {
    Sessions.Open opened(boolean operator) {
      return new Sessions.Open(sessionId, userId, operator, refreshToken);
    }
  }

  private final Database database;
  private final InstantSource clock;
  private final Duration ttl;
  private final Duration timeout;
  private final Coalescer<Wanted, Optional<Sessions.Open>> waiting;

  Openings(Database database, InstantSource clock, UsersSettings settings) {
    this.database = database;
    this.clock = clock;
    this.ttl = settings.refreshTtl();
    this.timeout = settings.opening().timeout();
    this.waiting =
        new Coalescer<>(
            "sessions",
            settings.opening().batchMax(),
            settings.opening().waitingMax(),
            this::open,
            (size, nanos, failed) -> {});
  }

  /**
   * Opens a session, unless the user's password is another one by now.
   *
   * @throws flashsale.platform.batching.Overloaded if too many wait
   * @throws flashsale.platform.batching.Late if it takes too long
   */
  Optional<Sessions.Open> open(UUID userId, int passwordVersion) {
    return waiting.submit(
        new Wanted(Ids.next(), userId, passwordVersion, RefreshToken.next()), timeout);
  }

  private List<Optional<Sessions.Open>> open(List<Wanted> batch) {
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
              try (var statement = connection.prepareStatement(sql)) {
                fill(connection, statement, batch);
                return operators(statement);
              }
            });
    return batch.stream()
        .map(wanted -> Optional.ofNullable(operators.get(wanted.sessionId())).map(wanted::opened))
        .toList();
  }

  private void fill(Connection connection, PreparedStatement statement, List<Wanted> batch)
      throws SQLException {
    var now = clock.instant().truncatedTo(ChronoUnit.MICROS).atOffset(ZoneOffset.UTC);
    var hashes = batch.stream().map(w -> w.refreshToken().hash()).toArray(byte[][]::new);
    statement.setArray(1, array(connection, "uuid", batch, Wanted::sessionId));
    statement.setArray(2, array(connection, "uuid", batch, Wanted::userId));
    statement.setArray(3, array(connection, "int4", batch, Wanted::passwordVersion));
    statement.setArray(4, connection.createArrayOf("bytea", hashes));
    statement.setObject(5, now);
    statement.setObject(6, now.plus(ttl));
    statement.setObject(7, now.plus(ttl));
  }

  private static Array array(
      Connection connection, String type, List<Wanted> batch, Function<Wanted, ?> column)
      throws SQLException {
    return connection.createArrayOf(type, batch.stream().map(column).toArray());
  }

  /** For each session that was opened, whether its user is an operator. */
  private static Map<UUID, Boolean> operators(PreparedStatement statement) throws SQLException {
    Map<UUID, Boolean> operators = new HashMap<>();
    try (var rows = statement.executeQuery()) {
      while (rows.next()) {
        operators.put(rows.getObject(1, UUID.class), rows.getBoolean(2));
      }
    }
    return operators;
  }

  /** Sign-ins waiting to be written. */
  int waiting() {
    return waiting.waiting();
  }

  @Override
  public void close() {
    waiting.close();
  }
}
