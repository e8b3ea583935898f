package flashsale.checkout;

import flashsale.contracts.Checkout;
import flashsale.contracts.Fact;
import flashsale.contracts.Fact.HoldExtended;
import flashsale.contracts.Fact.HoldGone;
import flashsale.contracts.Fact.OrderPlaced;
import flashsale.contracts.Fact.PaymentRequested;
import flashsale.contracts.Fact.ReservationRequested;
import flashsale.contracts.Fact.StockHeld;
import flashsale.contracts.Fact.StockRefused;
import flashsale.contracts.Inventory;
import flashsale.contracts.Reservations;
import flashsale.platform.messaging.Bus;
import flashsale.platform.messaging.Envelopes;
import flashsale.platform.messaging.FailureCategory;
import flashsale.platform.messaging.Permanent;
import flashsale.platform.messaging.Relay;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Finds walks that were interrupted and drives them on. Between the hold and the reservation's row
 * a process died, or its deadline passed: at start every open hold is looked at, then those taken
 * since the last look. And what was accepted and stands still had its facts in queues that are lost
 * with them: its row stays PENDING, and it is walked from there once more. Money needs none of
 * this: it is in the payments' outbox.
 *
 * <p>What cannot be driven on is tried again like a message of a {@link Relay}, and parked as a
 * dead letter in the end; what is a dead letter is the operators' to decide about. An outage is no
 * fault of what it stops: it ends the look, and the same range is looked at again.
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

  /** The dead letters of the roles where such a walk may have been given up. */
  public interface Letters {
    /**
     * Which walks have a letter that is parked or discarded.
     *
     * @param walks what tells each from others, and its key
     * @param types of the facts on such walks
     * @return what tells those
     */
    Set<UUID> givenUp(Map<UUID, UUID> walks, Set<String> types);

    /**
     * Keeps what a walk would have been driven on from, durably when it returns. May be called
     * again for one that is kept already, and by several threads.
     *
     * @param message with the attempts that were made
     * @param failure what the last of them ended with
     */
    void park(Bus.Message message, Instant firstAt, Throwable failure);
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

  /**
   * The facts of what is driven on here, up to the row that stands still. A letter about anything
   * else of the same key, such as its release, gives no request up.
   */
  private static final Set<String> ON_THE_WAY =
      names(
          Set.of(
              ReservationRequested.class,
              StockHeld.class,
              StockRefused.class,
              OrderPlaced.class,
              PaymentRequested.class,
              HoldExtended.class,
              HoldGone.class));

  /**
   * Walks at a time. The driver does what comes together in one batch, so one after the other would
   * cost a transaction of every role for each; and this is a part of a batch only, so that
   * customers' walks go beside them.
   */
  static final int WALKS_MAX = 64;

  /** Walks that are set aside to be tried again; some ten megabytes. A look waits for room. */
  static final int SET_ASIDE_MAX = 10_000;

  /** How often what is set aside is looked at, so that not each is asked about alone. */
  private static final Duration RETRY_EVERY = Duration.ofMillis(100);

  private final String name;
  private final Source<F> source;
  private final Checkout checkout;
  private final Letters letters;
  private final int attemptsMax;
  private final InstantSource clock;
  private final Duration untouched;
  private final Duration every;
  private final Envelopes<Fact> envelopes = new Envelopes<>(Fact.TYPES);
  private final Retries<F> retries = new Retries<>();
  private final Thread thread;
  private volatile boolean closing;

  /**
   * Starts looking for holds without a settled reservation.
   *
   * @param letters where those are left that cannot be driven on
   * @param untouched holds younger than this may belong to a walk that is still under way
   * @param every how often to look
   */
  public static Recovery<StockHeld> ofHolds(
      Inventory inventory,
      Reservations reservations,
      Checkout checkout,
      Letters letters,
      InstantSource clock,
      Duration untouched,
      Duration every) {
    // Whatever was interrupted before this process started is nobody's any more: no need to wait.
    return new Recovery<>(
        "holds",
        new Holds(inventory, reservations),
        checkout,
        letters,
        Relay.ATTEMPTS_MAX,
        clock,
        untouched,
        every,
        clock.instant());
  }

  /**
   * Starts looking for what was accepted and stands still.
   *
   * @param name for threads and the log
   * @param letters where those are left that cannot be driven on
   * @param untouched what is younger than this may be under way
   * @param every how often to look
   */
  public static <F extends Fact> Recovery<F> ofAccepted(
      String name,
      Source<F> source,
      Checkout checkout,
      Letters letters,
      InstantSource clock,
      Duration untouched,
      Duration every) {
    return ofAccepted(name, source, checkout, letters, Relay.ATTEMPTS_MAX, clock, untouched, every);
  }

  /**
   * The same.
   *
   * @param attemptsMax after which one that fails is parked
   */
  static <F extends Fact> Recovery<F> ofAccepted(
      String name,
      Source<F> source,
      Checkout checkout,
      Letters letters,
      int attemptsMax,
      InstantSource clock,
      Duration untouched,
      Duration every) {
    return new Recovery<>(
        name,
        source,
        checkout,
        letters,
        attemptsMax,
        clock,
        untouched,
        every,
        clock.instant().minus(untouched));
  }

  private Recovery(
      String name,
      Source<F> source,
      Checkout checkout,
      Letters letters,
      int attemptsMax,
      InstantSource clock,
      Duration untouched,
      Duration every,
      Instant firstTo) {
    this.name = name;
    this.source = source;
    this.checkout = checkout;
    this.letters = letters;
    this.attemptsMax = attemptsMax;
    this.clock = clock;
    this.untouched = untouched;
    this.every = every;
    this.thread = Thread.ofVirtual().name("recovery-" + name).start(() -> run(firstTo));
  }

  private static Set<String> names(Set<Class<? extends Fact>> wanted) {
    return Fact.TYPES.entrySet().stream()
        .filter(named -> wanted.contains(named.getValue()))
        .map(Map.Entry::getKey)
        .collect(Collectors.toUnmodifiableSet());
  }

  private void run(Instant firstTo) {
    var from = Instant.EPOCH;
    var to = firstTo;
    while (!closing) {
      if (looked(from, to)) {
        from = to;
      }
      pause();
      to = clock.instant().minus(untouched);
      to = to.isBefore(from) ? from : to;
    }
  }

  private boolean looked(Instant from, Instant to) {
    return done(() -> look(from, to));
  }

  /** Until the next look, tries again what becomes due; not after an outage. */
  private void pause() {
    long until = System.nanoTime() + every.toNanos();
    boolean goesOn = true;
    for (long left = every.toNanos(); left > 0 && !closing; left = until - System.nanoTime()) {
      boolean soon = goesOn && retries.size() > 0;
      LockSupport.parkNanos(this, soon ? Math.min(left, RETRY_EVERY.toNanos()) : left);
      goesOn = goesOn && done(this::tryAgain);
    }
  }

  /** Whether it came to its end. */
  private boolean done(Runnable work) {
    try {
      work.run();
      return true;
    } catch (RuntimeException e) {
      LOG.warn("interrupted {} are looked for again later: {}", name, e.getMessage());
    } catch (Error e) {
      LOG.error("looking for interrupted {} failed badly and goes on", name, e);
    }
    return false;
  }

  /**
   * Drives on what is interrupted of {@code [from, to)}. One that cannot be driven on is set aside
   * and stops neither the others nor the look.
   *
   * @throws RuntimeException if an outage stopped it
   */
  private void look(Instant from, Instant to) {
    Optional<F> last = Optional.empty();
    List<F> page;
    do {
      awaitRoom();
      page = source.page(from, to, last, PAGE_MAX);
      drive(mine(page.stream().filter(fact -> !retries.has(fact)).toList()));
      last = page.isEmpty() ? last : Optional.of(page.getLast());
    } while (page.size() == PAGE_MAX && !closing);
  }

  /**
   * There are so many only if a fault stops nearly all; until these are parked no more are read.
   */
  private void awaitRoom() {
    while (retries.size() > SET_ASIDE_MAX - PAGE_MAX && !closing) {
      tryAgain();
      LockSupport.parkNanos(this, RETRY_EVERY.toNanos());
    }
  }

  private void tryAgain() {
    var due = retries.due(PAGE_MAX);
    var mine = mine(due);
    var others = new HashSet<>(due);
    mine.forEach(others::remove);
    others.forEach(retries::forget);
    drive(mine);
  }

  /** Those of them that are interrupted, and are not the operators'. */
  private List<F> mine(List<F> facts) {
    var interrupted = facts.isEmpty() ? facts : source.interrupted(facts);
    if (interrupted.isEmpty()) {
      return interrupted;
    }
    var walks = new HashMap<UUID, UUID>();
    interrupted.forEach(fact -> walks.put(walk(fact), fact.key()));
    var givenUp = letters.givenUp(walks, ON_THE_WAY);
    return interrupted.stream().filter(fact -> !givenUp.contains(walk(fact))).toList();
  }

  /** What tells a walk from others: a reservation may be paid for in several attempts. */
  private static UUID walk(Fact fact) {
    return fact instanceof PaymentRequested payment ? payment.paymentId() : fact.key();
  }

  /** Drives these on side by side; returns when all have ended, for now or for good. */
  private void drive(List<F> facts) {
    if (!facts.isEmpty()) {
      new Drive().all(facts);
    }
  }

  /** Walks that go side by side, until an outage or the end of this process. */
  private final class Drive {
    private final Semaphore places = new Semaphore(WALKS_MAX);
    private final AtomicInteger driven = new AtomicInteger();
    private final AtomicInteger failed = new AtomicInteger();
    private volatile String lastFailure;
    private volatile Throwable outage;

    void all(List<F> facts) {
      for (var fact : facts) {
        places.acquireUninterruptibly();
        if (closing || outage != null) {
          places.release();
          break;
        }
        Thread.startVirtualThread(() -> inPlace(fact));
      }
      places.acquireUninterruptibly(WALKS_MAX); // All have ended.
      if (driven.get() > 0) {
        LOG.info("{} interrupted {} were driven on", driven, name);
      }
      if (failed.get() > 0) {
        LOG.warn("{} interrupted {} cannot be driven on: {}", failed, name, lastFailure);
      }
      if (outage != null) {
        throw new Stopped(outage);
      }
    }

    private void inPlace(F fact) {
      try {
        one(fact);
      } finally {
        places.release();
      }
    }

    private void one(F fact) {
      var at = clock.instant();
      try {
        checkout.carry(fact);
        retries.forget(fact);
        driven.incrementAndGet();
      } catch (RuntimeException e) {
        stopped(fact, at, e);
      } catch (Error e) {
        LOG.error("reservation {} cannot be driven on", fact.key(), e);
        stopped(fact, at, e);
      }
    }

    private void stopped(F fact, Instant at, Throwable failure) {
      if (FailureCategory.isOutage(failure) && !Permanent.is(failure)) {
        outage = failure;
        return;
      }
      failed.incrementAndGet();
      lastFailure = "%s: %s".formatted(fact.key(), failure);
      setAside(fact, at, failure);
    }
  }

  /** Until it is tried again, or is parked. */
  private void setAside(F fact, Instant at, Throwable failure) {
    var attempts = retries.failed(fact, at);
    boolean hopeless =
        Permanent.is(failure)
            || FailureCategory.of(failure) == FailureCategory.BAD_INPUT
            || attempts.count() >= attemptsMax;
    if (hopeless && parked(fact, attempts, failure)) {
      retries.forget(fact);
    }
  }

  /** Whether that worked; if not, it is parked after its next attempt. */
  private boolean parked(F fact, Retries.Attempts attempts, Throwable failure) {
    try {
      var sealed = envelopes.seal(fact, fact.key(), clock.instant(), null);
      letters.park(
          new Bus.Message(sealed.id(), sealed.key(), sealed.envelope(), attempts.count()),
          attempts.firstAt(),
          failure);
      LOG.error("{}: {} is parked", name, fact.key(), failure);
      return true;
    } catch (RuntimeException e) {
      LOG.warn("{}: {} cannot be parked: {}", name, fact.key(), e.getMessage());
      return false;
    }
  }

  /** No walk's fault: what was not driven on is looked for again. */
  private static final class Stopped extends RuntimeException {
    private static final long serialVersionUID = 1L;

    Stopped(Throwable outage) {
      super(outage.toString(), outage, false, false);
    }
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
