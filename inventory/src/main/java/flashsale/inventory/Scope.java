package flashsale.inventory;

import flashsale.contracts.Fact;
import flashsale.contracts.Fact.HoldOverdue;
import flashsale.contracts.Fact.OfferAllocated;
import flashsale.contracts.Fact.OrderRefunded;
import flashsale.contracts.Fact.PaymentCaptured;
import flashsale.contracts.Fact.PaymentRequested;
import flashsale.contracts.Fact.ReleaseRequested;
import flashsale.contracts.Fact.ReservationRequested;
import flashsale.contracts.Fact.SaleClosed;
import flashsale.contracts.Fact.SaleOpened;
import flashsale.contracts.Fact.SalePaused;
import flashsale.contracts.Fact.SaleScheduled;
import flashsale.contracts.Line;
import java.time.Instant;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.UUID;

/**
 * What a batch of facts names, gathered and checked before anything is read. A fact that cannot be
 * meant is an {@link IllegalArgumentException}: nothing is done for the batch, and whoever sent it
 * finds the culprit by sending its facts one by one.
 *
 * @param offers named by requests and allocations
 * @param reservations all that are named
 * @param resolving those whose hold may be resolved, so that the offers of its lines are needed too
 * @param allotments what the limits of the requested offers count
 * @param changingSales whose window changes
 * @param sales whose window is needed, even if none of their offers is known yet
 */
record Scope(
    Set<UUID> offers,
    Set<UUID> reservations,
    Set<UUID> resolving,
    Set<Allotment> allotments,
    Set<UUID> changingSales,
    Set<UUID> sales) {

  /** Facts in one batch at most; a larger one is refused, so that a transaction stays short. */
  static final int FACTS_MAX = 10_000;

  /** Lines in one reservation at most. */
  static final int LINES_MAX = 1_000;

  /** Characters of a currency or a fingerprint at most. */
  static final int TEXT_MAX_CHARS = 256;

  private Scope() {
    this(
        new LinkedHashSet<>(),
        new LinkedHashSet<>(),
        new LinkedHashSet<>(),
        new LinkedHashSet<>(),
        new LinkedHashSet<>(),
        new LinkedHashSet<>());
  }

  static Scope of(List<Fact> facts) {
    require(!facts.isEmpty(), "a batch has at least one fact");
    require(facts.size() <= FACTS_MAX, "a batch has at most " + FACTS_MAX + " facts");
    var scope = new Scope();
    facts.forEach(scope::add);
    return scope;
  }

  private void add(Fact fact) {
    switch (fact) {
      case ReservationRequested r -> addRequest(r);
      case ReleaseRequested r -> addResolving(r.reservationId());
      case HoldOverdue o -> addResolving(o.reservationId());
      case PaymentRequested p -> addResolving(p.reservationId());
      case PaymentCaptured p -> {
        require(p.paymentId() != null && p.orderId() != null, "a payment has ids");
        addResolving(p.reservationId());
      }
      case OrderRefunded r -> addResolving(r.reservationId());
      case OfferAllocated a -> {
        require(a.offerId() != null && a.saleId() != null, "an allocation has ids");
        require(a.allocated() >= 0 && a.limitPerCustomer() >= 0, "units are not negative");
        offers.add(a.offerId());
        sales.add(a.saleId());
      }
      case SaleScheduled s -> addSale(s.saleId(), s.opensAt(), s.closesAt(), s.holdSeconds());
      case SaleOpened s -> addSale(s.saleId(), s.opensAt(), s.closesAt(), s.holdSeconds());
      case SalePaused s -> addSale(s.saleId(), s.opensAt(), s.closesAt(), s.holdSeconds());
      case SaleClosed s -> addSale(s.saleId(), s.opensAt(), s.closesAt(), s.holdSeconds());
      default ->
          throw new IllegalArgumentException(
              "the ledger does not take " + fact.getClass().getSimpleName());
    }
  }

  private void addRequest(ReservationRequested r) {
    require(r.reservationId() != null && r.customerId() != null, "a request has ids");
    require(isStorable(r.currency()) && isStorable(r.fingerprint()), "a request has plain texts");
    require(!r.lines().isEmpty(), "a reservation has at least one line");
    require(r.lines().size() <= LINES_MAX, "a reservation has at most " + LINES_MAX + " lines");
    reservations.add(r.reservationId());
    for (Line line : r.lines()) {
      require(line.offerId() != null, "a line has an offer");
      require(line.quantity() >= 1, "a line has at least one unit");
      offers.add(line.offerId());
      allotments.add(new Allotment(line.offerId(), r.customerId()));
    }
  }

  private void addResolving(UUID reservationId) {
    require(reservationId != null, "a hold has an id");
    reservations.add(reservationId);
    resolving.add(reservationId);
  }

  private void addSale(UUID saleId, Instant opensAt, Instant closesAt, int holdSeconds) {
    require(saleId != null && opensAt != null && closesAt != null, "a sale has an id and a window");
    require(holdSeconds > 0, "a hold lasts at least a second");
    changingSales.add(saleId);
    sales.add(saleId);
  }

  /** PostgreSQL's text knows no NUL. */
  private static boolean isStorable(String text) {
    return text != null && text.length() <= TEXT_MAX_CHARS && text.indexOf('\0') < 0;
  }

  private static void require(boolean condition, String message) {
    if (!condition) {
      throw new IllegalArgumentException(message);
    }
  }
}
