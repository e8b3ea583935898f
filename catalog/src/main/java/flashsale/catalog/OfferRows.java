package flashsale.catalog;

import flashsale.contracts.Fact.StockAllocated;
import flashsale.platform.persistence.Columns;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Instant;
import java.util.Collection;
import java.util.Optional;
import java.util.UUID;

/** The table offer. Stateless. */
final class OfferRows {
  private OfferRows() {}

  static void insert(Connection connection, Offer offer) throws SQLException {
    try (var statement =
        connection.prepareStatement(
            """
            INSERT INTO offer (offer_id, sale_id, product_id, unit_price_minor, currency,
                               limit_per_customer, allocated, version, sent_version, known_version)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            """)) {
      statement.setObject(1, offer.offerId());
      statement.setObject(2, offer.saleId());
      statement.setObject(3, offer.productId());
      statement.setLong(4, offer.unitPriceMinor());
      statement.setString(5, offer.currency());
      statement.setInt(6, offer.limitPerCustomer());
      statement.setInt(7, offer.allocated());
      statement.setLong(8, offer.version());
      statement.setLong(9, offer.sentVersion());
      statement.setLong(10, offer.knownVersion());
      statement.executeUpdate();
    }
  }

  /** Writes what operators may change. */
  static void update(Connection connection, Offer offer) throws SQLException {
    try (var statement =
        connection.prepareStatement(
            """
            UPDATE offer SET unit_price_minor = ?, limit_per_customer = ?, allocated = ?,
                             version = ?, sent_version = ?
            WHERE offer_id = ?
            """)) {
      statement.setLong(1, offer.unitPriceMinor());
      statement.setInt(2, offer.limitPerCustomer());
      statement.setInt(3, offer.allocated());
      statement.setLong(4, offer.version());
      statement.setLong(5, offer.sentVersion());
      statement.setObject(6, offer.offerId());
      statement.executeUpdate();
    }
  }

  /**
   * Writes what the ledger answered, where it answers the last decision; an answer that comes late
   * or again changes nothing.
   *
   * @param answers at most one for each offer
   */
  static void record(Connection connection, Collection<StockAllocated> answers)
      throws SQLException {
    try (var statement =
        connection.prepareStatement(
            """
            UPDATE offer o SET allocated = a.allocated, known_version = a.version
            FROM unnest(?::uuid[], ?::integer[], ?::bigint[]) AS a (offer_id, allocated, version)
            WHERE o.offer_id = a.offer_id
              AND o.sent_version = a.version AND o.known_version < a.version
            """)) {
      new Columns<>(statement, 1, answers)
          .uuids(StockAllocated::offerId)
          .ints(StockAllocated::allocated)
          .longs(StockAllocated::version);
      statement.executeUpdate();
    }
  }

  static Optional<Offer> find(Connection connection, UUID offerId) throws SQLException {
    try (var statement =
        connection.prepareStatement(
            """
            SELECT o.offer_id, o.sale_id, o.product_id, p.name, o.unit_price_minor, o.currency,
                   o.limit_per_customer, o.allocated, o.version, o.sent_version, o.known_version
            FROM offer o JOIN product p ON p.product_id = o.product_id
            WHERE o.offer_id = ?
            """)) {
      statement.setObject(1, offerId);
      try (var rows = statement.executeQuery()) {
        return rows.next() ? Optional.of(read(rows, 1)) : Optional.empty();
      }
    }
  }

  /** How many offers there are in sales that close after this instant. */
  static int count(Connection connection, Instant closingAfter) throws SQLException {
    try (var statement =
        connection.prepareStatement(
            """
            SELECT count(*) FROM offer JOIN sale ON sale.sale_id = offer.sale_id
            WHERE sale.closes_at > ?
            """)) {
      statement.setObject(1, SaleRows.utc(closingAfter));
      try (var rows = statement.executeQuery()) {
        rows.next();
        return rows.getInt(1);
      }
    }
  }

  /** How many offers this sale has. */
  static int countOf(Connection connection, UUID saleId) throws SQLException {
    try (var statement =
        connection.prepareStatement("SELECT count(*) FROM offer WHERE sale_id = ?")) {
      statement.setObject(1, saleId);
      try (var rows = statement.executeQuery()) {
        rows.next();
        return rows.getInt(1);
      }
    }
  }

  /** An offer whose columns begin at this one, in the order of {@link #find}. */
  static Offer read(ResultSet rows, int from) throws SQLException {
    return new Offer(
        rows.getObject(from, UUID.class),
        rows.getObject(from + 1, UUID.class),
        rows.getObject(from + 2, UUID.class),
        rows.getString(from + 3),
        rows.getLong(from + 4),
        rows.getString(from + 5),
        rows.getInt(from + 6),
        rows.getInt(from + 7),
        rows.getLong(from + 8),
        rows.getLong(from + 9),
        rows.getLong(from + 10));
  }
}
