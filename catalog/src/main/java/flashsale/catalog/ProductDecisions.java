package flashsale.catalog;

import flashsale.catalog.Decisions.Decided;
import flashsale.platform.http.Problem;
import flashsale.platform.ids.Ids;
import flashsale.platform.persistence.Database;
import java.util.UUID;
import java.util.function.Consumer;

/** What operators decide about products. Thread-safe. */
final class ProductDecisions {
  /** A product to be, or its changes: there, null leaves a field as it is. */
  record Body(String name, String description, String imageUrl) {}

  private final Database database;
  private final Decisions decisions;
  private final Consumer<UUID> changed;

  /**
   * Over this database.
   *
   * @param changed is told of each product that was written and must not throw
   */
  ProductDecisions(Database database, Decisions decisions, Consumer<UUID> changed) {
    this.database = database;
    this.decisions = decisions;
    this.changed = changed;
  }

  /** Concerns no sale yet, so it need not take turns with other decisions. */
  Product add(Body body) {
    var product =
        new Product(
            Ids.next(),
            Rules.name(body.name()),
            Rules.description(body.description()),
            Rules.imageUrl(body.imageUrl()));
    database.inTransaction(
        connection -> {
          ProductRows.put(connection, product);
          return null;
        });
    changed.accept(product.productId());
    return product;
  }

  /** An empty imageUrl takes the image away. */
  Product change(UUID productId, Body body) {
    var product =
        decisions.decide(
            (connection, now) -> {
              var old =
                  ProductRows.find(connection, productId)
                      .orElseThrow(() -> Problem.notFound("product"));
              var next = changed(old, body);
              ProductRows.put(connection, next);
              return Decided.withoutLedger(next);
            });
    changed.accept(productId);
    return product;
  }

  private static Product changed(Product product, Body body) {
    return new Product(
        product.productId(),
        body.name() == null ? product.name() : Rules.name(body.name()),
        body.description() == null ? product.description() : Rules.description(body.description()),
        body.imageUrl() == null ? product.imageUrl() : Rules.imageUrl(body.imageUrl()));
  }
}
