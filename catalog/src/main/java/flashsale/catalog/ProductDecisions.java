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

  private final Decisions decisions;
  private final Consumer<UUID> changed;

  /**
   * Over these decisions.
   *
   * @param changed is told of each product that was written and must not throw
   */
  ProductDecisions(Decisions decisions, Consumer<UUID> changed) {
    this.decisions = decisions;
    this.changed = changed;
  }

  Product add(Body body) {
    var product =
        new Product(
            Ids.next(),
            Rules.name(body.name()),
            Rules.description(body.description()),
            Rules.imageUrl(body.imageUrl()));
    return put(product.productId(), connection -> product);
  }

  /** An empty imageUrl takes the image away. */
  Product change(UUID productId, Body body) {
    return put(
        productId,
        connection -> {
          var product =
              ProductRows.find(connection, productId)
                  .orElseThrow(() -> Problem.notFound("product"));
          return new Product(
              productId,
              body.name() == null ? product.name() : Rules.name(body.name()),
              body.description() == null
                  ? product.description()
                  : Rules.description(body.description()),
              body.imageUrl() == null ? product.imageUrl() : Rules.imageUrl(body.imageUrl()));
        });
  }

  private Product put(UUID productId, Database.Work<Product> work) {
    var product =
        decisions.decide(
            (connection, now) -> {
              var made = work.on(connection);
              ProductRows.put(connection, made);
              return Decided.withoutLedger(made);
            });
    changed.accept(productId);
    return product;
  }
}
