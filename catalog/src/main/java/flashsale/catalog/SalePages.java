package flashsale.catalog;

import flashsale.contracts.Stock;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.concurrent.locks.ReentrantLock;

/**
 * The ready pages of all published live sales. Readers take no lock; those who bring new rows or
 * figures take turns, and make only those pages again whose content has changed.
 */
final class SalePages {
  private final ConcurrentMap<UUID, SalePage> pages = new ConcurrentHashMap<>();
  private final Map<UUID, Stock> figures = new HashMap<>();
  private final ReentrantLock turn = new ReentrantLock();

  /** The page of this sale, or null. */
  SalePage page(UUID saleId) {
    return pages.get(saleId);
  }

  /** These are the live sales now; whatever belongs to others is forgotten. */
  void show(List<Listing> listings) {
    turn.lock();
    try {
      var saleIds = new HashSet<UUID>();
      var offerIds = new HashSet<UUID>();
      for (var listing : listings) {
        listing.offers().forEach(offer -> offerIds.add(offer.offerId()));
        if (listing.sale().published()) {
          saleIds.add(listing.sale().saleId());
          make(listing);
        }
      }
      pages.keySet().retainAll(saleIds);
      figures.keySet().retainAll(offerIds);
    } finally {
      turn.unlock();
    }
  }

  /** These are the ledger's figures now, of some of the offers. */
  void count(Collection<Stock> stocks) {
    turn.lock();
    try {
      var saleIds = new HashSet<UUID>();
      for (var stock : stocks) {
        if (!stock.equals(figures.put(stock.offerId(), stock))) {
          saleIds.add(stock.saleId());
        }
      }
      for (var saleId : saleIds) {
        var page = pages.get(saleId);
        if (page != null) {
          make(page.listing());
        }
      }
    } finally {
      turn.unlock();
    }
  }

  private void make(Listing listing) {
    pages.compute(
        listing.sale().saleId(),
        (id, page) -> page == null ? SalePage.of(listing, figures) : page.with(listing, figures));
  }

  /** The last known figures of all offers, by offer. */
  Map<UUID, Stock> figures() {
    turn.lock();
    try {
      return Map.copyOf(figures);
    } finally {
      turn.unlock();
    }
  }
}
