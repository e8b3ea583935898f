package flashsale.payments;

import flashsale.contracts.Fact.PaymentRequested;
import flashsale.contracts.PaymentState;
import flashsale.platform.persistence.Columns;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.util.Collection;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;

/** The statements on the table of payments. Stateless. */
final class PaymentTable {
  private static final String COLUMNS =
      """
      payment_id, order_id, reservation_id, customer_id, amount_minor, currency, method, state,
      gateway_reference, decline_reason, hold_lost, fingerprint, requested_at, captured_at,
      refunded_at, changed_at, next_look_at
      """;

  private static final String SELECT = "SELECT " + COLUMNS + " FROM payment ";

  private PaymentTable() {}

  /**
   * Adds the payments whose order has neither one that was or may have been charged nor {@code
   * perOrderMax} of any kind; the ids of those that were added.
   */
  static Set<UUID> insert(Connection connection, List<PaymentRow> rows, int perOrderMax)
      throws SQLException {
    try (var statement =
        connection.prepareStatement(
            """
            INSERT INTO payment (payment_id, order_id, reservation_id, customer_id, amount_minor,
                                 currency, method, state, fingerprint, requested_at, changed_at,
                                 next_look_at)
            SELECT id, orderid, reservation, customer, amount, currency, method, 'PENDING',
                   fingerprint, requested, requested, look
            FROM (SELECT unnest(?::uuid[]), unnest(?::uuid[]), unnest(?::uuid[]),
                         unnest(?::uuid[]), unnest(?::int8[]), unnest(?::text[]),
                         unnest(?::text[]), unnest(?::text[]), unnest(?::timestamptz[]),
                         unnest(?::timestamptz[]))
              AS n (id, orderid, reservation, customer, amount, currency,
                    method, fingerprint, requested, look)
            WHERE (SELECT count(*) FROM payment p WHERE p.reservation_id = n.reservation) < ?
            ON CONFLICT DO NOTHING
            RETURNING payment_id
            """)) {
      int next =
          new Columns<>(statement, 1, rows)
              .uuids(PaymentRow::paymentId)
              .uuids(PaymentRow::orderId)
              .uuids(PaymentRow::reservationId)
              .uuids(PaymentRow::customerId)
              .longs(PaymentRow::amountMinor)
              .texts(PaymentRow::currency)
              .texts(PaymentRow::method)
              .texts(PaymentRow::fingerprint)
              .times(PaymentRow::requestedAt)
              .times(PaymentRow::nextLookAt)
              .next();
      statement.setInt(next, perOrderMax);
      var added = new HashSet<UUID>();
      try (var result = statement.executeQuery()) {
        while (result.next()) {
          added.add(result.getObject(1, UUID.class));
        }
      }
      return added;
    }
  }

  static Map<UUID, PaymentRow> find(Connection connection, Collection<UUID> ids)
      throws SQLException {
    return read(connection, SELECT + "WHERE payment_id = ANY (?)", ids);
  }

  /** The same, locked until the transaction ends, in key order: no deadlocks. */
  static Map<UUID, PaymentRow> lock(Connection connection, Collection<UUID> ids)
      throws SQLException {
    return read(
        connection, SELECT + "WHERE payment_id = ANY (?) ORDER BY payment_id FOR UPDATE", ids);
  }

  /** By payment id: the payments of these orders that were, or may have been, charged. */
  static Map<UUID, PaymentRow> ofOrders(Connection connection, Collection<UUID> orderIds)
      throws SQLException {
    return read(connection, SELECT + "WHERE order_id = ANY (?) AND state <> 'DECLINED'", orderIds);
  }

  /** Moves payments on and tells how many moved. The WHERE states the legal transitions again. */
  static int move(Connection connection, List<PaymentRow> rows) throws SQLException {
    try (var statement =
        connection.prepareStatement(
            """
            UPDATE payment p
            SET state = n.state, gateway_reference = n.reference, decline_reason = n.reason,
                hold_lost = n.lost, captured_at = n.captured, refunded_at = n.refunded,
                changed_at = n.changed, next_look_at = n.look
            FROM (SELECT unnest(?::uuid[]), unnest(?::text[]), unnest(?::text[]),
                         unnest(?::text[]), unnest(?::bool[]), unnest(?::timestamptz[]),
                         unnest(?::timestamptz[]), unnest(?::timestamptz[]),
                         unnest(?::timestamptz[]))
              AS n (id, state, reference, reason, lost, captured, refunded, changed, look)
            WHERE p.payment_id = n.id
              AND (p.state, n.state) IN (('PENDING', 'UNKNOWN'),
                                         ('PENDING', 'CAPTURED'), ('UNKNOWN', 'CAPTURED'),
                                         ('PENDING', 'DECLINED'), ('UNKNOWN', 'DECLINED'),
                                         ('CAPTURED', 'REFUNDED'))
            """)) {
      new Columns<>(statement, 1, rows)
          .uuids(PaymentRow::paymentId)
          .texts(row -> row.state().name())
          .texts(PaymentRow::gatewayReference)
          .texts(PaymentRow::declineReason)
          .bools(PaymentRow::holdLost)
          .times(PaymentRow::capturedAt)
          .times(PaymentRow::refundedAt)
          .times(PaymentRow::changedAt)
          .times(PaymentRow::nextLookAt);
      return statement.executeUpdate();
    }
  }

