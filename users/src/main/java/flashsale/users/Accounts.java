package flashsale.users;

import flashsale.platform.persistence.Database;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.Optional;
import java.util.UUID;

/** The table {@code users}. Thread-safe. */
final class Accounts {
  /** What a sign-in is checked against. */
  record Credentials(UUID userId, String passwordHash, int passwordVersion) {}

  private final Database database;

  Accounts(Database database) {
    this.database = database;
  }

  Optional<User> find(UUID userId) {
    return one(
        """
        SELECT user_id, email, display_name, operator FROM users WHERE user_id = ?
        """,
        userId,
        row ->
            new User(
                row.getObject(1, UUID.class),
                row.getString(2),
                row.getString(3),
                row.getBoolean(4)));
  }

  Optional<Credentials> credentials(Email email) {
    return one(
        """
        SELECT user_id, password_hash, password_version FROM users WHERE lower(email) = ?
        """,
        email.key(),
        Accounts::credentials);
  }

  Optional<Credentials> credentials(UUID userId) {
    return one(
        """
        SELECT user_id, password_hash, password_version FROM users WHERE user_id = ?
        """,
        userId,
        Accounts::credentials);
  }

  /** Adds the account with password version 1, unless the address has one already. */
  boolean add(User user, String passwordHash, Instant now) {
    var sql =
        """
        INSERT INTO users
          (user_id, email, display_name, operator, password_hash, password_version, created_at)
        VALUES (?, ?, ?, ?, ?, 1, ?)
        ON CONFLICT (lower(email)) DO NOTHING
        """;
    return database.with(
        connection -> {
          try (var statement = connection.prepareStatement(sql)) {
            statement.setObject(1, user.userId());
            statement.setString(2, user.email());
            statement.setString(3, user.displayName());
            statement.setBoolean(4, user.operator());
            statement.setString(5, passwordHash);
            statement.setObject(6, now.atOffset(ZoneOffset.UTC));
            return statement.executeUpdate() == 1;
          }
        });
  }

  /** Replaces this very password by the next one; false if it had been replaced already. */
  static boolean setPassword(Connection connection, Credentials old, String newHash)
      throws SQLException {
    var sql =
        """
        UPDATE users SET password_hash = ?, password_version = password_version + 1
        WHERE user_id = ? AND password_version = ?
        """;
    try (var statement = connection.prepareStatement(sql)) {
      statement.setString(1, newHash);
      statement.setObject(2, old.userId());
      statement.setInt(3, old.passwordVersion());
      return statement.executeUpdate() == 1;
    }
  }

  /** Stores another hash of the same password, unless that was changed meanwhile. */
  void rehash(Credentials old, String newHash) {
    var sql = "UPDATE users SET password_hash = ? WHERE user_id = ? AND password_hash = ?";
    database.with(
        connection -> {
          try (var statement = connection.prepareStatement(sql)) {
            statement.setString(1, newHash);
            statement.setObject(2, old.userId());
            statement.setString(3, old.passwordHash());
            return statement.executeUpdate();
          }
        });
  }

  private static Credentials credentials(ResultSet row) throws SQLException {
    return new Credentials(row.getObject(1, UUID.class), row.getString(2), row.getInt(3));
  }

  private interface Reading<T> {
    T of(ResultSet row) throws SQLException;
  }

  private <T> Optional<T> one(String sql, Object key, Reading<T> reading) {
    return database.with(
        connection -> {
          try (var statement = connection.prepareStatement(sql)) {
            statement.setObject(1, key);
            try (var rows = statement.executeQuery()) {
              return rows.next() ? Optional.of(reading.of(rows)) : Optional.empty();
            }
          }
        });
  }
}
