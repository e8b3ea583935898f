package flashsale.inventory;

import flashsale.contracts.Fact.OfferAllocated;
import flashsale.contracts.Fact.StockAllocated;
import flashsale.contracts.Stock;
import java.util.UUID;

/**
 * One offer in the ledger, a row of {@code stock}, in units: {@code allocated = available + held +
 * sold}.
 *
 * @param limitPerCustomer units one customer may hold and own; 0: no limit
 * @param limitCeiling the highest limit that was ever in force; 0: at some time there was none
 * @param version the catalogue's, of the allocation that is in force
 * @param revision counts the transactions that wrote the row; orders what the gauge hears
 */
record OfferStock(
    UUID offerId,
    UUID saleId,
    int allocated,
    int available,
    int held,
    int sold,
    int limitPerCustomer,
    int limitCeiling,
    long version,
    long revision) {

  /** The invariant once more; the database's CHECK is the second statement of it. */
  OfferStock {
    if (available < 0 || held < 0 || sold < 0 || allocated != available + held + sold) {
      throw new IllegalStateException(
          "offer %s breaks allocated = available + held + sold: %d, %d, %d, %d"
              .formatted(offerId, allocated, available, held, sold));
    }
  }

  /** An offer that the ledger hears of for the first time. */
  static OfferStock first(OfferAllocated fact) {
    return new OfferStock(
        fact.offerId(),
        fact.saleId(),
        fact.allocated(),
        fact.allocated(),
        0,
        0,
        fact.limitPerCustomer(),
        fact.limitPerCustomer(),
        fact.version(),
        0);
  }

  /** What is held or sold already stays: the allocation is never less than that. */
  OfferStock allocate(OfferAllocated fact) {
    int truth = Math.max(fact.allocated(), held + sold);
    return new OfferStock(
        offerId,
        saleId,
        truth,
        truth - held - sold,
        held,
        sold,
        fact.limitPerCustomer(),
        ceiling(fact.limitPerCustomer()),
        fact.version(),
        revision);
  }

  /** Units that were taken under a higher limit stay, so that is what they are audited against. */
  private int ceiling(int limit) {
    return limit == 0 || limitCeiling == 0 ? 0 : Math.max(limit, limitCeiling);
  }

  OfferStock hold(int units) {
    return moved(available - units, held + units, sold);
  }

  OfferStock giveBack(int units) {
    return moved(available + units, held - units, sold);
  }

  OfferStock sell(int units) {
    return moved(available, held - units, sold + units);
  }

  OfferStock restock(int units) {
    return moved(available + units, held, sold - units);
  }

  private OfferStock moved(int nowAvailable, int nowHeld, int nowSold) {
    return new OfferStock(
        offerId,
        saleId,
        allocated,
        nowAvailable,
        nowHeld,
        nowSold,
        limitPerCustomer,
        limitCeiling,
        version,
        revision);
  }

  OfferStock atRevision(long next) {
    return new OfferStock(
        offerId,
        saleId,
        allocated,
        available,
        held,
        sold,
        limitPerCustomer,
        limitCeiling,
        version,
        next);
  }

  StockAllocated answer() {
    return new StockAllocated(offerId, saleId, allocated, available, held, sold, version);
  }

  Stock figures() {
    return new Stock(offerId, saleId, allocated, available, held, sold, limitPerCustomer, revision);
  }
}
