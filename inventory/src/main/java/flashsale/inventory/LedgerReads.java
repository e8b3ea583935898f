package flashsale.inventory;

import flashsale.contracts.AuditRow;
import flashsale.contracts.Fact.StockHeld;
import flashsale.contracts.Inventory;
import flashsale.contracts.SaleWindow;
import flashsale.platform.persistence.Columns;
import flashsale.platform.persistence.Database;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;

/** What is read of the ledger without changing it, each in one snapshot. Thread-safe. */
final class LedgerReads {
  /** Rows in one page at most. */
  static final int PAGE_MAX = 10_000;

  /** Customers above a limit that are told at most; there should be none. */
  static final int OVER_LIMIT_MAX = 10_000;

  /** Customers whose units are counted wrongly that are told at most; there should be none. */
  static final int MISCOUNTED_MAX = 10_000;

  private static final UUID BEFORE_ALL_IDS = new UUID(0, 0);

  /** Makes a record of a row. */
  private interface RowReader<T> {
    T read(ResultSet row) throws SQLException;
  }

  /** Sets a statement's parameters. */
  private interface Binder {
    void bind(PreparedStatement statement) throws SQLException;
  }

  private final Database database;

  LedgerReads(Database database) {
    this.database = database;
  }

  List<OfferStock> stock(Collection<UUID> saleIds) {
    return query(
        "SELECT " + Rows.OFFER + " FROM stock WHERE sale_id = ANY (?) ORDER BY offer_id",
        s -> new Columns<>(s, 1, saleIds).uuids(id -> id),
        Rows::offer);
  }

  /** Sales whose window has not been over for long at this instant, and their offers. */
  Inventory.Figures figures(Instant closingAfter) {
    return database.inTransaction(
        connection -> {
          var windows =
              query(
                  connection,
                  "SELECT " + Rows.WINDOW + " FROM sale_window WHERE closes_at > ?",
                  s -> s.setObject(1, Rows.parameter(closingAfter)),
                  Rows::window);
          var stock =
              query(
                  connection,
                  "SELECT " + Rows.OFFER + " FROM stock WHERE sale_id = ANY (?)",
                  s -> new Columns<>(s, 1, windows).uuids(SaleWindow::saleId),
                  Rows::offer);
          return new Inventory.Figures(stock.stream().map(OfferStock::figures).toList(), windows);
        });
  }

  /** Those of these reservations that have a row, in whatever state. */
  Set<UUID> known(Collection<UUID> reservationIds) {
    return Set.copyOf(
        query(
            "SELECT reservation_id FROM hold WHERE reservation_id = ANY (?)",
            s -> new Columns<>(s, 1, reservationIds).uuids(id -> id),
            row -> Rows.uuid(row, "reservation_id")));
  }

  /**
   * Open holds whose time is up at this instant, the longest overdue first.
   *
   * @param skip so many of the longest overdue are left out
   */
  List<UUID> overdue(Instant now, int skip, int max) {
    return query(
        """
        SELECT reservation_id FROM hold
        WHERE state = 'HELD' AND expires_at <= ?
        ORDER BY expires_at LIMIT ? OFFSET ?
        """,
        s -> {
          s.setObject(1, Rows.parameter(now));
          s.setInt(2, max);
          s.setInt(3, skip);
        },
        row -> Rows.uuid(row, "reservation_id"));
  }

  List<StockHeld> openHolds(Instant from, Instant to, Optional<StockHeld> after, int max) {
    var at = after.map(StockHeld::heldAt).orElse(from.minus(1, ChronoUnit.MICROS));
    var id = after.map(StockHeld::reservationId).orElse(BEFORE_ALL_IDS);
    return query(
        "SELECT "
            + Rows.HOLD
            + """
               FROM hold
              WHERE state = 'HELD' AND held_at >= ? AND held_at < ?
                AND (held_at, reservation_id) > (?, ?)
              ORDER BY held_at, reservation_id LIMIT ?
              """,
        s -> {
          s.setObject(1, Rows.parameter(from));
          s.setObject(2, Rows.parameter(to));
          s.setObject(3, Rows.parameter(at));
          s.setObject(4, id);
          s.setInt(5, page(max));
        },
        row -> Rows.hold(row).heldFact());
  }

