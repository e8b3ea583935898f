package flashsale.catalog;

import flashsale.contracts.AuditRow;
import flashsale.contracts.Fact;
import flashsale.contracts.Inventory;
import flashsale.contracts.SaleState;
import flashsale.contracts.Stock;
import java.time.Instant;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;

/**
 * A ledger in memory with the catalogue's side of the contract: versions, clamping of allocations,
 * figures. Holding and selling are plain methods for tests. While it is down everything throws.
 */
final class MemoryLedger implements Inventory {
  /** What the ledger knows of a sale. */
  record Window(
      SaleState state, Instant opensAt, Instant closesAt, int holdSeconds, long version) {}

  private final Map<UUID, Stock> stocks = new LinkedHashMap<>();
  private final Map<UUID, Long> versions = new HashMap<>();
  private final Map<UUID, Window> windows = new HashMap<>();
  private Runnable beforeAllocating = () -> {};
  private boolean down;
  private int questions;

  synchronized void down(boolean isDown) {
    down = isDown;
  }

  /** Something that happens between the catalogue's look at the figures and its decision. */
  synchronized void beforeAllocating(Runnable event) {
    beforeAllocating = event;
  }

  synchronized void hold(UUID offerId, int units) {
    move(offerId, -units, units, 0);
  }

  synchronized void sell(UUID offerId, int units) {
    move(offerId, 0, -units, units);
  }

  private void move(UUID offerId, int available, int held, int sold) {
    var s = stocks.get(offerId);
    stocks.put(
        offerId,
        new Stock(
            s.offerId(),
            s.saleId(),
            s.allocated(),
            s.available() + available,
            s.held() + held,
            s.sold() + sold,
            s.limitPerCustomer(),
            s.revision() + 1));
  }

  synchronized Optional<Window> window(UUID saleId) {
    return Optional.ofNullable(windows.get(saleId));
  }

  synchronized Stock of(UUID offerId) {
    return stocks.get(offerId);
  }

  synchronized int questions() {
    return questions;
  }

  @Override
  public Figures figures() {
    throw new UnsupportedOperationException("the catalogue has no gate");
  }

  @Override
  public synchronized List<Stock> stock(List<UUID> saleIds) {
    refuseWhenDown();
    questions++;
    return stocks.values().stream().filter(s -> saleIds.contains(s.saleId())).toList();
  }

  @Override
  public synchronized List<Fact> apply(List<Fact> facts) {
    refuseWhenDown();
    return facts.stream().map(this::apply).toList();
  }

  private Fact apply(Fact fact) {
    return switch (fact) {
      case Fact.OfferAllocated a -> allocate(a);
      case Fact.SaleScheduled s ->
          window(
              s.saleId(),
              new Window(
                  SaleState.SCHEDULED, s.opensAt(), s.closesAt(), s.holdSeconds(), s.version()));
      case Fact.SaleOpened s ->
          window(
              s.saleId(),
              new Window(SaleState.OPEN, s.opensAt(), s.closesAt(), s.holdSeconds(), s.version()));
      case Fact.SalePaused s ->
          window(
              s.saleId(),
              new Window(
                  SaleState.PAUSED, s.opensAt(), s.closesAt(), s.holdSeconds(), s.version()));
      case Fact.SaleClosed s ->
          window(
              s.saleId(),
              new Window(
                  SaleState.CLOSED, s.opensAt(), s.closesAt(), s.holdSeconds(), s.version()));
      default -> throw new IllegalArgumentException("the ledger does not take " + fact);
    };
  }

  private Fact allocate(Fact.OfferAllocated a) {
    beforeAllocating.run();
    if (a.version() > versions.getOrDefault(a.offerId(), 0L)) {
      versions.put(a.offerId(), a.version());
      var old = stocks.get(a.offerId());
      int held = old == null ? 0 : old.held();
      int sold = old == null ? 0 : old.sold();
      int truth = Math.max(a.allocated(), held + sold);
      stocks.put(
          a.offerId(),
          new Stock(
              a.offerId(),
              a.saleId(),
              truth,
              truth - held - sold,
              held,
              sold,
              a.limitPerCustomer(),
              old == null ? 1 : old.revision() + 1));
    }
    var s = stocks.get(a.offerId());
    return new Fact.StockAllocated(
        a.offerId(),
        a.saleId(),
        s.allocated(),
        s.available(),
        s.held(),
        s.sold(),
        versions.get(a.offerId()));
  }

  private Fact window(UUID saleId, Window window) {
    windows.merge(saleId, window, (a, b) -> b.version() > a.version() ? b : a);
    return new Fact.SaleKnown(saleId, windows.get(saleId).version());
  }

  private void refuseWhenDown() {
    if (down) {
      throw new IllegalStateException("the ledger is down");
    }
  }

  @Override
  public Optional<Fact.StockRefused> refusedAtGate(Fact.ReservationRequested request) {
    return Optional.empty();
  }

  @Override
  public Set<UUID> known(Collection<UUID> reservationIds) {
    return Set.of();
  }

  @Override
  public List<Fact.StockHeld> openHolds(
      Instant from, Instant to, Optional<Fact.StockHeld> after, int max) {
    return List.of();
  }

  @Override
  public List<AuditRow.Hold> holds(Optional<UUID> after, int max) {
    return List.of();
  }

  @Override
  public List<AuditRow.Offer> offers() {
    return List.of();
  }

  @Override
  public List<AuditRow.OverLimit> overLimit() {
    return List.of();
  }

  @Override
  public List<AuditRow.Allotment> miscounted() {
    return List.of();
  }
}
