package flashsale.inventory;

import flashsale.contracts.Line;
import flashsale.contracts.SaleWindow;
import flashsale.platform.persistence.Columns;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.function.Function;
import java.util.stream.Collectors;

/**
 * Writes what a {@link Book} decided, in one round trip: a statement for each table with something
 * to write, and the commit. The locks make sure that the rows still are as they were read; the
 * guards in the statements make sure of it once more, because a lost guard puts NULL where none may
 * be and so fails the whole transaction before its commit.
 */
final class BatchWrite {
  /** Only from the revision that was decided on. An offer heard of twice at once is found here. */
  private static final String STOCK =
      """
      INSERT INTO stock (offer_id, sale_id, allocated, available, held, sold, limit_per_customer,
                         limit_ceiling, version, revision)
      SELECT unnest(?::uuid[]), unnest(?::uuid[]), unnest(?::int[]), unnest(?::int[]),
             unnest(?::int[]), unnest(?::int[]), unnest(?::int[]), unnest(?::int[]),
             unnest(?::bigint[]), unnest(?::bigint[])
      ON CONFLICT (offer_id) DO UPDATE SET
        allocated = EXCLUDED.allocated,
        available = EXCLUDED.available,
        held = EXCLUDED.held,
        sold = EXCLUDED.sold,
        limit_per_customer = EXCLUDED.limit_per_customer,
        limit_ceiling = EXCLUDED.limit_ceiling,
        version = EXCLUDED.version,
        revision = CASE WHEN stock.revision = EXCLUDED.revision - 1 THEN EXCLUDED.revision END
      """;

  private static final String WINDOWS =
      """
      INSERT INTO sale_window (sale_id, state, opens_at, closes_at, hold_seconds, version)
      SELECT unnest(?::uuid[]), unnest(?::text[]), unnest(?::timestamptz[]),
             unnest(?::timestamptz[]), unnest(?::int[]), unnest(?::bigint[])
      ON CONFLICT (sale_id) DO UPDATE SET
        state = EXCLUDED.state,
        opens_at = EXCLUDED.opens_at,
        closes_at = EXCLUDED.closes_at,
        hold_seconds = EXCLUDED.hold_seconds,
        version = EXCLUDED.version
      WHERE sale_window.version < EXCLUDED.version
      """;

  /** The hot one: what is the same in all rows of a batch is sent once. */
  private static final String NEW_HOLDS =
      """
      INSERT INTO hold (held_at, changed_at, expires_at, reservation_id, customer_id, state,
                        offer_ids, quantities, unit_prices, currency, fingerprint, reason,
                        refused_offer, refused_available, order_id, payment_id, sold_at,
                        promised_until)
      SELECT n.at, n.at, n.at + unnest(?::bigint[]) * interval '1 microsecond',
             unnest(?::uuid[]), unnest(?::uuid[]), unnest(?::text[]),
             unnest(?::text[])::uuid[], unnest(?::text[])::int[], unnest(?::text[])::bigint[],
             unnest(?::text[]), unnest(?::text[]), unnest(?::text[]),
             unnest(?::uuid[]), unnest(?::int[]), unnest(?::uuid[]), unnest(?::uuid[]),
             unnest(?::timestamptz[]), unnest(?::timestamptz[])
      FROM (SELECT ?::timestamptz) AS n (at)
      """;

  /** Only from the state that was decided on: a hold is resolved once. */
  private static final String CHANGED_HOLDS =
      """
      UPDATE hold SET
        state = CASE WHEN hold.state = w.before THEN w.state END,
        promised_until = coalesce(hold.promised_until, hold.expires_at),
        expires_at = w.expires_at,
        changed_at = w.changed_at,
        order_id = w.order_id,
        payment_id = w.payment_id,
        sold_at = w.sold_at
      FROM (SELECT unnest(?::uuid[]), unnest(?::text[]), unnest(?::text[]),
                   unnest(?::timestamptz[]), unnest(?::timestamptz[]), unnest(?::uuid[]),
                   unnest(?::uuid[]), unnest(?::timestamptz[]))
        AS w (id, before, state, expires_at, changed_at, order_id, payment_id, sold_at)
      WHERE hold.reservation_id = w.id AND hold.reservation_id = ANY (?::uuid[])
      """;

  private static final String ALLOTMENTS =
      """
      INSERT INTO allotment (offer_id, customer_id, units)
      SELECT unnest(?::uuid[]), unnest(?::uuid[]), unnest(?::int[])
      ON CONFLICT (offer_id, customer_id) DO UPDATE SET units = EXCLUDED.units
      """;

  /** Binds parameters from the given one on and answers with the number of the next. */
  private interface Binding {
    int from(PreparedStatement statement, int parameter) throws SQLException;
  }

  /** Binds the columns of one statement. */
  private interface Binder<T> {
    int bind(Columns<T> columns) throws SQLException;
  }

  private final List<String> statements = new ArrayList<>();
  private final List<Binding> bindings = new ArrayList<>();

