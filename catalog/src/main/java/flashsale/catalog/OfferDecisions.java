package flashsale.catalog;

import flashsale.catalog.Decisions.Decided;
import flashsale.contracts.Inventory;
import flashsale.contracts.Stock;
import flashsale.platform.http.Problem;
import flashsale.platform.ids.Ids;
import flashsale.platform.persistence.Database;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What operators decide about offers. Thread-safe. */
final class OfferDecisions {
  private static final Logger LOG = LoggerFactory.getLogger(OfferDecisions.class);
  private static final Duration RETRY_AFTER = Duration.ofSeconds(1);

  /** An offer to be. */
  record Body(
      UUID productId,
      Long unitPriceMinor,
      String currency,
      Integer allocated,
      Integer limitPerCustomer) {}

  /** An offer's changes: null leaves a field as it is. */
  record Change(Long unitPriceMinor, Integer limitPerCustomer, Integer allocated) {}

  private final Database database;
  private final Inventory inventory;
  private final Decisions decisions;
  private final LiveLimits limits;

  OfferDecisions(Database database, Inventory inventory, Decisions decisions, LiveLimits limits) {
    this.database = database;
    this.inventory = inventory;
    this.decisions = decisions;
    this.limits = limits;
  }

  Offer add(UUID saleId, Body body) {
    if (body.productId() == null) {
      throw Rules.invalid("productId", "must be a product's id");
    }
    long unitPriceMinor = Rules.price(body.unitPriceMinor());
    var currency = Rules.currency(body.currency());
    int allocated = Rules.allocated(body.allocated());
    int limit = Rules.limitPerCustomer(body.limitPerCustomer());
    return decisions.decide(
        (connection, now) -> {
          SaleDecisions.notOver(connection, saleId, now);
          var product = product(connection, body.productId());
          var offer =
              new Offer(
                  Ids.next(),
                  saleId,
                  product.productId(),
                  product.name(),
                  unitPriceMinor,
                  currency,
                  limit,
                  allocated,
                  1,
                  1,
                  0);
          OfferRows.insert(connection, offer);
          limits.check(connection, saleId);
          limits.check(connection, now);
          return new Decided<>(offer, Optional.of(offer.fact()));
        });
  }

  private static Product product(Connection connection, UUID productId) throws SQLException {
    return ProductRows.find(connection, productId)
        .orElseThrow(
            () ->
                Problem.unprocessable("PRODUCT_UNKNOWN", "There is no such product.")
                    .with("productId", productId));
  }

  /**
   * Price, limit and allocation, as long as the sale is not over. A repeat changes nothing, and
   * carries the fact to the ledger once more if it had not arrived.
   *
   * @throws Problem 409 ALLOCATION_TOO_LOW with held, sold and minimum
   */
  Offer change(UUID offerId, Change body) {
    if (body.allocated() != null) {
      refuseTooLow(offerId, Rules.allocated(body.allocated()));
    }
    return decisions.decide(
        (connection, now) -> {
          var offer =
              OfferRows.find(connection, offerId).orElseThrow(() -> Problem.notFound("offer"));
          SaleDecisions.notOver(connection, offer.saleId(), now);
          var next = changed(offer, body);
          if (!next.equals(offer)) {
            OfferRows.update(connection, next);
          }
          return next.applied()
              ? Decided.withoutLedger(next)
              : new Decided<>(next, Optional.of(next.fact()));
        });
  }

  private static Offer changed(Offer offer, Change body) {
    return offer.with(
        body.unitPriceMinor() == null ? offer.unitPriceMinor() : Rules.price(body.unitPriceMinor()),
        body.limitPerCustomer() == null
            ? offer.limitPerCustomer()
            : Rules.limitPerCustomer(body.limitPerCustomer()),
        body.allocated() == null ? offer.allocated() : Rules.allocated(body.allocated()));
  }

  /**
   * Tells the operator early, with numbers. Not the guard: units may be held between this look and
   * the ledger's decision, which then keeps as many as it must and answers with the truth.
   */
  private void refuseTooLow(UUID offerId, int allocated) {
    var offer =
        database
            .with(connection -> OfferRows.find(connection, offerId))
            .orElseThrow(() -> Problem.notFound("offer"));
    if (allocated >= offer.allocated()) {
      return;
    }
    for (var stock : stock(offer.saleId())) {
      int minimum = stock.held() + stock.sold();
      if (stock.offerId().equals(offerId) && allocated < minimum) {
        throw Problem.conflict(
                "ALLOCATION_TOO_LOW",
                "%d units are held and %d are sold: allocate at least %d."
                    .formatted(stock.held(), stock.sold(), minimum))
            .with("held", stock.held())
            .with("sold", stock.sold())
            .with("minimum", minimum);
      }
    }
  }

  private List<Stock> stock(UUID saleId) {
    try {
      return inventory.stock(List.of(saleId));
    } catch (RuntimeException e) {
      LOG.warn("no figures for lowering an allocation: {}", e.toString());
      throw Problem.unavailable(
          "LEDGER_UNAVAILABLE",
          "The stock ledger cannot tell what is held and sold; nothing was changed.",
          RETRY_AFTER);
    }
  }
}
