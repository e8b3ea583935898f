package flashsale.reservations;

import flashsale.platform.http.Problem;
import flashsale.platform.ids.Ids;
import flashsale.platform.persistence.Database;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Timestamp;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.UUID;

/** What customers have picked. A cart promises nothing and holds no stock. Thread-safe. */
public final class Carts {
  /** Beyond this many carts of one customer the one that was touched longest ago goes. */
  static final int CARTS_PER_CUSTOMER_MAX = 20;

  /** One customer's cart. */
  public record Cart(UUID cartId, List<Item> items) {}

  /** Units of one offer, at least 1. */
  public record Item(UUID offerId, int quantity) {}

  private final Database database;
  private final InstantSource clock;
  private final int itemsMax;

  /**
   * In this database.
   *
   * @param itemsMax different offers in one cart at most
   */
  public Carts(Database database, InstantSource clock, int itemsMax) {
    this.database = database;
    this.clock = clock;
    this.itemsMax = itemsMax;
  }

  /** An empty cart. */
  public Cart create(UUID customerId) {
    var cartId = Ids.next();
    return database.inTransaction(
        connection -> {
          try (var oldest =
              connection.prepareStatement(
                  """
                  DELETE FROM cart WHERE cart_id IN (
                    SELECT cart_id FROM cart WHERE customer_id = ?
                    ORDER BY changed_at DESC OFFSET ?)
                  """)) {
            oldest.setObject(1, customerId);
            oldest.setInt(2, CARTS_PER_CUSTOMER_MAX - 1);
            oldest.executeUpdate();
          }
          try (var insert =
              connection.prepareStatement(
                  "INSERT INTO cart (cart_id, customer_id, changed_at) VALUES (?, ?, ?)")) {
            insert.setObject(1, cartId);
            insert.setObject(2, customerId);
            insert.setTimestamp(3, Timestamp.from(clock.instant()));
            insert.executeUpdate();
          }
          return new Cart(cartId, List.of());
        });
  }

  /** The customer's own cart; empty for anybody else's. */
  public Optional<Cart> find(UUID cartId, UUID customerId) {
    return database.read(connection -> find(connection, cartId, customerId));
  }

  /** Sets the quantity of one offer; 0 takes it out. Empty for anybody else's cart. */
  public Optional<Cart> put(UUID cartId, UUID customerId, UUID offerId, int quantity) {
    return database.inTransaction(
        connection -> {
          if (!touch(connection, cartId, customerId)) {
            return Optional.empty();
          }
          if (quantity == 0) {
            remove(connection, cartId, offerId);
          } else {
            set(connection, cartId, offerId, quantity);
          }
          var cart = find(connection, cartId, customerId);
          if (cart.isPresent() && cart.get().items().size() > itemsMax) {
            throw Problem.unprocessable(
                "CART_FULL", "A cart holds at most " + itemsMax + " different offers.");
          }
          return cart;
        });
  }

  /** Locks the cart against a second writer and proves that it is the customer's. */
  private boolean touch(Connection connection, UUID cartId, UUID customerId) throws SQLException {
    try (var statement =
        connection.prepareStatement(
            "UPDATE cart SET changed_at = ? WHERE cart_id = ? AND customer_id = ?")) {
      statement.setTimestamp(1, Timestamp.from(clock.instant()));
      statement.setObject(2, cartId);
      statement.setObject(3, customerId);
      return statement.executeUpdate() == 1;
    }
  }

  private static void set(Connection connection, UUID cartId, UUID offerId, int quantity)
      throws SQLException {
    try (var statement =
        connection.prepareStatement(
            """
            INSERT INTO cart_item (cart_id, offer_id, quantity) VALUES (?, ?, ?)
            ON CONFLICT (cart_id, offer_id) DO UPDATE SET quantity = excluded.quantity
            """)) {
      statement.setObject(1, cartId);
      statement.setObject(2, offerId);
      statement.setInt(3, quantity);
      statement.executeUpdate();
    }
  }

  private static void remove(Connection connection, UUID cartId, UUID offerId) throws SQLException {
    try (var statement =
        connection.prepareStatement("DELETE FROM cart_item WHERE cart_id = ? AND offer_id = ?")) {
      statement.setObject(1, cartId);
      statement.setObject(2, offerId);
      statement.executeUpdate();
    }
  }

  private static Optional<Cart> find(Connection connection, UUID cartId, UUID customerId)
      throws SQLException {
    try (var statement =
        connection.prepareStatement(
            """
            SELECT offer_id, quantity FROM cart LEFT JOIN cart_item USING (cart_id)
            WHERE cart_id = ? AND customer_id = ? ORDER BY offer_id
            """)) {
      statement.setObject(1, cartId);
      statement.setObject(2, customerId);
      try (var rows = statement.executeQuery()) {
        var items = new ArrayList<Item>();
        boolean found = false;
        while (rows.next()) {
          found = true;
          var offerId = rows.getObject(1, UUID.class);
          if (offerId != null) {
            items.add(new Item(offerId, rows.getInt(2)));
          }
        }
        return found ? Optional.of(new Cart(cartId, List.copyOf(items))) : Optional.empty();
      }
    }
  }
}
