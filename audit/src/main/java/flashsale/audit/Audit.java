package flashsale.audit;

import flashsale.audit.AuditReport.Breach;
import flashsale.audit.AuditReport.Counts;
import flashsale.audit.AuditReport.Rule;
import flashsale.audit.AuditReport.Verdict;
import flashsale.contracts.AuditRow;
import flashsale.contracts.Inventory;
import flashsale.contracts.Orders;
import flashsale.contracts.Payments;
import flashsale.contracts.Reservations;
import flashsale.contracts.Stock;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.stream.Collectors;

/**
 * Compares what the roles say about every purchase, without stopping a sale: it reads each role's
 * rows in the order of reservation ids, page by page, and joins them. No two roles share a
 * transaction, so a purchase that is under way looks wrong for a moment; what looks wrong is
 * therefore looked at again, and only what stays wrong for the whole of {@code patience} is a
 * breach. Thread-safe.
 */
public final class Audit {
  /** Breaches that are listed at most; the verdict does not need more. */
  public static final int BREACHES_MAX = 1_000;

  private static final int PAGE_MAX = 10_000;
  private static final Duration LOOK_AGAIN = Duration.ofMillis(250);

  private final Inventory inventory;
  private final Reservations reservations;
  private final Orders orders;
  private final Payments payments;
  private final InstantSource clock;

  public Audit(
      Inventory inventory,
      Reservations reservations,
      Orders orders,
      Payments payments,
      InstantSource clock) {
    this.inventory = inventory;
    this.reservations = reservations;
    this.orders = orders;
    this.payments = payments;
    this.clock = clock;
  }

  /**
   * Audits one sale, or everything.
   *
   * @param patience how long a purchase may look wrong before it is a breach: longer than a walk
   *     and the time after which an interrupted one is driven on
   */
  public AuditReport run(Optional<UUID> saleId, Duration patience) {
    var startedAt = clock.instant();
    var breaches = new ArrayList<Breach>();
    var offers = offers(saleId, breaches);
    var offerIds = offers.stream().map(Stock::offerId).collect(Collectors.toSet());
    limits(offerIds, breaches);
    allotments(offerIds, breaches);
    var only = saleId.isPresent() ? Optional.of(offerIds) : Optional.<Set<UUID>>empty();
    var join = new Join(only);
    var charges =
        new Charges(
            payments, id -> only.isEmpty() || purchase(id).touches(only.get()), BREACHES_MAX);
    // Those that only looked wrong for a moment must not end it before everything is read.
    do {
      var suspects = new ArrayList<Supplier<List<Breach>>>();
      join.suspects().forEach(id -> suspects.add(() -> mismatches(id)));
      charges.suspects().forEach(key -> suspects.add(() -> charges.mismatches(key)));
      confirm(suspects, patience, breaches);
    } while ((join.hasMore() || charges.hasMore()) && breaches.size() < BREACHES_MAX);
    return new AuditReport(
        breaches.isEmpty() ? Verdict.OK : Verdict.BREACH,
        saleId.orElse(null),
        startedAt,
        clock.instant(),
        offers,
        new Counts(join.holds.read, join.reservations.read, join.orders.read, join.payments.read),
        join.openPayments,
        List.copyOf(breaches));
  }

  /** Read in one snapshot of the ledger, so there is nothing to wait for. */
  private List<Stock> offers(Optional<UUID> saleId, List<Breach> breaches) {
    var offers = new ArrayList<Stock>();
    for (var row : inventory.offers()) {
      var stock = row.stock();
      if (saleId.isPresent() && !saleId.get().equals(stock.saleId())) {
        continue;
      }
      offers.add(stock);
      boolean addsUp =
          stock.available() >= 0
              && stock.allocated() == stock.available() + stock.held() + stock.sold()
              && stock.held() == row.heldByHolds()
              && stock.sold() == row.soldByHolds();
      if (!addsUp && breaches.size() < BREACHES_MAX) {
        breaches.add(new Breach(Rule.STOCK_ADDS_UP, stock.offerId(), row.toString()));
      }
    }
    return offers;
  }