  private BatchWrite(Book book) {
    add(book.changedStock(), STOCK, BatchWrite::bindStock);
    add(book.changedWindows(), WINDOWS, BatchWrite::bindWindows);
    add(book.newHolds(), NEW_HOLDS, columns -> bindNewHolds(columns, book.now()));
    add(book.changedHolds(), CHANGED_HOLDS, BatchWrite::bindChangedHolds);
    add(book.changedAllotments(), ALLOTMENTS, BatchWrite::bindAllotments);
  }

  /**
   * Writes the book.
   *
   * @param commit whether nothing else is to be written in this transaction: then the commit
   *     travels along and the transaction is over afterwards
   */
  static void of(Book book, Connection connection, boolean commit) throws SQLException {
    new BatchWrite(book).execute(connection, commit);
  }

  private <T> void add(Collection<T> rows, String sql, Binder<T> binder) {
    if (!rows.isEmpty()) {
      statements.add(sql);
      bindings.add((statement, first) -> binder.bind(new Columns<>(statement, first, rows)));
    }
  }

  private void execute(Connection connection, boolean commit) throws SQLException {
    if (statements.isEmpty()) {
      return;
    }
    if (commit) {
      statements.add("COMMIT");
    }
    try (var statement = connection.prepareStatement(String.join(";\n", statements))) {
      int next = 1;
      for (var binding : bindings) {
        next = binding.from(statement, next);
      }
      statement.execute();
    }
  }

  private static int bindStock(Columns<OfferStock> columns) throws SQLException {
    return columns
        .uuids(OfferStock::offerId)
        .uuids(OfferStock::saleId)
        .ints(OfferStock::allocated)
        .ints(OfferStock::available)
        .ints(OfferStock::held)
        .ints(OfferStock::sold)
        .ints(OfferStock::limitPerCustomer)
        .ints(OfferStock::limitCeiling)
        .longs(OfferStock::version)
        .longs(OfferStock::revision)
        .next();
  }

  private static int bindWindows(Columns<SaleWindow> columns) throws SQLException {
    return columns
        .uuids(SaleWindow::saleId)
        .texts(w -> w.state().name())
        .times(SaleWindow::opensAt)
        .times(SaleWindow::closesAt)
        .ints(SaleWindow::holdSeconds)
        .longs(SaleWindow::version)
        .next();
  }

  private static int bindNewHolds(Columns<Hold> columns, Instant now) throws SQLException {
    return columns
        .longs(h -> ChronoUnit.MICROS.between(now, h.expiresAt()))
        .uuids(Hold::reservationId)
        .uuids(Hold::customerId)
        .texts(h -> h.state().name())
        .texts(h -> arrayOf(h, l -> l.offerId().toString()))
        .texts(h -> arrayOf(h, l -> Integer.toString(l.quantity())))
        .texts(h -> arrayOf(h, l -> Long.toString(l.unitPriceMinor())))
        .texts(Hold::currency)
        .texts(Hold::fingerprint)
        .texts(h -> denied(h, d -> d.reason().name()))
        .uuids(h -> denied(h, Hold.Denial::offerId))
        .integers(h -> denied(h, Hold.Denial::available))
        .uuids(h -> bought(h, Hold.Purchase::orderId))
        .uuids(h -> bought(h, Hold.Purchase::paymentId))
        .times(h -> bought(h, Hold.Purchase::soldAt))
        .times(h -> h.promisedUntil().equals(h.expiresAt()) ? null : h.promisedUntil())
        .time(now)
        .next();
  }

  private static int bindChangedHolds(Columns<Book.Change> columns) throws SQLException {
    return columns
        .uuids(c -> c.hold().reservationId())
        .texts(c -> c.before().name())
        .texts(c -> c.hold().state().name())
        .times(c -> c.hold().expiresAt())
        .times(c -> c.hold().changedAt())
        .uuids(c -> bought(c.hold(), Hold.Purchase::orderId))
        .uuids(c -> bought(c.hold(), Hold.Purchase::paymentId))
        .times(c -> bought(c.hold(), Hold.Purchase::soldAt))
        .uuids(c -> c.hold().reservationId())
        .next();
  }

  private static int bindAllotments(Columns<Book.Units> columns) throws SQLException {
    return columns
        .uuids(u -> u.of().offerId())
        .uuids(u -> u.of().customerId())
        .ints(Book.Units::units)
        .next();
  }

  private static String arrayOf(Hold hold, Function<Line, String> field) {
    return hold.lines().stream().map(field).collect(Collectors.joining(",", "{", "}"));
  }

  private static <T> T denied(Hold hold, Function<Hold.Denial, T> field) {
    return hold.denial() == null ? null : field.apply(hold.denial());
  }

  private static <T> T bought(Hold hold, Function<Hold.Purchase, T> field) {
    return hold.purchase() == null ? null : field.apply(hold.purchase());
  }
}
