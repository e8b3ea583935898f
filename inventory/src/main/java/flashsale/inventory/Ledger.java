package flashsale.inventory;

import flashsale.contracts.AuditRow;
import flashsale.contracts.Fact;
import flashsale.contracts.Inventory;
import flashsale.contracts.Stock;
import flashsale.contracts.StockGauge;
import flashsale.platform.lifecycle.Periodic;
import flashsale.platform.messaging.Envelopes;
import flashsale.platform.messaging.FailureCategory;
import flashsale.platform.messaging.Outbox;
import flashsale.platform.persistence.Database;
import flashsale.platform.persistence.DatabaseFailure;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.time.temporal.ChronoUnit;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;

/**
 * The stock ledger: the only writer of stock, and the one truth about it. A batch of facts is one
 * transaction of three round trips: {@link BatchRead} locks and reads what the batch touches, the
 * {@link Book} decides in memory in order of arrival, {@link BatchWrite} writes and commits.
 *
 * <p>Thread-safe; several ledgers, in several processes too, may share one database. Best behind a
 * coalescer: the stock row of a hot offer is locked until the commit, so one writer with large
 * batches is as fast as it gets.
 */
public final class Ledger implements Inventory, AutoCloseable {
  /**
   * Times and sizes.
   *
   * @param chargeWindow how long a hold lasts at least once its payment was asked for
   * @param releaseGrace how long after a release the outbox drives it on, if the walk that asked
   *     has not
   * @param sweepEvery time between two looks for overdue holds
   * @param sweepMax overdue holds expired in one batch at most; the rest follows at once
   * @param gaugeRefresh time between two looks at what other processes have written
   */
  public record Settings(
      Duration chargeWindow,
      Duration releaseGrace,
      Duration sweepEvery,
      int sweepMax,
      Duration gaugeRefresh) {

    public static final Settings DEFAULT =
        new Settings(
            Duration.ofMinutes(2),
            Duration.ofSeconds(10),
            Duration.ofMillis(250),
            500,
            Duration.ofMillis(100));

    public Settings {
      if (sweepMax < 1 || sweepMax > Scope.FACTS_MAX) {
        throw new IllegalArgumentException("sweepMax must be 1 to " + Scope.FACTS_MAX);
      }
    }
  }

  /** How often a batch is done again that met another transaction where there was no lock yet. */
  private static final int ATTEMPTS_MAX = 5;

  /**
   * What such a meeting looks like: two rows inserted with one key (23505), a guard of {@link
   * BatchWrite} that failed (23502), a deadlock (40P01) or another failure to serialise (40001).
   */
  private static final Set<String> RACES = Set.of("23505", "23502", "40P01", "40001");

  /** A sale that has been over for longer is not looked at for the gauge. */
  private static final Duration GAUGE_AFTERGLOW = Duration.ofHours(1);

  /** A hold came into the table after its lines had been looked up to lock their offers. */
  private static final class Unlocked extends RuntimeException {
    private static final long serialVersionUID = 1L;

    Unlocked(UUID reservationId) {
      super("the offers of hold " + reservationId + " are not locked", null, false, false);
    }
  }

  private record Done(List<Fact> answers, Book book) {}

  private final Database database;
  private final Outbox outbox;
  private final InstantSource clock;
  private final Settings settings;
  private final Envelopes<Fact> envelopes = new Envelopes<>(Fact.TYPES);
  private final StockGauge gauge = new StockGauge();
  private final LedgerReads reads;
  private volatile List<Periodic> running = List.of();

  /**
   * A ledger at rest; see {@link #start}.
   *
   * @param outbox of the same database; expiries and releases are appended to it
   */
  public Ledger(Database database, Outbox outbox, InstantSource clock, Settings settings) {
    this.database = database;
    this.outbox = outbox;
    this.clock = clock;
    this.settings = settings;
    this.reads = new LedgerReads(database);
  }

  /** Begins to expire overdue holds and to look at what other processes write. */
  public void start() {
    refreshGauge();
    running =
        List.of(
            new Periodic("inventory-sweep", settings.sweepEvery(), this::sweep),
            new Periodic("inventory-gauge", settings.gaugeRefresh(), this::refreshGauge));
  }

  /** Ends what {@link #start} began; the step and the reads still work. */
  @Override
  public void close() {
    running.forEach(Periodic::close);
    running = List.of();
  }

  /**
   * Does the batch in one transaction, one instant for all of its facts.
   *
   * @throws IllegalArgumentException if one of the facts cannot be meant, e.g. a quantity below 1;
   *     nothing is done for the others either
   * @throws DatabaseFailure if the database failed; whether the batch was done is open only if the
   *     connection broke during the commit, and repeating it is safe
   */
  @Override
  public List<Fact> apply(List<Fact> facts) {
    var scope = Scope.of(facts);
    for (int attempt = 1; ; attempt++) {
      try {
        return once(facts, scope);
      } catch (Unlocked e) {
        if (attempt == ATTEMPTS_MAX) {
          throw e;
        }
      } catch (DatabaseFailure e) {
        if (attempt == ATTEMPTS_MAX || !RACES.contains(e.sqlState())) {
          throw e;
        }
      }
    }
  }

