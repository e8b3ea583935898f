package flashsale.acceptance;

import static org.awaitility.Awaitility.await;

import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.util.UUID;

/** Rows of a role's database that the test has locked, so that the role's step hangs on them. */
final class HeldLock implements AutoCloseable {
  private static final Duration BLOCKED_MAX = Duration.ofSeconds(30);

  private final Sql sql;
  private final Connection connection;
  private final long pid;

  private HeldLock(Sql sql, Connection connection, long pid) {
    this.sql = sql;
    this.connection = connection;
    this.pid = pid;
  }

  /** Locks the stock of an offer, which every batch of the ledger that touches it has to have. */
  static HeldLock onStock(TestShop shop, String offerId) {
    var sql = shop.sql("inventory");
    try {
      var connection = sql.connect();
      connection.setAutoCommit(false);
      try (var statement =
          connection.prepareStatement(
              "SELECT pg_backend_pid() FROM stock WHERE offer_id = ? FOR UPDATE")) {
        statement.setObject(1, UUID.fromString(offerId));
        try (var rows = statement.executeQuery()) {
          rows.next();
          return new HeldLock(sql, connection, rows.getLong(1));
        }
      }
    } catch (SQLException e) {
      throw new IllegalStateException(e);
    }
  }

  /** Returns when somebody waits for the lock. */
  void awaitBlocked() {
    await()
        .atMost(BLOCKED_MAX)
        .pollInterval(Duration.ofMillis(20))
        .until(
            () ->
                sql.number(
                        "SELECT count(*) FROM pg_stat_activity WHERE ? = ANY (pg_blocking_pids(pid))",
                        (int) pid)
                    > 0);
  }

  /** Changes what is locked; whoever waits for it sees that, and nobody before. */
  void update(String text, Object... values) {
    try (var statement = connection.prepareStatement(text)) {
      for (int i = 0; i < values.length; i++) {
        statement.setObject(i + 1, values[i]);
      }
      statement.executeUpdate();
    } catch (SQLException e) {
      throw new IllegalStateException(text, e);
    }
  }

  /** Commits and lets the others go on, once. */
  @Override
  public void close() {
    try (connection) {
      if (!connection.isClosed()) {
        connection.commit();
      }
    } catch (SQLException e) {
      throw new IllegalStateException(e);
    }
  }
}
