package flashsale.checkout;

import flashsale.contracts.Checkout;
import flashsale.contracts.Fact;
import flashsale.contracts.Inventory;
import flashsale.contracts.Reservations;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.locks.LockSupport;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Finds walks that were interrupted between the hold and the reservation's row, and drives them on:
 * a process died there, or its deadline passed. At start it looks at every open hold, then at those
 * taken since the last look. Money needs none of this: it is in the payments' outbox.
 */
public final class Recovery implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Recovery.class);
  private static final int PAGE_MAX = 1_000;

  private final Inventory inventory;
  private final Reservations reservations;
  private final Checkout checkout;
  private final InstantSource clock;
  private final Duration untouched;
  private final Duration every;
  private final Thread thread;
  private volatile boolean closing;

  /**
   * Starts looking.
   *
   * @param untouched holds younger than this may belong to a walk that is still under way
   * @param every how often to look
   */
  public Recovery(
      Inventory inventory,
      Reservations reservations,
      Checkout checkout,
      InstantSource clock,
      Duration untouched,
      Duration every) {
    this.inventory = inventory;
    this.reservations = reservations;
    this.checkout = checkout;
    this.clock = clock;
    this.untouched = untouched;
    this.every = every;
    this.thread = Thread.ofVirtual().name("recovery").start(this::run);
  }

  private void run() {
    var from = Instant.EPOCH;
    // Whatever was interrupted before this process started is nobody's any more: no need to wait.
    var to = clock.instant();
    while (!closing) {
      try {
        int driven = look(from, to);
        if (driven > 0) {
          LOG.info("{} interrupted reservations were driven on", driven);
        }
        from = to;
      } catch (RuntimeException e) {
        LOG.warn("interrupted reservations are looked for again later: {}", e.getMessage());
      } catch (Error e) {
        LOG.error("looking for interrupted reservations failed badly and goes on", e);
      }
      LockSupport.parkNanos(this, every.toNanos());
      to = clock.instant().minus(untouched);
      to = to.isBefore(from) ? from : to;
    }
  }

  /**
   * Drives on what is unsettled among the holds taken in {@code [from, to)}; how many those were.
   * One that cannot be driven on does not stop the others.
   *
   * @throws RuntimeException the last failure, after all of them were tried
   */
  private int look(Instant from, Instant to) {
    int driven = 0;
    RuntimeException failure = null;
    Optional<Fact.StockHeld> last = Optional.empty();
    List<Fact.StockHeld> page;
    do {
      page = inventory.openHolds(from, to, last, PAGE_MAX);
      if (page.isEmpty()) {
        break;
      }
      last = Optional.of(page.getLast());
      var unsettled =
          reservations.unsettled(page.stream().map(Fact.StockHeld::reservationId).toList());
      for (var held : page) {
        if (unsettled.contains(held.reservationId())) {
          try {
            checkout.carry(held);
            driven++;
          } catch (RuntimeException e) {
            failure = e;
          } catch (Error e) {
            LOG.error("reservation {} cannot be driven on", held.reservationId(), e);
            failure = new IllegalStateException(e.toString(), e);
          }
        }
      }
    } while (page.size() == PAGE_MAX && !closing);
    if (failure != null) {
      throw failure;
    }
    return driven;
  }

  @Override
  public void close() {
    closing = true;
    LockSupport.unpark(thread);
    try {
      thread.join(Duration.ofSeconds(10));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