  private List<Fact> once(List<Fact> facts, Scope scope) {
    var done = database.inTransaction(connection -> decide(connection, facts, scope));
    gauge.hear(done.book.stock().stream().map(OfferStock::figures).toList(), done.book.windows());
    if (!done.book.announcements().isEmpty()) {
      outbox.committed();
    }
    return done.answers;
  }

  private Done decide(Connection connection, List<Fact> facts, Scope scope) throws SQLException {
    var book = new Book(settings);
    BatchRead.into(book, connection, scope);
    for (var id : scope.resolving()) {
      if (!book.covers(id)) {
        throw new Unlocked(id);
      }
    }
    // The instant is told once the locks are there: nothing decided before this batch is later.
    var answers = book.decide(facts, now());
    var announcements = book.announcements();
    BatchWrite.of(book, connection, announcements.isEmpty());
    outbox.append(connection, announcements.stream().map(a -> entry(a, book.now())).toList());
    return new Done(answers, book);
  }

  private Outbox.Entry entry(Book.Announcement announcement, Instant now) {
    var fact = announcement.fact();
    return new Outbox.Entry(envelopes.seal(fact, fact.key(), now, null), announcement.dueAt());
  }

  private Instant now() {
    return clock.instant().truncatedTo(ChronoUnit.MICROS);
  }

  // --- expiry ----------------------------------------------------------------------------------

  /**
   * Expires what is overdue; several processes may do so at once, each hold expires once. One that
   * cannot be expired does not stop the others.
   *
   * @throws IllegalStateException if there were such; after all the others have expired
   */
  void sweep() {
    var now = now();
    var broken = new HashSet<UUID>();
    RuntimeException failure = null;
    List<UUID> overdue;
    do {
      // Those that were left behind are the longest overdue now.
      overdue = reads.overdue(now, broken.size(), settings.sweepMax());
      try {
        expire(overdue, now);
      } catch (RuntimeException e) {
        if (FailureCategory.isOutage(e)) {
          throw e;
        }
        failure = eachAlone(overdue, now, broken, e);
      }
    } while (overdue.size() == settings.sweepMax());
    if (failure != null) {
      throw new IllegalStateException("overdue holds cannot be expired: " + broken, failure);
    }
  }

  private void expire(List<UUID> overdue, Instant now) {
    if (!overdue.isEmpty()) {
      apply(overdue.stream().<Fact>map(id -> new Fact.HoldOverdue(id, now)).toList());
    }
  }

  /** Finds out whose fault it was; what failed last. */
  private RuntimeException eachAlone(
      List<UUID> overdue, Instant now, Set<UUID> broken, RuntimeException failure) {
    var last = failure;
    for (var id : overdue) {
      try {
        expire(List.of(id), now);
      } catch (RuntimeException e) {
        if (FailureCategory.isOutage(e)) {
          throw e;
        }
        broken.add(id);
        last = e;
      }
    }
    return last;
  }

  // --- the gauge -------------------------------------------------------------------------------

  /**
   * {@inheritDoc}
   *
   * <p>A few hundred nanoseconds, no lock. The gauge does not know reservations: that this one is
   * no repeat of one that is known already is for the caller to make sure of.
   */
  @Override
  public Optional<Fact.StockRefused> refusedAtGate(Fact.ReservationRequested request) {
    return gauge.refusal(request, now());
  }

  /** Offers whose figures the gate knows, for a metric. */
  public int gateOffers() {
    return gauge.size();
  }

  /** Looks at what other processes have written. */
  void refreshGauge() {
    gauge.show(figures());
  }

  // --- reads -----------------------------------------------------------------------------------

  @Override
  public Set<UUID> known(Collection<UUID> reservationIds) {
    return reads.known(reservationIds);
  }

  @Override
  public Figures figures() {
    return reads.figures(now().minus(GAUGE_AFTERGLOW));
  }

  @Override
  public List<Stock> stock(List<UUID> saleIds) {
    return reads.stock(saleIds).stream().map(OfferStock::figures).toList();
  }

  @Override
  public List<Fact.StockHeld> openHolds(
      Instant from, Instant to, Optional<Fact.StockHeld> after, int max) {
    return reads.openHolds(from, to, after, max);
  }

  @Override
  public List<AuditRow.Hold> holds(Optional<UUID> after, int max) {
    return reads.holds(after, max);
  }

  @Override
  public List<AuditRow.Offer> offers() {
    return reads.offers();
  }

  @Override
  public List<AuditRow.OverLimit> overLimit() {
    return reads.overLimit();
  }

  @Override
  public List<AuditRow.Allotment> miscounted() {
    return reads.miscounted();
  }
}