  /**
   * Takes open payments whose time to be asked about has come, oldest first, and puts the next time
   * off: {@code lease}, and a random part of a backoff that doubles up to {@code backoffMax} (full
   * jitter), so that the payments of one outage do not come back all at once.
   */
  static List<PaymentRow> takeDue(
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
            UPDATE payment
            SET attempts = attempts + 1,
                next_look_at = ?::timestamptz + ? * interval '1 ms'
                  + random() * least(?, ? * power(2, least(attempts, 20))) * interval '1 ms'
            WHERE payment_id IN (SELECT payment_id FROM payment
                                 WHERE state IN ('PENDING', 'UNKNOWN') AND next_look_at <= ?
                                 ORDER BY next_look_at LIMIT ? FOR UPDATE SKIP LOCKED)
            RETURNING\s"""
                + COLUMNS)) {
      var at = now.atOffset(ZoneOffset.UTC);
      statement.setObject(1, at);
      statement.setLong(2, lease.toMillis());
      statement.setLong(3, backoffMax.toMillis());
      statement.setLong(4, backoffFirst.toMillis());
      statement.setObject(5, at);
      statement.setInt(6, max);
      return List.copyOf(read(statement).values());
    }
  }

  /** Open payments are asked about at this instant at the latest; how many were to be later. */
  static int lookBy(Connection connection, Instant latest) throws SQLException {
    try (var statement =
        connection.prepareStatement(
            """
            UPDATE payment SET next_look_at = ?
            WHERE state IN ('PENDING', 'UNKNOWN') AND next_look_at > ?
            """)) {
      statement.setObject(1, latest.atOffset(ZoneOffset.UTC));
      statement.setObject(2, latest.atOffset(ZoneOffset.UTC));
      return statement.executeUpdate();
    }
  }

  /** How many payments of any kind this reservation's order has. */
  static int count(Connection connection, UUID reservationId) throws SQLException {
    try (var statement =
        connection.prepareStatement("SELECT count(*) FROM payment WHERE reservation_id = ?")) {
      statement.setObject(1, reservationId);
      try (var rows = statement.executeQuery()) {
        rows.next();
        return rows.getInt(1);
      }
    }
  }

  /** Notes which operator asked for a refund first, and when; tells the note that is there. */
  static RefundNote noteRefund(Connection connection, UUID paymentId, RefundNote note)
      throws SQLException {
    try (var statement =
        connection.prepareStatement(
            """
            UPDATE payment SET refund_requested_by = coalesce(refund_requested_by, ?),
                               refund_requested_at = coalesce(refund_requested_at, ?)
            WHERE payment_id = ?
            RETURNING refund_requested_by, refund_requested_at
            """)) {
      statement.setObject(1, note.requestedBy());
      statement.setObject(2, note.requestedAt().atOffset(ZoneOffset.UTC));
      statement.setObject(3, paymentId);
      try (var rows = statement.executeQuery()) {
        rows.next();
        return new RefundNote(rows.getObject(1, UUID.class), instant(rows, 2));
      }
    }
  }

  /** Who asked for a refund, and when. */
  record RefundNote(UUID requestedBy, Instant requestedAt) {}

  /** See {@link flashsale.contracts.Payments#payments}. */
  static List<PaymentRow> after(Connection connection, UUID reservationId, int max)
      throws SQLException {
    try (var statement =
        connection.prepareStatement(
            SELECT
                + """
                WHERE reservation_id > ?
                ORDER BY reservation_id FETCH FIRST ? ROWS WITH TIES
                """)) {
      statement.setObject(1, reservationId);
      statement.setInt(2, max);
      return List.copyOf(read(statement).values());
    }
  }

  /** See {@link flashsale.contracts.Payments#pending}. */
  static List<PaymentRow> pending(
      Connection connection, Instant from, Instant to, Optional<PaymentRequested> after, int max)
      throws SQLException {
    try (var statement =
        connection.prepareStatement(
            SELECT
                + """
                WHERE state = 'PENDING' AND requested_at >= ? AND requested_at < ?
                  AND (requested_at, payment_id) > (?, ?)
                ORDER BY requested_at, payment_id LIMIT ?
                """)) {
      statement.setObject(1, from.atOffset(ZoneOffset.UTC));
      statement.setObject(2, to.atOffset(ZoneOffset.UTC));
      var at = after.map(PaymentRequested::requestedAt).orElse(Instant.EPOCH);
      statement.setObject(3, at.atOffset(ZoneOffset.UTC));
      statement.setObject(4, after.map(PaymentRequested::paymentId).orElse(new UUID(0, 0)));
      statement.setInt(5, max);
      return List.copyOf(read(statement).values());
    }
  }

  private static Map<UUID, PaymentRow> read(Connection connection, String sql, Collection<UUID> ids)
      throws SQLException {
    try (var statement = connection.prepareStatement(sql)) {
      statement.setArray(1, connection.createArrayOf("uuid", ids.toArray()));
      return read(statement);
    }
  }

  private static Map<UUID, PaymentRow> read(PreparedStatement statement) throws SQLException {
    var found = new LinkedHashMap<UUID, PaymentRow>();
    try (var rows = statement.executeQuery()) {
      while (rows.next()) {
        var row = row(rows);
        found.put(row.paymentId(), row);
      }
    }
    return found;
  }

  private static PaymentRow row(ResultSet row) throws SQLException {
    return new PaymentRow(
        row.getObject(1, UUID.class),
        row.getObject(2, UUID.class),
        row.getObject(3, UUID.class),
        row.getObject(4, UUID.class),
        row.getLong(5),
        row.getString(6),
        row.getString(7),
        PaymentState.valueOf(row.getString(8)),
        row.getString(9),
        row.getString(10),
        row.getBoolean(11),
        row.getString(12),
        instant(row, 13),
        instant(row, 14),
        instant(row, 15),
        instant(row, 16),
        instant(row, 17));
  }

  private static Instant instant(ResultSet row, int column) throws SQLException {
    var time = row.getObject(column, OffsetDateTime.class);
    return time == null ? null : time.toInstant();
  }
}
