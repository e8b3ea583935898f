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
    var join = new Join(saleId.isPresent() ? Optional.of(offerIds) : Optional.empty());
    join.run();
    confirm(join.suspects, patience, breaches);
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

  private void confirm(Set<UUID> suspects, Duration patience, List<Breach> breaches) {
    long deadline = System.nanoTime() + patience.toNanos();
    var wrong = new LinkedHashSet<>(suspects);
    while (true) {
      wrong.removeIf(id -> purchase(id).mismatches().isEmpty());
      if (wrong.isEmpty() || System.nanoTime() >= deadline) {
        break;
      }
      LockSupport.parkNanos(this, LOOK_AGAIN.toNanos());
    }
    for (var id : wrong) {
      for (var breach : purchase(id).mismatches()) {
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

  private static <T> T only(List<T> rows, java.util.function.Function<T, UUID> key, UUID id) {
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
    private final Set<UUID> suspects = new LinkedHashSet<>();
    private long openPayments;

    Join(Optional<Set<UUID>> offerIds) {
      this.offerIds = offerIds;
    }

    void run() {
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
          if (!purchase.mismatches().isEmpty()) {
            suspects.add(id.get());
          }
        }
      }
    }

    private Optional<UUID> next() {
      return UnsignedIds.least(holds.peek(), reservations.peek(), orders.peek(), payments.peek());
    }
  }
}
