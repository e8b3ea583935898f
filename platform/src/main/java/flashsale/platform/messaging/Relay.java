package flashsale.platform.messaging;

import flashsale.platform.time.Backoff;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Queue;
import java.util.UUID;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Drives the messages of one outbox to their end: takes what is due, hands each to the bus, deletes
 * what arrived, puts back what did not with exponential backoff and full jitter, and parks what
 * will not: bad input and what is {@link Permanent} at once, anything else after {@link
 * #ATTEMPTS_MAX} attempts. An outage is waited for without end, because nothing is wrong with the
 * message then. Woken at commit; looks by itself now and then for what became due, e.g. after a
 * crash. Messages with one key are handed over in order, different keys side by side. Several
 * relays may share one table.
 */
public final class Relay implements Outbox.Driver, AutoCloseable {
  /** Where a message is left that is given up. */
  @FunctionalInterface
  public interface Parking {
    /**
     * Takes the message out of its outbox and keeps it, both or neither. One that is parked already
     * is kept once.
     *
     * @param failure what its last attempt ended with
     */
    void park(Outbox.Taken message, Throwable failure);
  }

  private static final Logger LOG = LoggerFactory.getLogger(Relay.class);

  /**
   * The slow ones of a round are left under way while the next is taken. Long enough for a walk, so
   * that rounds stay large.
   */
  private static final Duration ROUND_MAX = Duration.ofMillis(100);

  private static final Duration LOOK_EVERY = Duration.ofMillis(250);

  /** How long a message that was taken is left to whoever took it, even if that one has died. */
  public static final Duration LEASE = Duration.ofSeconds(15);

  /** Then a message that fails is parked; with the backoff that is after about half a minute. */
  public static final int ATTEMPTS_MAX = 10;

  /** Messages under way at a time. */
  public static final int TAKEN_MAX = 256;

  /** Messages that were handed over from memory and wait here for their turn; a few megabytes. */
  private static final int HANDED_MAX = 4_096;

  /** One that has waited here longer is left to the table: its end must come within the lease. */
  private static final Duration HANDED_KEPT = LEASE.dividedBy(3);

  /** After large rounds in a row that an outage has stopped as a whole. */
  private static final Backoff PAUSE = new Backoff(Duration.ofMillis(100), Duration.ofSeconds(2));

  private static final Duration TOLD_EVERY = Duration.ofSeconds(1);

  /** Between the attempts at one message. */
  public static final Backoff BACKOFF = new Backoff(Duration.ofMillis(100), Duration.ofSeconds(30));

  private final String name;
  private final int takenMax;
  private final int attemptsMax;
  private final boolean alone;
  private final Outbox outbox;
  private final InstantSource clock;
  private final Consumer<Outbox.Taken> bus;
  private final Parking parking;
  private final Thread thread;
  private final Queue<UUID> arrived = new ConcurrentLinkedQueue<>();
  private final Queue<Outbox.Taken> handed = new ArrayBlockingQueue<>(HANDED_MAX);
  private final AtomicInteger underWay = new AtomicInteger();

  private final AtomicLong outageToldNanoTime =
      new AtomicLong(System.nanoTime() - TOLD_EVERY.toNanos());
  private int roundsStopped;
  private volatile boolean closing;
  private volatile boolean woken;

  /** Whether something due may lie in the table; then nothing younger is handed over past it. */
  private volatile boolean left = true;

  private long lookedAt = System.nanoTime();

  /** Starts a relay with {@link #TAKEN_MAX} and {@link #ATTEMPTS_MAX}. */
  public Relay(
      String name,
      Outbox outbox,
      InstantSource clock,
      Consumer<Outbox.Taken> bus,
      Parking parking) {
    this(name, TAKEN_MAX, ATTEMPTS_MAX, false, outbox, clock, bus, parking);
  }

  /**
   * Starts the relay.
   *
   * @param takenMax messages under way at a time
   * @param attemptsMax after which a message that fails is parked
   * @param alone whether no other relay has this table: what is taken was a dead one's then, and is
   *     due at once
   * @param bus returns when the message has arrived, throws when it has not; must do either within
   *     the lease ({@link #LEASE}), else the message may be handed over a second time meanwhile
   * @param parking of the same outbox
   */
  public Relay(
      String name,
      int takenMax,
      int attemptsMax,
      boolean alone,
      Outbox outbox,
      InstantSource clock,
      Consumer<Outbox.Taken> bus,
      Parking parking) {
    this.name = name;
    this.takenMax = takenMax;
    this.attemptsMax = attemptsMax;
    this.alone = alone;
    this.outbox = outbox;
    this.clock = clock;
    this.bus = bus;
    this.parking = parking;
    this.thread = Thread.ofVirtual().name("relay-" + name).unstarted(this::run);
    outbox.drivenBy(this);
    thread.start();
  }

  /** There may be something due in the table. */
  @Override
  public void wake() {
    left = true;
    goOn();
  }

  @Override
  public Optional<Duration> wouldTake(int messages) {
    if (closing || left || handed.size() + messages > HANDED_MAX) {
      left = true; // From now on, until the table was looked at again: those who come wait in line.
      return Optional.empty();
    }
    return Optional.of(LEASE);
  }

  /** For those there is no room left the lease runs out. */
  @Override
  public void take(List<Outbox.Taken> messages) {
    messages.forEach(handed::offer);
    goOn();
  }

  private void goOn() {
    woken = true;
    LockSupport.unpark(thread);
  }

  private void run() {
    boolean bounded = false;
    while (!closing || underWay.get() > 0 || !handed.isEmpty()) {
      woken = false;
      int taken = 0;
      try {
        if (!bounded) {
          outbox.dueBy(alone ? clock.instant() : clock.instant().plus(LEASE));
          bounded = true;
        }
        taken = round();
      } catch (RuntimeException e) {
        LOG.warn("relay {}: {}", name, e.getMessage());
      } catch (Error e) {
        // Whatever it was, what lies in the outbox must go on.
        LOG.error("relay {} failed badly and goes on", name, e);
      }
      // After a round that took something, the next messages of the same keys may go.
      if (taken == 0 && !woken) {
        LockSupport.parkNanos(this, LOOK_EVERY.toNanos());
      }
    }
    forget();
  }

  /**
   * Takes what there is room for, and waits for it, but not for ever. For a few places alone
   * nothing is taken: large rounds are cheap.
   */
  private int round() {
    int room = takenMax - underWay.get();
    var taken = room > takenMax / 4 ? next(room) : List.<Outbox.Taken>of();
    var stopped = new AtomicInteger(); // Of this round, by an outage.
    var threads = taken.stream().map(message -> start(message, stopped)).toList();
    long deadline = System.nanoTime() + ROUND_MAX.toNanos();
    for (var t : threads) {
      join(t, deadline);
    }
    forget();
    pauseAfter(taken.size(), stopped.get());
    return taken.size();
  }

  /**
   * Where an outage stops all of a large round, the next will fare no better: with a long backlog
   * each would only be taken and put back, again and again.
   */
  private void pauseAfter(int taken, int stopped) {
    if (taken <= takenMax / 4 || stopped < taken) {
      roundsStopped = 0;
      return;
    }
    long pause = PAUSE.after(++roundsStopped).toNanos();
    long until = System.nanoTime() + pause;
    for (long left = pause; left > 0 && !closing; left = until - System.nanoTime()) {
      LockSupport.parkNanos(this, left);
    }
  }

  /**
   * What was handed over goes first: while something is left in the table nothing more is, so it is
   * older. What lies in the table otherwise is to be tried again, and is looked for on time.
   */
  private List<Outbox.Taken> next(int room) {
    var next = new ArrayList<Outbox.Taken>();
    if (!left && System.nanoTime() - lookedAt > LOOK_EVERY.toNanos()) {
      next.addAll(fromTable(room));
    }
    var latest = clock.instant().minus(HANDED_KEPT);
    while (next.size() < room && !handed.isEmpty()) {
      var message = handed.remove();
      if (message.firstTakenAt().isAfter(latest)) {
        next.add(message);
      }
    }
    return next.isEmpty() ? fromTable(room) : next;
  }

  private List<Outbox.Taken> fromTable(int room) {
    if (closing) {
      return List.of();
    }
    lookedAt = System.nanoTime();
    left = false; // What is appended while this looks sets it again.
    var taken = outbox.take(clock.instant(), LEASE, room);
    if (taken.size() == room) {
      left = true;
    }
    return taken;
  }

  private Thread start(Outbox.Taken message, AtomicInteger stopped) {
    underWay.incrementAndGet();
    return Thread.startVirtualThread(
        () -> {
          try {
            deliver(message, stopped);
          } finally {
            underWay.decrementAndGet();
            goOn(); // It may be a slow one, with nobody waiting for it.
          }
        });
  }

  private static void join(Thread thread, long deadline) {
    try {
      thread.join(Duration.ofNanos(Math.max(0, deadline - System.nanoTime())));
    } catch (InterruptedException e) {
      throw new IllegalStateException("nobody interrupts the relay", e);
    }
  }

  /**
   * What the database does not forget now is tried again with the next, and at last comes again.
   */
  private void forget() {
    var ids = new ArrayList<UUID>();
    for (var id = arrived.poll(); id != null; id = arrived.poll()) {
      ids.add(id);
    }
    try {
      outbox.done(ids);
    } catch (RuntimeException e) {
      LOG.warn("relay {}: {} messages are not forgotten: {}", name, ids.size(), e.getMessage());
      arrived.addAll(ids);
    }
  }

  private void deliver(Outbox.Taken message, AtomicInteger stopped) {
    try {
      bus.accept(message);
      arrived.add(message.id());
    } catch (RuntimeException e) {
      boolean outage = FailureCategory.isOutage(e);
      if (outage) {
        stopped.incrementAndGet();
      }
      if (!outage || isNews()) {
        LOG.warn(
            "relay {}: message {} attempt {}: {}",
            name,
            message.id(),
            message.attempts(),
            e.toString());
      }
      failed(message, e);
    } catch (Error e) {
      LOG.error("relay {}: message {} failed badly", name, message.id(), e);
      failed(message, e);
    }
  }

  /** An outage stops every message; once a second one of them is told. */
  private boolean isNews() {
    long now = System.nanoTime();
    long told = outageToldNanoTime.get();
    return now - told > TOLD_EVERY.toNanos() && outageToldNanoTime.compareAndSet(told, now);
  }

  private void failed(Outbox.Taken message, Throwable failure) {
    if (!isHopeless(message, failure) || !parked(message, failure)) {
      putBack(message);
    }
  }

  private boolean isHopeless(Outbox.Taken message, Throwable failure) {
    if (Permanent.is(failure)) {
      return true;
    }
    return switch (FailureCategory.of(failure)) {
      case BAD_INPUT -> true;
      case REFUSED_BY_RULE, BUG -> message.attempts() >= attemptsMax;
      case DEPENDENCY_DOWN -> false;
    };
  }

  /** Whether that worked; if not, the message is still in the outbox. */
  private boolean parked(Outbox.Taken message, Throwable failure) {
    try {
      parking.park(message, failure);
      LOG.error("relay {}: message {} is parked", name, message.id(), failure);
      return true;
    } catch (RuntimeException e) {
      LOG.warn("relay {}: message {} cannot be parked: {}", name, message.id(), e.getMessage());
      return false;
    }
  }

  private void putBack(Outbox.Taken message) {
    try {
      outbox.retryAt(message.id(), clock.instant().plus(BACKOFF.jittered(message.attempts())));
    } catch (RuntimeException e) {
      LOG.warn("relay {}: {} waits for its lease: {}", name, message.id(), e.getMessage());
    }
  }

  /** Finishes what is under way. */
  @Override
  public void close() {
    closing = true;
    goOn();
    try {
      thread.join(Duration.ofSeconds(30));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
