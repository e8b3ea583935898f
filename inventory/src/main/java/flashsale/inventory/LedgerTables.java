package flashsale.inventory;

import flashsale.contracts.Fact.StockHeld;
import flashsale.contracts.HoldState;
import flashsale.contracts.Line;
import flashsale.contracts.Refusal;
import flashsale.contracts.SaleState;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.function.Function;

/**
 * A batch's two visits to the database, each of several statements in one round trip: everything it
 * touches is locked and read, and what the {@link Book} decided is written.
 */
final class LedgerTables {
  private static final String READ =
      """
      SET LOCAL enable_seqscan = off;

      SELECT offer_id, sale_id, allocated, available, held, sold, limit_per_customer,
             version, revision
      FROM stock
      WHERE offer_id = ANY (
        ?::uuid[]
        || ARRAY(SELECT unnest(offer_ids) FROM hold WHERE reservation_id = ANY (?::uuid[]))
        || ARRAY(SELECT offer_id FROM stock WHERE sale_id = ANY (?::uuid[])))
      ORDER BY offer_id
      FOR UPDATE;

      SELECT sale_id, state, opens_at, closes_at, hold_seconds, version
      FROM sale_window
      WHERE sale_id = ANY (
        ?::uuid[] || ARRAY(SELECT sale_id FROM stock WHERE offer_id = ANY (?::uuid[])))
      %s;

      SELECT reservation_id, customer_id, offer_ids, quantities, unit_prices, currency,
             fingerprint, state, reason, refused_offer, refused_available, order_id, payment_id,
             sold_at, held_at, expires_at, changed_at
      FROM hold
      WHERE reservation_id = ANY (?::uuid[]);

      SELECT a.offer_id, a.customer_id, a.units
      FROM (SELECT * FROM unnest(?::uuid[], ?::uuid[])
            UNION ALL
            SELECT unnest(offer_ids), customer_id FROM hold
            WHERE reservation_id = ANY (?::uuid[])) AS w (offer_id, customer_id),
           LATERAL (SELECT * FROM allotment
                    WHERE offer_id = w.offer_id AND customer_id = w.customer_id
                    LIMIT 1) AS a
      """;

  private static final String READ_ONLY = READ.formatted("");
  private static final String READ_LOCKING_WINDOWS =
      READ.formatted("ORDER BY sale_id FOR UPDATE");

  private static final String WRITE_STOCK =
      """
      INSERT INTO stock (offer_id, sale_id, allocated, available, held, sold, limit_per_customer,
                         version, revision)
      SELECT * FROM unnest(?::uuid[], ?::uuid[], ?::int[], ?::int[], ?::int[], ?::int[], ?::int[],
                           ?::bigint[], ?::bigint[])
      ON CONFLICT (offer_id) DO UPDATE SET
        allocated = EXCLUDED.allocated,
        available = EXCLUDED.available,
        held = EXCLUDED.held,
        sold = EXCLUDED.sold,
        limit_per_customer = EXCLUDED.limit_per_customer,
        version = EXCLUDED.version,
        revision = CASE WHEN stock.revision = EXCLUDED.revision - 1 THEN EXCLUDED.revision END
      """;

  private static final String WRITE_WINDOWS =
      """
      INSERT INTO sale_window (sale_id, state, opens_at, closes_at, hold_seconds, version)
      SELECT * FROM unnest(?::uuid[], ?::text[], ?::timestamptz[], ?::timestamptz[], ?::int[],
                           ?::bigint[])
      ON CONFLICT (sale_id) DO UPDATE SET
        state = EXCLUDED.state,
        opens_at = EXCLUDED.opens_at,
        closes_at = EXCLUDED.closes_at,
        hold_seconds = EXCLUDED.hold_seconds,
        version = EXCLUDED.version
      WHERE sale_window.version < EXCLUDED.version
      """;

  private static final String INSERT_HOLDS =
      """
      INSERT INTO hold (reservation_id, customer_id, offer_ids, quantities, unit_prices, currency,
                        fingerprint, state, reason, refused_offer, refused_available, order_id,
                        payment_id, sold_at, held_at, expires_at, changed_at)
      SELECT id, customer, offers::uuid[], quantities::int[], prices::bigint[], currency,
             fingerprint, state, reason, refused_offer, refused_available, order_id,
             payment_id, sold_at, held_at, expires_at, changed_at
      FROM unnest(?::uuid[], ?::uuid[], ?::text[], ?::text[], ?::text[], ?::text[], ?::text[],
                  ?::text[], ?::text[], ?::uuid[], ?::int[], ?::uuid[], ?::uuid[],
                  ?::timestamptz[], ?::timestamptz[], ?::timestamptz[], ?::timestamptz[])
        AS w (id, customer, offers, quantities, prices, currency, fingerprint, state, reason,
              refused_offer, refused_available, order_id, payment_id, sold_at, held_at,
              expires_at, changed_at)
      """;