  List<AuditRow.Hold> holds(Optional<UUID> after, int max) {
    return query(
        "SELECT "
            + Rows.HOLD
            + " FROM hold WHERE reservation_id > ? ORDER BY reservation_id LIMIT ?",
        s -> {
          s.setObject(1, after.orElse(BEFORE_ALL_IDS));
          s.setInt(2, page(max));
        },
        row -> Rows.hold(row).auditRow());
  }

  List<AuditRow.Offer> offers() {
    return database.with(
        connection ->
            query(
                connection,
                """
                SELECT stock.*, coalesce(sums.held, 0) AS held_by_holds,
                       coalesce(sums.sold, 0) AS sold_by_holds
                FROM stock LEFT JOIN (
                  SELECT offer_id, sum(quantity) FILTER (WHERE state = 'HELD') AS held,
                         sum(quantity) FILTER (WHERE state = 'SOLD') AS sold
                  FROM (SELECT unnest(offer_ids) AS offer_id, unnest(quantities) AS quantity, state
                        FROM hold WHERE state IN ('HELD', 'SOLD')) AS lines
                  GROUP BY offer_id) AS sums USING (offer_id)
                ORDER BY offer_id
                """,
                s -> {},
                row ->
                    new AuditRow.Offer(
                        Rows.offer(row).figures(),
                        row.getLong("held_by_holds"),
                        row.getLong("sold_by_holds"))));
  }

  List<AuditRow.OverLimit> overLimit() {
    return database.with(
        connection ->
            query(
                connection,
                """
                SELECT offer_id, customer_id, sum(quantity) AS units, limit_ceiling
                FROM (SELECT unnest(offer_ids) AS offer_id, unnest(quantities) AS quantity,
                             customer_id
                      FROM hold WHERE state IN ('HELD', 'SOLD')) AS lines
                JOIN stock USING (offer_id)
                WHERE limit_ceiling > 0
                GROUP BY offer_id, customer_id, limit_ceiling
                HAVING sum(quantity) > limit_ceiling
                ORDER BY offer_id, customer_id LIMIT ?
                """,
                s -> s.setInt(1, OVER_LIMIT_MAX),
                row ->
                    new AuditRow.OverLimit(
                        Rows.uuid(row, "offer_id"),
                        Rows.uuid(row, "customer_id"),
                        row.getLong("units"),
                        row.getInt("limit_ceiling"))));
  }

  List<AuditRow.Allotment> miscounted() {
    return query(
        """
        SELECT offer_id, customer_id, coalesce(allotment.units, 0) AS units,
               coalesce(sums.units, 0) AS units_by_holds
        FROM allotment FULL JOIN (
          SELECT offer_id, customer_id, sum(quantity) AS units
          FROM (SELECT unnest(offer_ids) AS offer_id, unnest(quantities) AS quantity, customer_id
                FROM hold WHERE state IN ('HELD', 'SOLD')) AS lines
          GROUP BY offer_id, customer_id) AS sums USING (offer_id, customer_id)
        WHERE coalesce(allotment.units, 0) <> coalesce(sums.units, 0)
        ORDER BY offer_id, customer_id LIMIT ?
        """,
        s -> s.setInt(1, MISCOUNTED_MAX),
        row ->
            new AuditRow.Allotment(
                Rows.uuid(row, "offer_id"),
                Rows.uuid(row, "customer_id"),
                row.getLong("units"),
                row.getLong("units_by_holds")));
  }

  private static int page(int max) {
    if (max < 1 || max > PAGE_MAX) {
      throw new IllegalArgumentException("a page has 1 to " + PAGE_MAX + " rows, not " + max);
    }
    return max;
  }

  private <T> List<T> query(String sql, Binder binder, RowReader<T> reader) {
    return database.with(connection -> query(connection, sql, binder, reader));
  }

  private static <T> List<T> query(
      Connection connection, String sql, Binder binder, RowReader<T> reader) throws SQLException {
    try (var statement = connection.prepareStatement(sql)) {
      binder.bind(statement);
      try (var rows = statement.executeQuery()) {
        var found = new ArrayList<T>();
        while (rows.next()) {
          found.add(reader.read(rows));
        }
        return found;
      }
    }
  }
}
