package flashsale.catalog;

import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.UUID;

/** The table product. Stateless. */
final class ProductRows {
  /** Sorts behind every id. */
  private static final UUID LAST = new UUID(-1L, -1L);

  private ProductRows() {}

  /** Inserts or replaces. */
  static void put(Connection connection, Product product) throws SQLException {
    try (var statement =
        connection.prepareStatement(
            """
            INSERT INTO product (product_id, name, description, image_url) VALUES (?, ?, ?, ?)
            ON CONFLICT (product_id) DO UPDATE
              SET name = excluded.name, description = excluded.description,
                  image_url = excluded.image_url
            """)) {
      statement.setObject(1, product.productId());
      statement.setString(2, product.name());
      statement.setString(3, product.description());
      statement.setString(4, product.imageUrl());
      statement.executeUpdate();
    }
  }

  static Optional<Product> find(Connection connection, UUID productId) throws SQLException {
    try (var statement =
        connection.prepareStatement(
            """
            SELECT product_id, name, description, image_url FROM product WHERE product_id = ?
            """)) {
      statement.setObject(1, productId);
      try (var rows = statement.executeQuery()) {
        return rows.next() ? Optional.of(read(rows)) : Optional.empty();
      }
    }
  }

  /** One page of the list, newest first. */
  static List<Product> page(Connection connection, Optional<UUID> after, int max)
      throws SQLException {
    try (var statement =
        connection.prepareStatement(
            """
            SELECT product_id, name, description, image_url FROM product
            WHERE product_id < ? ORDER BY product_id DESC LIMIT ?
            """)) {
      statement.setObject(1, after.orElse(LAST));
      statement.setInt(2, max);
      var products = new ArrayList<Product>(max);
      try (var rows = statement.executeQuery()) {
        while (rows.next()) {
          products.add(read(rows));
        }
      }
      return products;
    }
  }

  private static Product read(ResultSet rows) throws SQLException {
    return new Product(
        rows.getObject(1, UUID.class), rows.getString(2), rows.getString(3), rows.getString(4));
  }
}
