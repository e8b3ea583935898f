package flashsale.contracts;

import flashsale.contracts.Fact.ReservationRequested;
import flashsale.contracts.Fact.StockRefused;
import java.time.Instant;
import java.util.Collection;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * The last committed figures that this process has heard of, so that a sold-out offer refuses
 * without a transaction. Commits of several threads may be heard out of order: a row replaces an
 * older one only. Lock-free to ask; thread-safe.
 */
public final class StockGauge {
  /** Offers, and sales, remembered at most; about further ones the ledger itself is asked. */
  private static final int ENTRIES_MAX = 100_000;

  private final ConcurrentMap<UUID, Stock> offers = new ConcurrentHashMap<>();
  private final ConcurrentMap<UUID, SaleWindow> windows = new ConcurrentHashMap<>();

  /** Hears of rows as they stand after a commit. */
  public void hear(Collection<Stock> stock, Collection<SaleWindow> sales) {
    for (var row : stock) {
      if (offers.size() < ENTRIES_MAX || offers.containsKey(row.offerId())) {
        offers.merge(row.offerId(), row, (a, b) -> b.revision() > a.revision() ? b : a);
      }
    }
    for (var row : sales) {
      if (windows.size() < ENTRIES_MAX || windows.containsKey(row.saleId())) {
        windows.merge(row.saleId(), row, (a, b) -> b.version() > a.version() ? b : a);
      }
    }
  }

  /** Hears of all there are now and forgets the others: what is over is not kept for ever. */
  public void show(Inventory.Figures figures) {
    hear(figures.stock(), figures.windows());
    offers.keySet().retainAll(ids(figures.stock().stream().map(Stock::offerId)));
    windows.keySet().retainAll(ids(figures.windows().stream().map(SaleWindow::saleId)));
  }

  /** Offers known now. */
  public int size() {
    return offers.size();
  }

  private static Set<UUID> ids(Stream<UUID> ids) {
    return ids.collect(Collectors.toSet());
  }

  /**
   * The refusal that the ledger would give, where it takes nothing but these figures to know it.
   * Every reason that would come before must be known not to hold.
   */
  public Optional<StockRefused> refusal(ReservationRequested request, Instant now) {
    Refusal reason = null;
    Stock decisive = null;
    for (Line line : request.lines()) {
      var offer = offers.get(line.offerId());
      var window = offer == null ? null : windows.get(offer.saleId());
      if (window == null) {
        return Optional.empty();
      }
      if (!window.openAt(now)) {
        if (reason != Refusal.SALE_NOT_OPEN) {
          reason = Refusal.SALE_NOT_OPEN;
          decisive = offer;
        }
      } else if (offer.available() == 0 && reason == null) {
        reason = Refusal.SOLD_OUT;
        decisive = offer;
      }
    }
    return reason == null ? Optional.empty() : Optional.of(refused(request, reason, decisive, now));
  }

  private static StockRefused refused(
      ReservationRequested request, Refusal reason, Stock offer, Instant now) {
    return new StockRefused(
        request.reservationId(),
        request.customerId(),
        request.lines(),
        request.currency(),
        request.fingerprint(),
        reason,
        offer.offerId(),
        offer.available(),
        now);
  }
}
