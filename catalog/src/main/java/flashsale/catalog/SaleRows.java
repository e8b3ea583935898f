package flashsale.catalog;

import flashsale.contracts.SaleState;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.UUID;

/** The tables sale and catalog_revision. Stateless. */
final class SaleRows {
  /** What a list shows of a sale. */
  record Line(Sale sale, int offerCount) {}

  private static final String LISTINGS =
      """
      SELECT s.sale_id, s.name, s.state, s.published, s.opens_at, s.closes_at, s.hold_seconds,
             s.version, o.offer_id, o.sale_id, o.product_id, p.name, o.unit_price_minor,
             o.currency, o.limit_per_customer, o.allocated, o.version, o.sent_version, o.known_version
      FROM sale s
      LEFT JOIN offer o ON o.sale_id = s.sale_id
      LEFT JOIN product p ON p.product_id = o.product_id
      """;

  private static final int FIRST_OFFER_COLUMN = 9;

  private SaleRows() {}

  /**
   * Has to be the first statement of every transaction that changes anything: it waits for the one
   * before, so that what the transaction then reads does not change under it.
   */
  static void nextRevision(Connection connection) throws SQLException {
    try (var statement =
        connection.prepareStatement("UPDATE catalog_revision SET revision = revision + 1")) {
      statement.executeUpdate();
    }
  }

  static long revision(Connection connection) throws SQLException {
    try (var statement = connection.prepareStatement("SELECT revision FROM catalog_revision");
        var rows = statement.executeQuery()) {
      rows.next();
      return rows.getLong(1);
    }
  }

  static void insert(Connection connection, Sale sale) throws SQLException {
    try (var statement =
        connection.prepareStatement(
            """
            INSERT INTO sale (name, state, published, opens_at, closes_at, hold_seconds, version,
                              sale_id)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?)
            """)) {
      write(statement, sale);
    }
  }

  static void update(Connection connection, Sale sale) throws SQLException {
    try (var statement =
        connection.prepareStatement(
            """
            UPDATE sale SET name = ?, state = ?, published = ?, opens_at = ?, closes_at = ?,
                            hold_seconds = ?, version = ?
            WHERE sale_id = ?
            """)) {
      write(statement, sale);
    }
  }

  private static void write(PreparedStatement statement, Sale sale) throws SQLException {
    statement.setString(1, sale.name());
    statement.setString(2, sale.state().name());
    statement.setBoolean(3, sale.published());
    statement.setObject(4, utc(sale.opensAt()));
    statement.setObject(5, utc(sale.closesAt()));
    statement.setInt(6, sale.holdSeconds());
    statement.setLong(7, sale.version());
    statement.setObject(8, sale.saleId());
    statement.executeUpdate();
  }

  /** The sale with its offers. */
  static Optional<Listing> listing(Connection connection, UUID saleId) throws SQLException {
    try (var statement =
        connection.prepareStatement(LISTINGS + "WHERE s.sale_id = ? ORDER BY o.offer_id")) {
      statement.setObject(1, saleId);
      return listings(statement).stream().findFirst();
    }
  }

  /** Those of these offers that are published, by their sales; the other offers of these too. */
  static List<Listing> listingsOf(Connection connection, Collection<UUID> offerIds)
      throws SQLException {
    try (var statement =
        connection.prepareStatement(
            LISTINGS
                + """
                  WHERE s.published
                    AND s.sale_id IN (SELECT sale_id FROM offer WHERE offer_id = ANY (?))
                  ORDER BY s.sale_id, o.offer_id
                  """)) {
      statement.setArray(1, connection.createArrayOf("uuid", offerIds.toArray()));
      return listings(statement);
    }
  }

  /** All sales that close after this instant, with their offers. */
  static List<Listing> listings(Connection connection, Instant closingAfter) throws SQLException {
    try (var statement =
        connection.prepareStatement(
            LISTINGS + "WHERE s.closes_at > ? ORDER BY s.sale_id, o.offer_id")) {
      statement.setObject(1, utc(closingAfter));
      return listings(statement);
    }
  }

  private static List<Listing> listings(PreparedStatement statement) throws SQLException {
    var listings = new ArrayList<Listing>();
    Sale sale = null;
    var offers = new ArrayList<Offer>();
    try (var rows = statement.executeQuery()) {
      while (rows.next()) {
        var next = read(rows);
        if (sale != null && !sale.saleId().equals(next.saleId())) {
          listings.add(new Listing(sale, List.copyOf(offers)));
          offers.clear();
        }
        sale = next;
        if (rows.getObject(FIRST_OFFER_COLUMN) != null) {
          offers.add(OfferRows.read(rows, FIRST_OFFER_COLUMN));
        }
      }
    }
    if (sale != null) {
      listings.add(new Listing(sale, List.copyOf(offers)));
    }
    return listings;
  }

  /** One page of the list, those that open last first. */
  static List<Line> page(
      Connection connection, boolean withUnpublished, Optional<Cursor.OfSale> after, int max)
      throws SQLException {
    var from = after.orElse(Cursor.OfSale.FIRST);
    try (var statement =
        connection.prepareStatement(
            """
            SELECT s.sale_id, s.name, s.state, s.published, s.opens_at, s.closes_at,
                   s.hold_seconds, s.version,
                   (SELECT count(*) FROM offer o WHERE o.sale_id = s.sale_id)
            FROM sale s
            WHERE (s.opens_at, s.sale_id) < (?, ?) AND (? OR s.published)
            ORDER BY s.opens_at DESC, s.sale_id DESC LIMIT ?
            """)) {
      statement.setObject(1, utc(from.opensAt()));
      statement.setObject(2, from.saleId());
      statement.setBoolean(3, withUnpublished);
      statement.setInt(4, max);
      var lines = new ArrayList<Line>(max);
      try (var rows = statement.executeQuery()) {
        while (rows.next()) {
          lines.add(new Line(read(rows), rows.getInt(FIRST_OFFER_COLUMN)));
        }
      }
      return lines;
    }
  }

  /** How many sales close after this instant. */
  static int count(Connection connection, Instant closingAfter) throws SQLException {
    try (var statement =
        connection.prepareStatement("SELECT count(*) FROM sale WHERE closes_at > ?")) {
      statement.setObject(1, utc(closingAfter));
      try (var rows = statement.executeQuery()) {
        rows.next();
        return rows.getInt(1);
      }
    }
  }

  static OffsetDateTime utc(Instant instant) {
    return instant.atOffset(ZoneOffset.UTC);
  }

  private static Sale read(ResultSet rows) throws SQLException {
    return new Sale(
        rows.getObject(1, UUID.class),
        rows.getString(2),
        SaleState.valueOf(rows.getString(3)),
        rows.getBoolean(4),
        rows.getObject(5, OffsetDateTime.class).toInstant(),
        rows.getObject(6, OffsetDateTime.class).toInstant(),
        rows.getInt(7),
        rows.getLong(8));
  }
}
