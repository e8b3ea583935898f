package flashsale.inventory;

import flashsale.platform.persistence.Columns;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;

/**
 * Opens the {@link Book} of a batch: everything it touches is locked and read in one round trip.
 *
 * <p>The order of the statements is what makes it right. First the stock rows, in key order, so
 * that no two transactions wait for each other; each later statement has its own snapshot, taken
 * when the locks are there, so what it reads stays true until the commit. All stock rows of a sale
 * are locked before its window changes: once a sale is known to be closed, nothing more is held in
 * it.
 *
 * <p>No parameter's type is left to the server to find out. The driver would ask for it, would then
 * know that the rows of a statement have no longest size, and would make a round trip of each.
 */
final class BatchRead {
  private static final String READ =
      """
      SELECT %1$s FROM stock
      WHERE offer_id = ANY (
        ?::uuid[]
        || ARRAY(SELECT unnest(offer_ids) FROM hold WHERE reservation_id = ANY (?::uuid[]))
        || ARRAY(SELECT offer_id FROM stock WHERE sale_id = ANY (?::uuid[])))
      ORDER BY offer_id
      FOR UPDATE;

      SELECT %2$s FROM sale_window
      WHERE sale_id = ANY (
        ?::uuid[] || ARRAY(SELECT sale_id FROM stock WHERE offer_id = ANY (?::uuid[])))
      %4$s;

      SELECT %3$s FROM hold
      WHERE reservation_id = ANY (?::uuid[]);

      SELECT a.offer_id, a.customer_id, a.units
      FROM (SELECT unnest(?::uuid[]), unnest(?::uuid[])
            UNION ALL
            SELECT unnest(offer_ids), customer_id FROM hold
            WHERE reservation_id = ANY (?::uuid[])) AS w (offer_id, customer_id),
           LATERAL (SELECT * FROM allotment
                    WHERE offer_id = w.offer_id AND customer_id = w.customer_id
                    LIMIT 1) AS a
      """;

  private static final String WITHOUT_SALES =
      READ.formatted(Rows.OFFER, Rows.WINDOW, Rows.HOLD, "");

  private static final String WITH_SALES =
      READ.formatted(Rows.OFFER, Rows.WINDOW, Rows.HOLD, "ORDER BY sale_id FOR UPDATE");

  private BatchRead() {}

  /** Reads into the book what the scope names. */
  static void into(Book book, Connection connection, Scope scope) throws SQLException {
    var sql = scope.changingSales().isEmpty() ? WITHOUT_SALES : WITH_SALES;
    try (var statement = connection.prepareStatement(sql)) {
      bind(statement, scope);
      statement.execute();
      readOffers(statement, book);
      readWindows(statement, book);
      readHolds(statement, book);
      readAllotments(statement, book);
    }
  }

  private static void bind(PreparedStatement statement, Scope scope) throws SQLException {
    int next = 1;
    next = new Columns<>(statement, next, scope.offers()).uuids(id -> id).next();
    next = new Columns<>(statement, next, scope.resolving()).uuids(id -> id).next();
    next = new Columns<>(statement, next, scope.changingSales()).uuids(id -> id).next();
    next = new Columns<>(statement, next, scope.sales()).uuids(id -> id).next();
    next = new Columns<>(statement, next, scope.offers()).uuids(id -> id).next();
    next = new Columns<>(statement, next, scope.reservations()).uuids(id -> id).next();
    next =
        new Columns<>(statement, next, scope.allotments())
            .uuids(Allotment::offerId)
            .uuids(Allotment::customerId)
            .next();
    new Columns<>(statement, next, scope.resolving()).uuids(id -> id);
  }

  private static void readOffers(PreparedStatement statement, Book book) throws SQLException {
    try (var rows = statement.getResultSet()) {
      while (rows.next()) {
        book.open(Rows.offer(rows));
      }
    }
  }

  private static void readWindows(PreparedStatement statement, Book book) throws SQLException {
    statement.getMoreResults();
    try (var rows = statement.getResultSet()) {
      while (rows.next()) {
        book.open(Rows.window(rows));
      }
    }
  }

  private static void readHolds(PreparedStatement statement, Book book) throws SQLException {
    statement.getMoreResults();
    try (var rows = statement.getResultSet()) {
      while (rows.next()) {
        book.open(Rows.hold(rows));
      }
    }
  }

  private static void readAllotments(PreparedStatement statement, Book book) throws SQLException {
    statement.getMoreResults();
    try (var rows = statement.getResultSet()) {
      while (rows.next()) {
        book.open(
            new Allotment(Rows.uuid(rows, "offer_id"), Rows.uuid(rows, "customer_id")),
            rows.getInt("units"));
      }
    }
  }
}
