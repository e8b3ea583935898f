package flashsale.orders;

import flashsale.contracts.Line;
import flashsale.contracts.OrderState;
import flashsale.contracts.ReservationState;
import flashsale.platform.json.Json;
import flashsale.platform.persistence.Columns;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;

/** The statements on the table of orders; one statement does a whole batch. Stateless. */
final class OrderTable {
  private static final String SELECT =
      """
      SELECT reservation_id, customer_id, state, lines, total_minor, currency, fingerprint,
             placed_at, expires_at, paid_at, ended_at, payment_id, cancelled_as, changed_at
      FROM orders
      """;

  private OrderTable() {}

  /** Adds the rows that are not there yet and tells how many those were; one round trip. */
  static int insert(Connection connection, List<OrderRow> rows) throws SQLException {
    try (var statement =
        connection.prepareStatement(
            """
            INSERT INTO orders (reservation_id, customer_id, state, lines, total_minor, currency,
                                fingerprint, placed_at, expires_at, ended_at, cancelled_as,
                                changed_at)
            SELECT unnest(?::uuid[]), unnest(?::uuid[]), unnest(?::text[]),
                   unnest(?::text[])::json, unnest(?::int8[]), unnest(?::text[]),
                   unnest(?::text[]), unnest(?::timestamptz[]), unnest(?::timestamptz[]),
                   unnest(?::timestamptz[]), unnest(?::text[]), unnest(?::timestamptz[])
            ON CONFLICT DO NOTHING
            """)) {
      new Columns<>(statement, 1, rows)
          .uuids(OrderRow::reservationId)
          .uuids(OrderRow::customerId)
          .texts(row -> row.state().name())
          .texts(row -> Json.text(row.lines()))
          .longs(OrderRow::totalMinor)
          .texts(OrderRow::currency)
          .texts(OrderRow::fingerprint)
          .times(OrderRow::placedAt)
          .times(OrderRow::expiresAt)
          .times(OrderRow::endedAt)
          .texts(row -> row.cancelledAs() == null ? null : row.cancelledAs().name())
          .times(OrderRow::changedAt);
      return statement.executeUpdate();
    }
  }

  /** The rows with these ids, locked until the transaction ends, in key order: no deadlocks. */
  static Map<UUID, OrderRow> lock(Connection connection, Collection<UUID> ids) throws SQLException {
    try (var statement =
        connection.prepareStatement(
            SELECT + "WHERE reservation_id = ANY (?) ORDER BY reservation_id FOR UPDATE")) {
      statement.setArray(1, connection.createArrayOf("uuid", ids.toArray()));
      var found = new HashMap<UUID, OrderRow>();
      for (var row : read(statement)) {
        found.put(row.reservationId(), row);
      }
      return found;
    }
  }

  /** Moves orders on and tells how many moved. The WHERE states the legal transitions once more. */
  static int move(Connection connection, List<OrderRow> rows) throws SQLException {
    try (var statement =
        connection.prepareStatement(
            """
            UPDATE orders o
            SET state = n.state, paid_at = n.paid, ended_at = n.ended, payment_id = n.payment,
                cancelled_as = n.cancelled, changed_at = n.changed
            FROM (SELECT unnest(?::uuid[]), unnest(?::text[]), unnest(?::timestamptz[]),
                         unnest(?::timestamptz[]), unnest(?::uuid[]), unnest(?::text[]),
                         unnest(?::timestamptz[]))
              AS n (id, state, paid, ended, payment, cancelled, changed)
            WHERE o.reservation_id = n.id
              AND (o.state, n.state) IN (('PENDING_PAYMENT', 'PAID'),
                                         ('PENDING_PAYMENT', 'CANCELLED'),
                                         ('PAID', 'REFUNDED'))
            """)) {
      new Columns<>(statement, 1, rows)
          .uuids(OrderRow::reservationId)
          .texts(row -> row.state().name())
          .times(OrderRow::paidAt)
          .times(OrderRow::endedAt)
          .uuids(OrderRow::paymentId)
          .texts(row -> row.cancelledAs() == null ? null : row.cancelledAs().name())
          .times(OrderRow::changedAt);
      return statement.executeUpdate();
    }
  }

  /** Takes away the marks of holds that were given back, to be replaced by the whole order. */
  static int removeMarks(Connection connection, List<OrderRow> rows) throws SQLException {
    try (var statement =
        connection.prepareStatement(
            "DELETE FROM orders WHERE reservation_id = ANY (?) AND placed_at IS NULL")) {
      new Columns<>(statement, 1, rows).uuids(OrderRow::reservationId);
      return statement.executeUpdate();
    }
  }

  static List<OrderRow> find(Connection connection, List<UUID> reservationIds) throws SQLException {
    try (var statement = connection.prepareStatement(SELECT + "WHERE reservation_id = ANY (?)")) {
      new Columns<>(statement, 1, reservationIds).uuids(id -> id);
      return read(statement);
    }
  }

  /** The customer's orders placed before {@code (placedAt, reservationId)}, newest first. */
  static List<OrderRow> ofCustomer(
      Connection connection, UUID customerId, OrderCursor before, int max) throws SQLException {
    try (var statement =
        connection.prepareStatement(
            SELECT
                + """
                WHERE customer_id = ? AND (placed_at, reservation_id) < (?, ?)
                ORDER BY placed_at DESC, reservation_id DESC LIMIT ?
                """)) {
      statement.setObject(1, customerId);
      statement.setObject(2, before.placedAt().atOffset(ZoneOffset.UTC));
      statement.setObject(3, before.reservationId());
      statement.setInt(4, max);
      return read(statement);
    }
  }

  /** The rows after this id; PostgreSQL orders ids by their bytes. */
  static List<OrderRow> after(Connection connection, UUID reservationId, int max)
      throws SQLException {
    try (var statement =
        connection.prepareStatement(
            SELECT + "WHERE reservation_id > ? ORDER BY reservation_id LIMIT ?")) {
      statement.setObject(1, reservationId);
      statement.setInt(2, max);
      return read(statement);
    }
  }

  private static List<OrderRow> read(PreparedStatement statement) throws SQLException {
    var found = new ArrayList<OrderRow>();
    try (var rows = statement.executeQuery()) {
      while (rows.next()) {
        found.add(row(rows));
      }
    }
    return found;
  }

  private static OrderRow row(ResultSet row) throws SQLException {
    var cancelledAs = row.getString(13);
    return new OrderRow(
        row.getObject(1, UUID.class),
        row.getObject(2, UUID.class),
        OrderState.valueOf(row.getString(3)),
        List.of(Json.read(row.getString(4), Line[].class)),
        row.getLong(5),
        row.getString(6),
        row.getString(7),
        instant(row, 8),
        instant(row, 9),
        instant(row, 10),
        instant(row, 11),
        row.getObject(12, UUID.class),
        cancelledAs == null ? null : ReservationState.valueOf(cancelledAs),
        instant(row, 14));
  }

  private static Instant instant(ResultSet row, int column) throws SQLException {
    var time = row.getObject(column, OffsetDateTime.class);
    return time == null ? null : time.toInstant();
  }
}
