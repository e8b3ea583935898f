package flashsale.checkout;

import flashsale.contracts.Checkout;
import flashsale.contracts.Fact;
import flashsale.contracts.Fact.StockHeld;
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
 * Finds walks that were interrupted and drives them on. Between the hold and the reservation's row
 * a process died, or its deadline passed: at start every open hold is looked at, then those taken
 * since the last look. And what was accepted and stands still had its facts in queues that are lost
 * with them: its row stays PENDING, and it is walked from there once more. Money needs none of
 * this: it is in the payments' outbox.
 */
public final class Recovery<F extends Fact> implements AutoCloseable {
  /**
   * Where interrupted walks are found.
   *
   * @param <F> what they are driven on from
   */
  @FunctionalInterface
  public interface Source<F extends Fact> {
    /** A page of those from {@code [from, to)}, in order, behind {@code after}. */
    List<F> page(Instant from, Instant to, Optional<F> after, int max);

    /** Which of a page are to be driven on. */
    default List<F> interrupted(List<F> page) {
      return page;
    }
  }

  /** Holds without a settled reservation. */
  private record Holds(Inventory inventory, Reservations reservations)
      implements Source<StockHeld> {
    @Override
    public List<StockHeld> page(Instant from, Instant to, Optional<StockHeld> after, int max) {
      return inventory.openHolds(from, to, after, max);
    }

    @Override
    public List<StockHeld> interrupted(List<StockHeld> page) {
      var unsettled = reservations.unsettled(page.stream().map(StockHeld::reservationId).toList());
      return page.stream().filter(held -> unsettled.contains(held.reservationId())).toList();
    }
  }

  private static final Logger LOG = LoggerFactory.getLogger(Recovery.class);
  private static final int PAGE_MAX = 1_000;

  private final String name;
  private final Source<F> source;
  private final Checkout checkout;
  private final InstantSource clock;
  private final Duration untouched;
  private final Duration every;
  private final Thread thread;
  private volatile boolean closing;

  /**
   * Starts looking for holds without a settled reservation.
   *
   * @param untouched holds younger than this may belong to a walk that is still under way
   * @param every how often to look
   */
  public static Recovery<StockHeld> ofHolds(
      Inventory inventory,
      Reservations reservations,
      Checkout checkout,
      InstantSource clock,
      Duration untouched,
      Duration every) {
    // Whatever was interrupted before this process started is nobody's any more: no need to wait.
    return new Recovery<>(
        "holds",
        new Holds(inventory, reservations),
        checkout,
        clock,
        untouched,
        every,
        clock.instant());
  }

  /**
   * Starts looking for what was accepted and stands still.
   *
   * @param name for threads and the log
   * @param untouched what is younger than this may be under way
   * @param every how often to look
   */
  public static <F extends Fact> Recovery<F> ofAccepted(
      String name,
      Source<F> source,
      Checkout checkout,
      InstantSource clock,
      Duration untouched,
      Duration every) {
    return new Recovery<>(
        name, source, checkout, clock, untouched, every, clock.instant().minus(untouched));
  }

  private Recovery(
      String name,
      Source<F> source,
      Checkout checkout,
      InstantSource clock,
      Duration untouched,
      Duration every,
      Instant firstTo) {
    this.name = name;
    this.source = source;
    this.checkout = checkout;
    this.clock = clock;
    this.untouched = untouched;
    this.every = every;
    this.thread = Thread.ofVirtual().name("recovery-" + name).start(() -> run(firstTo));
  }

  private void run(Instant firstTo) {
    var from = Instant.EPOCH;
    var to = firstTo;
    while (!closing) {
      try {
        int driven = look(from, to);
        if (driven > 0) {
          LOG.info("{} interrupted {} were driven on", driven, name);
        }
        from = to;
      } catch (RuntimeException e) {
        LOG.warn("interrupted {} are looked for again later: {}", name, e.getMessage());
      } catch (Error e) {
        LOG.error("looking for interrupted {} failed badly and goes on", name, e);
      }
      LockSupport.parkNanos(this, every.toNanos());
      to = clock.instant().minus(untouched);
      to = to.isBefore(from) ? from : to;
    }
  }

  /**
   * Drives on what is interrupted of {@code [from, to)}; how many those were. One that cannot be
   * driven on does not stop the others.
   *
   * @throws RuntimeException the last failure, after all of them were tried
   */
  private int look(Instant from, Instant to) {
    int driven = 0;
    RuntimeException failure = null;
    Optional<F> last = Optional.empty();
    List<F> page;
    do {
      page = source.page(from, to, last, PAGE_MAX);
      if (page.isEmpty()) {
        break;
      }
      last = Optional.of(page.getLast());
      for (var fact : source.interrupted(page)) {
        try {
          checkout.carry(fact);
          driven++;
        } catch (RuntimeException e) {
          failure = e;
        } catch (Error e) {
          LOG.error("reservation {} cannot be driven on", fact.key(), e);
          failure = new IllegalStateException(e.toString(), e);
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