  private static final String UPDATE_HOLDS =
      """
      UPDATE hold SET
        state = CASE WHEN hold.state = w.before THEN w.state END,
        order_id = w.order_id,
        payment_id = w.payment_id,
        sold_at = w.sold_at,
        expires_at = w.expires_at,
        changed_at = w.changed_at
      FROM unnest(?::uuid[], ?::text[], ?::text[], ?::uuid[], ?::uuid[], ?::timestamptz[],
                  ?::timestamptz[], ?::timestamptz[])
        AS w (id, before, state, order_id, payment_id, sold_at, expires_at, changed_at)
      WHERE hold.reservation_id = w.id AND hold.reservation_id = ANY (?::uuid[])
      """;

  private static final String WRITE_ALLOTMENTS =
      """
      INSERT INTO allotment (offer_id, customer_id, units)
      SELECT * FROM unnest(?::uuid[], ?::uuid[], ?::int[])
      ON CONFLICT (offer_id, customer_id) DO UPDATE SET units = EXCLUDED.units
      """;

  static boolean combine = Boolean.parseBoolean(System.getProperty("combine", "true"));

  void read(Connection connection, Scope scope, Book book) throws SQLException {
    var sql = scope.changingSales.isEmpty() ? READ_ONLY : READ_LOCKING_WINDOWS;
    try (var statement = connection.prepareStatement(sql)) {
      int next = new Columns<>(statement, 1, scope.offers).uuids(id -> id).next();
      next = new Columns<>(statement, next, scope.resolving).uuids(id -> id).next();
      next = new Columns<>(statement, next, scope.changingSales).uuids(id -> id).next();
      next = new Columns<>(statement, next, scope.sales).uuids(id -> id).next();
      next = new Columns<>(statement, next, scope.offers).uuids(id -> id).next();
      next = new Columns<>(statement, next, scope.reservations).uuids(id -> id).next();
      next =
          new Columns<>(statement, next, scope.allotments)
              .uuids(Allotment::offerId)
              .uuids(Allotment::customerId)
              .next();
      new Columns<>(statement, next, scope.resolving).uuids(id -> id);
      statement.execute();
      try (var rows = nextRows(statement)) {
        while (rows.next()) {
          book.open(offer(rows));
        }
      }
      try (var rows = nextRows(statement)) {
        while (rows.next()) {
          book.open(saleWindow(rows));
        }
      }
      try (var rows = nextRows(statement)) {
        while (rows.next()) {
          book.open(hold(rows));
        }
      }
      try (var rows = nextRows(statement)) {
        while (rows.next()) {
          book.open(
              new Allotment(uuid(rows, "offer_id"), uuid(rows, "customer_id")),
              rows.getInt("units"));
        }
      }
    }
  }

  private static ResultSet nextRows(PreparedStatement statement) throws SQLException {
    statement.getMoreResults();
    return statement.getResultSet();
  }

  void write(Connection connection, Book book, boolean commit) throws SQLException {
    var stock = book.changedStock();
    var windows = book.changedWindows();
    var newHolds = book.newHolds();
    var changedHolds = book.changedHolds();
    var allotments = book.changedAllotments().entrySet();
    var sql = new ArrayList<String>();
    if (!stock.isEmpty()) {
      sql.add(WRITE_STOCK);
    }
    if (!windows.isEmpty()) {
      sql.add(WRITE_WINDOWS);
    }
    if (!newHolds.isEmpty()) {
      sql.add(INSERT_HOLDS);
    }
    if (!changedHolds.isEmpty()) {
      sql.add(UPDATE_HOLDS);
    }
    if (!allotments.isEmpty()) {
      sql.add(WRITE_ALLOTMENTS);
    }
    if (sql.isEmpty()) {
      return;
    }
    if (commit) {
      sql.add("COMMIT");
    }
    try (var statement = connection.prepareStatement(String.join(";\n", sql))) {
      int next = 1;
      if (!stock.isEmpty()) {
        next =
            new Columns<>(statement, next, stock)
                .uuids(OfferStock::offerId)
                .uuids(OfferStock::saleId)
                .ints(OfferStock::allocated)
                .ints(OfferStock::available)
                .ints(OfferStock::held)
                .ints(OfferStock::sold)
                .ints(OfferStock::limitPerCustomer)
                .longs(OfferStock::version)
                .longs(OfferStock::revision)
                .next();
      }
      if (!windows.isEmpty()) {
        next =
            new Columns<>(statement, next, windows)
                .uuids(SaleWindow::saleId)
                .texts(w -> w.state().name())
                .times(SaleWindow::opensAt)
                .times(SaleWindow::closesAt)
                .ints(SaleWindow::holdSeconds)
                .longs(SaleWindow::version)
                .next();
      }
      if (!newHolds.isEmpty()) {
        next = bindNew(new Columns<>(statement, next, newHolds)).next();
      }
      if (!changedHolds.isEmpty()) {
        next =
            new Columns<>(statement, next, changedHolds)
                .uuids(c -> c.hold().reservationId())
                .texts(c -> c.before().name())
                .texts(c -> c.hold().state().name())
                .uuids(c -> bought(c.hold(), Hold.Purchase::orderId))
                .uuids(c -> bought(c.hold(), Hold.Purchase::paymentId))
                .times(c -> bought(c.hold(), Hold.Purchase::soldAt))
                .times(c -> c.hold().expiresAt())
                .times(c -> c.hold().changedAt())
                .uuids(c -> c.hold().reservationId())
                .next();
      }
      if (!allotments.isEmpty()) {
        new Columns<>(statement, next, allotments)
            .uuids(e -> e.getKey().offerId())
            .uuids(e -> e.getKey().customerId())
            .ints(e -> e.getValue());
      }
      statement.execute();
    }
  }

