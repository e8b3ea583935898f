package flashsale.payments;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Set;
import java.util.UUID;

/**
 * The statements on the table of strays: charges that a gateway made although it had promised that
 * there would be none. The payment is DECLINED and stays so, because its order may have been paid
 * otherwise since; the money is given back. Stateless.
 */
final class StrayTable {
  private StrayTable() {}

  /** Notes a stray to be given back at once; false if it is noted already. */
  static boolean insert(Connection connection, Settlement.Captured stray, Instant now)
      throws SQLException {
    try (var statement =
        connection.prepareStatement(
            """
            INSERT INTO stray (payment_id, gateway_reference, noticed_at, next_look_at)
            VALUES (?, ?, ?, ?)
            ON CONFLICT DO NOTHING
            """)) {
      var at = now.atOffset(ZoneOffset.UTC);
      statement.setObject(1, stray.paymentId());
      statement.setString(2, stray.reference());
      statement.setObject(3, at);
      statement.setObject(4, at);
      return statement.executeUpdate() == 1;
    }
  }

  /** Takes strays whose time has come; see {@link PaymentTable#takeDue}. */
  static List<UUID> takeDue(
      Connection connection,
      Instant now,
      Duration lease,
      Duration backoffFirst,
      Duration backoffMax,
      int max)
      throws SQLException {
    try (var statement =
        connection.prepareStatement(
            """
            UPDATE stray
            SET attempts = attempts + 1,
                next_look_at = ?::timestamptz + ? * interval '1 ms'
                  + random() * least(?, ? * power(2, least(attempts, 20))) * interval '1 ms'
            WHERE payment_id IN (SELECT payment_id FROM stray
                                 WHERE next_look_at <= ?
                                 ORDER BY next_look_at LIMIT ? FOR UPDATE SKIP LOCKED)
            RETURNING payment_id
            """)) {
      var at = now.atOffset(ZoneOffset.UTC);
      statement.setObject(1, at);
      statement.setLong(2, lease.toMillis());
      statement.setLong(3, backoffMax.toMillis());
      statement.setLong(4, backoffFirst.toMillis());
      statement.setObject(5, at);
      statement.setInt(6, max);
      return ids(statement);
    }
  }

  /** Their money went back; how many were waiting for that. */
  static int refunded(Connection connection, Collection<UUID> paymentIds, Instant now)
      throws SQLException {
    try (var statement =
        connection.prepareStatement(
            """
            UPDATE stray SET refunded_at = ?, next_look_at = NULL
            WHERE payment_id = ANY (?) AND refunded_at IS NULL
            """)) {
      statement.setObject(1, now.atOffset(ZoneOffset.UTC));
      statement.setArray(2, connection.createArrayOf("uuid", paymentIds.toArray()));
      return statement.executeUpdate();
    }
  }

  /** Those of these payments whose stray money has not gone back yet. */
  static Set<UUID> out(Connection connection, Collection<UUID> paymentIds) throws SQLException {
    try (var statement =
        connection.prepareStatement(
            "SELECT payment_id FROM stray WHERE payment_id = ANY (?) AND refunded_at IS NULL")) {
      statement.setArray(1, connection.createArrayOf("uuid", paymentIds.toArray()));
      return Set.copyOf(ids(statement));
    }
  }

  /** They are given back at this instant at the latest; how many were to be later. */
  static int lookBy(Connection connection, Instant latest) throws SQLException {
    try (var statement =
        connection.prepareStatement("UPDATE stray SET next_look_at = ? WHERE next_look_at > ?")) {
      statement.setObject(1, latest.atOffset(ZoneOffset.UTC));
      statement.setObject(2, latest.atOffset(ZoneOffset.UTC));
      return statement.executeUpdate();
    }
  }

  private static List<UUID> ids(PreparedStatement statement) throws SQLException {
    try (var rows = statement.executeQuery()) {
      var ids = new ArrayList<UUID>();
      while (rows.next()) {
        ids.add(rows.getObject(1, UUID.class));
      }
      return ids;
    }
  }
}
