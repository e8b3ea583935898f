package flashsale.doors;

import flashsale.contracts.AuditRow;
import flashsale.contracts.Fact;
import flashsale.contracts.Inventory;
import flashsale.contracts.SaleWindow;
import flashsale.contracts.Stock;
import flashsale.contracts.StockGauge;
import flashsale.platform.lifecycle.Periodic;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.time.temporal.ChronoUnit;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.stream.Collectors;

/**
 * The ledger in another process. It keeps a gauge of its own, so that what is sold out is refused
 * without a hop; while the figures cannot be read anew the gate lets everybody through to the
 * ledger. Thread-safe.
 */
public final class RemoteInventory implements Inventory, AutoCloseable {
  /** Rounds without figures after which the last ones do not count any more. */
  private static final int ROUNDS_TRUSTED = 10;

  private final Inventory door;
  private final InstantSource clock;
  private final SharedFigures shared;
  private final StockGauge gauge = new StockGauge();
  private final Duration trusted;
  private final Periodic looking;
  private volatile long shownNanoTime;
  private volatile boolean shown;

  /** Null while it is the ledger that is asked. */
  private volatile Heard heard;

  private final Duration refresh;

  /** Figures of which somebody has just heard without asking the ledger. */
  private record Heard(Figures figures, Set<UUID> saleIds, long nanoTime) {}

  /**
   * Begins to look at the figures.
   *
   * @param shared where they are looked for first
   * @param refresh how often
   */
  public RemoteInventory(Peer peer, SharedFigures shared, InstantSource clock, Duration refresh) {
    this.door = RemoteDoors.of(Inventory.class, peer);
    this.shared = shared;
    this.refresh = refresh;
    this.clock = clock;
    this.trusted = refresh.multipliedBy(ROUNDS_TRUSTED);
    this.looking = new Periodic("remote-gauge", refresh, this::look);
  }

  private void look() {
    long asked = System.nanoTime();
    var told = shared.read();
    heard =
        told.map(
                figures ->
                    new Heard(
                        figures,
                        figures.windows().stream()
                            .map(SaleWindow::saleId)
                            .collect(Collectors.toUnmodifiableSet()),
                        asked))
            .orElse(null);
    gauge.show(told.orElseGet(door::figures));
    shownNanoTime = asked;
    shown = true;
  }

  @Override
  public Optional<Fact.StockRefused> refusedAtGate(Fact.ReservationRequested request) {
    return shown && System.nanoTime() - shownNanoTime < trusted.toNanos()
        ? gauge.refusal(request, clock.instant().truncatedTo(ChronoUnit.MICROS))
        : Optional.empty();
  }

  @Override
  public List<Fact> apply(List<Fact> facts) {
    return door.apply(facts);
  }

  @Override
  public Set<UUID> known(Collection<UUID> reservationIds) {
    return door.known(reservationIds);
  }

  @Override
  public Figures figures() {
    return door.figures();
  }

  @Override
  public List<Stock> stock(List<UUID> saleIds) {
    var told = heard;
    return told != null
            && System.nanoTime() - told.nanoTime() < refresh.toNanos()
            && told.saleIds().containsAll(saleIds)
        ? told.figures().stock().stream().filter(stock -> saleIds.contains(stock.saleId())).toList()
        : door.stock(saleIds);
  }

  @Override
  public List<Fact.StockHeld> openHolds(
      Instant from, Instant to, Optional<Fact.StockHeld> after, int max) {
    return door.openHolds(from, to, after, max);
  }

  @Override
  public List<AuditRow.Hold> holds(Optional<UUID> after, int max) {
    return door.holds(after, max);
  }

  @Override
  public List<AuditRow.Offer> offers() {
    return door.offers();
  }

  @Override
  public List<AuditRow.OverLimit> overLimit() {
    return door.overLimit();
  }

  @Override
  public List<AuditRow.Allotment> miscounted() {
    return door.miscounted();
  }

  @Override
  public void close() {
    looking.close();
  }
}