  private static Columns<Hold> bindNew(Columns<Hold> columns) throws SQLException {
    return columns
        .uuids(Hold::reservationId)
        .uuids(Hold::customerId)
        .texts(h -> literal(h.lines(), Line::offerId))
        .texts(h -> literal(h.lines(), Line::quantity))
        .texts(h -> literal(h.lines(), Line::unitPriceMinor))
        .texts(Hold::currency)
        .texts(Hold::fingerprint)
        .texts(h -> h.state().name())
        .texts(h -> denied(h, d -> d.reason().name()))
        .uuids(h -> denied(h, Hold.Denial::offerId))
        .ints(h -> denied(h, Hold.Denial::available))
        .uuids(h -> bought(h, Hold.Purchase::orderId))
        .uuids(h -> bought(h, Hold.Purchase::paymentId))
        .times(h -> bought(h, Hold.Purchase::soldAt))
        .times(Hold::heldAt)
        .times(Hold::expiresAt)
        .times(Hold::changedAt);
  }

  private static <T> T bought(Hold hold, Function<Hold.Purchase, T> field) {
    return hold.purchase() == null ? null : field.apply(hold.purchase());
  }

  private static <T> T denied(Hold hold, Function<Hold.Denial, T> field) {
    return hold.denial() == null ? null : field.apply(hold.denial());
  }

  private static String literal(List<Line> lines, Function<Line, ?> field) {
    var text = new StringBuilder("{");
    for (var line : lines) {
      text.append(text.length() > 1 ? "," : "").append(field.apply(line));
    }
    return text.append('}').toString();
  }

  static OfferStock offer(ResultSet row) throws SQLException {
    return new OfferStock(
        uuid(row, "offer_id"),
        uuid(row, "sale_id"),
        row.getInt("allocated"),
        row.getInt("available"),
        row.getInt("held"),
        row.getInt("sold"),
        row.getInt("limit_per_customer"),
        row.getLong("version"),
        row.getLong("revision"));
  }

  static SaleWindow saleWindow(ResultSet row) throws SQLException {
    return new SaleWindow(
        uuid(row, "sale_id"),
        SaleState.valueOf(row.getString("state")),
        time(row, "opens_at"),
        time(row, "closes_at"),
        row.getInt("hold_seconds"),
        row.getLong("version"));
  }

  static Hold hold(ResultSet row) throws SQLException {
    var reason = row.getString("reason");
    var payment = uuid(row, "payment_id");
    return new Hold(
        uuid(row, "reservation_id"),
        uuid(row, "customer_id"),
        lines(row),
        row.getString("currency"),
        row.getString("fingerprint"),
        HoldState.valueOf(row.getString("state")),
        reason == null
            ? null
            : new Hold.Denial(
                Refusal.valueOf(reason),
                uuid(row, "refused_offer"),
                row.getInt("refused_available")),
        payment == null
            ? null
            : new Hold.Purchase(uuid(row, "order_id"), payment, time(row, "sold_at")),
        time(row, "held_at"),
        time(row, "expires_at"),
        time(row, "changed_at"));
  }

  static List<Line> lines(ResultSet row) throws SQLException {
    var offers = (UUID[]) row.getArray("offer_ids").getArray();
    var quantities = (Integer[]) row.getArray("quantities").getArray();
    var prices = (Long[]) row.getArray("unit_prices").getArray();
    var lines = new ArrayList<Line>(offers.length);
    for (int i = 0; i < offers.length; i++) {
      lines.add(new Line(offers[i], quantities[i], prices[i]));
    }
    return List.copyOf(lines);
  }

  static UUID uuid(ResultSet row, String column) throws SQLException {
    return row.getObject(column, UUID.class);
  }

  static Instant time(ResultSet row, String column) throws SQLException {
    var time = row.getObject(column, OffsetDateTime.class);
    return time == null ? null : time.toInstant();
  }
}