  private void limits(Set<UUID> offerIds, List<Breach> breaches) {
    for (var over : inventory.overLimit()) {
      if (offerIds.contains(over.offerId()) && breaches.size() < BREACHES_MAX) {
        breaches.add(
            new Breach(
                Rule.LIMIT_KEPT,
                over.offerId(),
                "customer %s has %d, the limit is %d"
                    .formatted(over.customerId(), over.units(), over.limitPerCustomer())));
      }
    }
  }

  private void allotments(Set<UUID> offerIds, List<Breach> breaches) {
    for (var wrong : inventory.miscounted()) {
      if (offerIds.contains(wrong.offerId()) && breaches.size() < BREACHES_MAX) {
        breaches.add(
            new Breach(
                Rule.ALLOTMENT_ADDS_UP,
                wrong.offerId(),
                "customer %s counts with %d, his holds with %d"
                    .formatted(wrong.customerId(), wrong.units(), wrong.unitsByHolds())));
      }
    }
  }

  private List<Breach> mismatches(UUID reservationId) {
    return purchase(reservationId).mismatches(clock.instant());
  }

  /** Looks at the suspects again until nothing is wrong with them, or patience ends. */
  private void confirm(
      List<Supplier<List<Breach>>> suspects, Duration patience, List<Breach> breaches) {
    long deadline = System.nanoTime() + patience.toNanos();
    while (true) {
      suspects.removeIf(suspect -> suspect.get().isEmpty());
      if (suspects.isEmpty() || System.nanoTime() >= deadline) {
        break;
      }
      LockSupport.parkNanos(this, LOOK_AGAIN.toNanos());
    }
    for (var suspect : suspects) {
      for (var breach : suspect.get()) {
        if (breaches.size() < BREACHES_MAX) {
          breaches.add(breach);
        }
      }
    }
  }

  /** What everybody says about one id now. */
  private Purchase purchase(UUID id) {
    var before = Optional.of(UnsignedIds.before(id));
    return new Purchase(
        id,
        only(inventory.holds(before, 1), AuditRow.Hold::reservationId, id),
        only(reservations.reservations(before, 1), AuditRow.Reservation::reservationId, id),
        only(orders.orders(before, 1), AuditRow.Order::reservationId, id),
        payments.payments(before, 1).stream().filter(p -> p.reservationId().equals(id)).toList());
  }

  private static <T> T only(List<T> rows, Function<T, UUID> key, UUID id) {
    return rows.stream().filter(row -> key.apply(row).equals(id)).findFirst().orElse(null);
  }

  /** A merge join of the four roles' rows by reservation id. */
  private final class Join {
    private final Optional<Set<UUID>> offerIds;
    private final Pages<AuditRow.Hold> holds =
        new Pages<>(after -> inventory.holds(after, PAGE_MAX), AuditRow.Hold::reservationId);
    private final Pages<AuditRow.Reservation> reservations =
        new Pages<>(
            after -> Audit.this.reservations.reservations(after, PAGE_MAX),
            AuditRow.Reservation::reservationId);
    private final Pages<AuditRow.Order> orders =
        new Pages<>(
            after -> Audit.this.orders.orders(after, PAGE_MAX), AuditRow.Order::reservationId);
    private final Pages<AuditRow.Payment> payments =
        new Pages<>(
            after -> Audit.this.payments.payments(after, PAGE_MAX),
            AuditRow.Payment::reservationId);
    private long openPayments;

    Join(Optional<Set<UUID>> offerIds) {
      this.offerIds = offerIds;
    }

    /** Reads on until so many look wrong that they had better be confirmed first. */
    Set<UUID> suspects() {
      var suspects = new LinkedHashSet<UUID>();
      for (var id = next(); id.isPresent() && suspects.size() < BREACHES_MAX; id = next()) {
        var purchase =
            new Purchase(
                id.get(),
                holds.take(id.get()),
                reservations.take(id.get()),
                orders.take(id.get()),
                payments.takeAll(id.get()));
        if (offerIds.isEmpty() || purchase.touches(offerIds.get())) {
          openPayments += purchase.openPayments();
          if (!purchase.mismatches(clock.instant()).isEmpty()) {
            suspects.add(id.get());
          }
        }
      }
      return suspects;
    }

    boolean hasMore() {
      return next().isPresent();
    }

    private Optional<UUID> next() {
      return UnsignedIds.least(holds.peek(), reservations.peek(), orders.peek(), payments.peek());
    }
  }
}
