package flashsale.catalog;

import flashsale.contracts.Inventory;
import java.time.Duration;
import java.time.InstantSource;
import java.util.List;
import java.util.UUID;
import java.util.function.Supplier;

/**
 * Brings the ledger's figures to the pages: those of busy sales at every look, those of all other
 * published sales less often. Used by one thread at a time; {@link #age} by any.
 */
final class Gauge {
  /** Sales in one question to the ledger at most. */
  private static final int SALES_PER_QUESTION_MAX = 100;

  private final Inventory inventory;
  private final SalePages pages;
  private final Supplier<LiveSales> live;
  private final InstantSource clock;
  private final Duration quietEvery;
  private long quietNanoTime;
  private volatile long answeredNanoTime = System.nanoTime();

  /**
   * Between this ledger and these pages.
   *
   * @param quietEvery how often the figures of sales that are not busy are asked for
   */
  Gauge(
      Inventory inventory,
      SalePages pages,
      Supplier<LiveSales> live,
      InstantSource clock,
      Duration quietEvery) {
    this.inventory = inventory;
    this.pages = pages;
    this.live = live;
    this.clock = clock;
    this.quietEvery = quietEvery;
    this.quietNanoTime = System.nanoTime() - quietEvery.toNanos();
  }

  /** Asks once. Where it throws, the pages keep the last known figures. */
  void look() {
    long from = System.nanoTime();
    boolean quietToo = from - quietNanoTime >= quietEvery.toNanos();
    ask(quietToo ? live.get().published() : live.get().busy(clock.instant()));
    if (quietToo) {
      quietNanoTime = from;
    }
    answeredNanoTime = from;
  }

  private void ask(List<UUID> saleIds) {
    for (int i = 0; i < saleIds.size(); i += SALES_PER_QUESTION_MAX) {
      var some = saleIds.subList(i, Math.min(saleIds.size(), i + SALES_PER_QUESTION_MAX));
      pages.count(inventory.stock(some));
    }
  }

  /** How old the figures of busy sales are at most. */
  Duration age() {
    return Duration.ofNanos(System.nanoTime() - answeredNanoTime);
  }
}
