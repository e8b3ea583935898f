package flashsale.catalog;

import flashsale.contracts.SaleState;
import flashsale.contracts.Stock;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.UUID;

/**
 * A sale as operators see it: what customers see, and besides it the decision itself and the
 * ledger's figures.
 *
 * @param state by the clock
 * @param decided what operators decided
 */
record SaleDetail(
    Instant serverTime,
    UUID saleId,
    String name,
    SaleState state,
    SaleState decided,
    Instant opensAt,
    Instant closesAt,
    int holdSeconds,
    long version,
    List<OfferDetail> offers) {

  /**
   * An offer as operators see it.
   *
   * @param available units, as {@code held} and {@code sold}; null as long as the ledger has never
   *     told
   * @param applied whether the ledger has answered the last decision; until then the figures may be
   *     those before it
   */
  record OfferDetail(
      UUID offerId,
      UUID saleId,
      UUID productId,
      String productName,
      long unitPriceMinor,
      String currency,
      int limitPerCustomer,
      int allocated,
      Integer available,
      Integer held,
      Integer sold,
      boolean soldOut,
      long version,
      boolean applied) {

    static OfferDetail of(Offer offer, Stock stock) {
      return new OfferDetail(
          offer.offerId(),
          offer.saleId(),
          offer.productId(),
          offer.productName(),
          offer.unitPriceMinor(),
          offer.currency(),
          offer.limitPerCustomer(),
          stock == null ? offer.allocated() : stock.allocated(),
          stock == null ? null : stock.available(),
          stock == null ? null : stock.held(),
          stock == null ? null : stock.sold(),
          stock != null && stock.available() == 0,
          offer.version(),
          offer.applied());
    }
  }

  static SaleDetail of(Listing listing, Map<UUID, Stock> figures, Instant now) {
    var sale = listing.sale();
    return new SaleDetail(
        now,
        sale.saleId(),
        sale.name(),
        sale.stateAt(now),
        sale.state(),
        sale.opensAt(),
        sale.closesAt(),
        sale.holdSeconds(),
        sale.version(),
        listing.offers().stream()
            .map(offer -> OfferDetail.of(offer, figures.get(offer.offerId())))
            .toList());
  }
}
