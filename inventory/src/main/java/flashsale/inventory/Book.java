package flashsale.inventory;

import flashsale.contracts.Fact;
import flashsale.contracts.Fact.HoldExpired;
import flashsale.contracts.Fact.HoldExtended;
import flashsale.contracts.Fact.HoldGone;
import flashsale.contracts.Fact.HoldLost;
import flashsale.contracts.Fact.HoldOverdue;
import flashsale.contracts.Fact.OfferAllocated;
import flashsale.contracts.Fact.OrderRefunded;
import flashsale.contracts.Fact.PaymentCaptured;
import flashsale.contracts.Fact.PaymentRequested;
import flashsale.contracts.Fact.ReleaseRequested;
import flashsale.contracts.Fact.ReservationRequested;
import flashsale.contracts.Fact.SaleClosed;
import flashsale.contracts.Fact.SaleKnown;
import flashsale.contracts.Fact.SaleOpened;
import flashsale.contracts.Fact.SalePaused;
import flashsale.contracts.Fact.SaleScheduled;
import flashsale.contracts.HoldState;
import flashsale.contracts.Line;
import flashsale.contracts.Refusal;
import flashsale.contracts.SaleState;
import flashsale.contracts.SaleWindow;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.function.BiFunction;

/**
 * The ledger's decisions: the rows that a batch touches, opened in memory, and what each fact, in
 * order of arrival, makes of them. Pure: it knows no clock and no database; what is to be written
 * is read off afterwards. So a batch's outcome depends on the facts and the instant only, not on
 * how they were split into batches. For one thread.
 */
final class Book {
  /** A fact that the flow must go on with even if nobody waits for the answer. */
  record Announcement(Fact fact, Instant dueAt) {}

  /** A hold that was in the table before, and the state it had there. */
  record Change(Hold hold, HoldState before) {}

  /** What a customer has of an offer. */
  record Units(Allotment of, int units) {}

  private final Ledger.Settings settings;
  private Instant now;
  private final Map<UUID, OfferStock> stock = new HashMap<>();
  private final Map<UUID, SaleWindow> windows = new HashMap<>();
  private final Map<UUID, Hold> holds = new HashMap<>();
  private final Map<Allotment, Integer> units = new HashMap<>();

  private final Set<UUID> changedStock = new LinkedHashSet<>();
  private final Set<UUID> changedWindows = new LinkedHashSet<>();
  private final Set<Allotment> changedUnits = new LinkedHashSet<>();
  private final Map<UUID, Optional<HoldState>> changedHolds = new LinkedHashMap<>();
  private final List<Announcement> announcements = new ArrayList<>();

  /** An empty book; what the batch touches is to be opened in it first. */
  Book(Ledger.Settings settings) {
    this.settings = settings;
  }

  // --- what was read ---------------------------------------------------------------------------

  void open(OfferStock row) {
    stock.put(row.offerId(), row);
  }

  void open(SaleWindow row) {
    windows.put(row.saleId(), row);
  }

  void open(Hold row) {
    holds.put(row.reservationId(), row);
  }

  void open(Allotment allotment, int row) {
    units.put(allotment, row);
  }

  /**
   * Whether the units that this reservation has, if any, can be moved: the stock rows of its lines
   * are here, thus locked. They are not if it came into the table after its lines had been looked
   * up.
   */
  boolean covers(UUID reservationId) {
    var hold = holds.get(reservationId);
    return hold == null
        || !hold.hasUnits()
        || hold.lines().stream().allMatch(l -> stock.containsKey(l.offerId()));
  }

  // --- decisions -------------------------------------------------------------------------------

  /**
   * Decides the batch, in order; each fact sees what those before it have done.
   *
   * @param instant the batch's one instant, in microseconds
   */
  List<Fact> decide(List<Fact> facts, Instant instant) {
    now = instant;
    var answers = new ArrayList<Fact>(facts.size());
    for (var fact : facts) {
      answers.add(decide(fact));
    }
    return answers;
  }

  private Fact decide(Fact fact) {
    return switch (fact) {
      case ReservationRequested r -> hold(r);
      case ReleaseRequested r -> release(r);
      case HoldOverdue o -> expire(o);
      case PaymentRequested p -> extend(p);
      case PaymentCaptured p -> sell(p);
      case OrderRefunded r -> takeBack(r);
      case OfferAllocated a -> allocate(a);
      case SaleScheduled s ->
          window(
              s.saleId(),
              SaleState.SCHEDULED,
              s.opensAt(),
              s.closesAt(),
              s.holdSeconds(),
              s.version());
      case SaleOpened s ->
          window(
              s.saleId(), SaleState.OPEN, s.opensAt(), s.closesAt(), s.holdSeconds(), s.version());
      case SalePaused s ->
          window(
              s.saleId(),
              SaleState.PAUSED,
              s.opensAt(),
              s.closesAt(),
              s.holdSeconds(),
              s.version());
      case SaleClosed s ->
          window(
              s.saleId(),
              SaleState.CLOSED,
              s.opensAt(),
              s.closesAt(),
              s.holdSeconds(),
              s.version());
      default -> throw new IllegalArgumentException("the ledger does not take " + fact);
    };
  }

  /** All lines or none. A known id gets its first outcome again, or how it was resolved since. */
  private Fact hold(ReservationRequested request) {
    var known = holds.get(request.reservationId());
    if (known != null) {
      return known.outcome();
    }
    var asked = new LinkedHashMap<UUID, Long>();
    request.lines().forEach(l -> asked.merge(l.offerId(), (long) l.quantity(), Long::sum));
    var denial = denial(request.customerId(), asked);
    if (denial != null) {
      return put(Hold.refused(request, denial, now)).outcome();
    }
    int holdSeconds = Integer.MAX_VALUE;
    for (var offerId : asked.keySet()) {
      holdSeconds = Math.min(holdSeconds, windows.get(stock.get(offerId).saleId()).holdSeconds());
    }
    var hold = Hold.held(request, now, now.plusSeconds(holdSeconds));
    move(hold, OfferStock::hold, +1);
    return put(hold).outcome();
  }

  /** The first reason, in the order in which {@link Refusal} lists them, that any line meets. */
  private Hold.Denial denial(UUID customerId, Map<UUID, Long> asked) {
    for (var reason : Refusal.values()) {
      for (var line : asked.entrySet()) {
        var offer = stock.get(line.getKey());
        if (meets(reason, offer, line.getKey(), customerId, line.getValue())) {
          return new Hold.Denial(reason, line.getKey(), offer == null ? 0 : offer.available());
        }
      }
    }
    return null;
  }

  private boolean meets(
      Refusal reason, OfferStock offer, UUID offerId, UUID customerId, long asked) {
    return switch (reason) {
      case OFFER_UNKNOWN -> offer == null;
      case SALE_NOT_OPEN -> {
        var window = windows.get(offer.saleId());
        yield window == null || !window.openAt(now);
      }
      case SOLD_OUT -> offer.available() == 0;
      case LIMIT_EXCEEDED ->
          offer.limitPerCustomer() > 0
              && unitsOf(new Allotment(offerId, customerId)) + asked > offer.limitPerCustomer();
      case INSUFFICIENT_STOCK -> asked > offer.available();
    };
  }

  /** Whoever asks: the API has checked whose reservation it is. */
  private Fact release(ReleaseRequested request) {
    var hold = holds.get(request.reservationId());
    if (hold == null) {
      return put(Hold.tombstone(request.reservationId(), request.customerId(), now)).outcome();
    }
    if (!hold.isHeld()) {
      return hold.outcome();
    }
    var released = giveBack(hold, HoldState.RELEASED);
    // The walk that asked goes on by itself; this is for the case that it dies.
    announcements.add(new Announcement(released.outcome(), now.plus(settings.releaseGrace())));
    return released.outcome();
  }

  /** Only the sweep finds holds overdue, in the table; one that is not there is a fault. */
  private Fact expire(HoldOverdue overdue) {
    var hold = holds.get(overdue.reservationId());
    if (hold == null) {
      throw new IllegalArgumentException("no hold " + overdue.reservationId() + " to be overdue");
    }
    // It may have been extended since.
    return hold.isHeld() && hold.overdueAt(now) ? expired(hold).outcome() : hold.outcome();
  }

  private Hold expired(Hold hold) {
    var expired = giveBack(hold, HoldState.EXPIRED);
    announcements.add(
        new Announcement(new HoldExpired(expired.reservationId(), expired.customerId(), now), now));
    return expired;
  }

  /**
   * Time to charge, up to the end of the time that was promised: who pays again and again does not
   * keep units from the others. What is still being charged by then keeps its hold to its end.
   */
  private Fact extend(PaymentRequested p) {
    var hold = holds.get(p.reservationId());
    if (hold != null && hold.isHeld() && hold.overdueAt(now)) {
      hold = expired(hold);
    }
    if (hold == null || !hold.isHeld() || !now.isBefore(hold.promisedUntil())) {
      return new HoldGone(p.paymentId(), p.orderId(), p.reservationId(), p.customerId());
    }
    var until = now.plus(settings.chargeWindow());
    if (until.isAfter(hold.expiresAt())) {
      hold = put(hold.extended(until));
    }
    return new HoldExtended(
        p.paymentId(),
        p.orderId(),
        p.reservationId(),
        p.customerId(),
        p.amountMinor(),
        p.currency(),
        p.method(),
        hold.expiresAt());
  }

  /** An overdue hold that the sweep has not found yet still owns its units, so they are sold. */
  private Fact sell(PaymentCaptured p) {
    var hold = holds.get(p.reservationId());
    if (hold != null && hold.boughtBy(p.paymentId())) {
      return hold.soldFact();
    }
    if (hold == null || !hold.isHeld()) {
      return new HoldLost(
          p.reservationId(),
          p.customerId(),
          p.orderId(),
          p.paymentId(),
          now,
          hold == null ? null : hold.state());
    }
    move(hold, OfferStock::sell, 0);
    return put(hold.sold(new Hold.Purchase(p.orderId(), p.paymentId(), now))).soldFact();
  }

  /**
   * Only a sold order can have been paid and thus refunded. Where nothing is sold there is nothing
   * true to answer: the fact is refused loudly and stays with its sender for somebody to look at.
   */
  private Fact takeBack(OrderRefunded refunded) {
    var hold = holds.get(refunded.reservationId());
    if (hold == null
        || hold.purchase() == null
        || !hold.purchase().orderId().equals(refunded.orderId())) {
      throw new IllegalArgumentException(
          "order %s was refunded, but the ledger sold it nothing under reservation %s (%s)"
              .formatted(
                  refunded.orderId(),
                  refunded.reservationId(),
                  hold == null ? "unknown" : hold.state()));
    }
    if (hold.state() == HoldState.SOLD) {
      move(hold, OfferStock::restock, -1);
      hold = put(hold.resolved(HoldState.RETURNED, now));
    }
    return hold.outcome();
  }

  private Fact allocate(OfferAllocated fact) {
    var known = stock.get(fact.offerId());
    if (known == null) {
      put(OfferStock.first(fact));
    } else if (!known.saleId().equals(fact.saleId())) {
      throw new IllegalArgumentException("offer " + fact.offerId() + " belongs to another sale");
    } else if (fact.version() > known.version()) {
      put(known.allocate(fact));
    }
    return stock.get(fact.offerId()).answer();
  }

  private Fact window(
      UUID saleId,
      SaleState state,
      Instant opensAt,
      Instant closesAt,
      int holdSeconds,
      long version) {
    var known = windows.get(saleId);
    if (known != null && version <= known.version()) {
      return new SaleKnown(saleId, known.version());
    }
    windows.put(saleId, new SaleWindow(saleId, state, opensAt, closesAt, holdSeconds, version));
    changedWindows.add(saleId);
    return new SaleKnown(saleId, version);
  }

  // --- moving units ----------------------------------------------------------------------------

  private Hold giveBack(Hold hold, HoldState to) {
    move(hold, OfferStock::giveBack, -1);
    return put(hold.resolved(to, now));
  }

  /** Moves the units of all lines; {@code count} times as many are added to the allotments. */
  private void move(Hold hold, BiFunction<OfferStock, Integer, OfferStock> how, int count) {
    for (Line line : hold.lines()) {
      put(how.apply(stock.get(line.offerId()), line.quantity()));
      if (count != 0) {
        var allotment = new Allotment(line.offerId(), hold.customerId());
        units.put(allotment, unitsOf(allotment) + count * line.quantity());
        changedUnits.add(allotment);
      }
    }
  }

  private int unitsOf(Allotment allotment) {
    return units.getOrDefault(allotment, 0);
  }

  private void put(OfferStock row) {
    long before = stock.containsKey(row.offerId()) ? stock.get(row.offerId()).revision() : 0;
    boolean first = changedStock.add(row.offerId());
    stock.put(row.offerId(), row.atRevision(first ? before + 1 : before));
  }

  private Hold put(Hold hold) {
    var before = holds.put(hold.reservationId(), hold);
    changedHolds.putIfAbsent(hold.reservationId(), Optional.ofNullable(before).map(Hold::state));
    return hold;
  }

  // --- what is to be written -------------------------------------------------------------------

  /** The instant at which the batch was decided. */
  Instant now() {
    return now;
  }

  /** Every offer that was read or changed, as it is after this batch. */
  Collection<OfferStock> stock() {
    return stock.values();
  }

  /** Every window that was read or changed, as it is after this batch. */
  Collection<SaleWindow> windows() {
    return windows.values();
  }

  List<OfferStock> changedStock() {
    return changedStock.stream().map(stock::get).toList();
  }

  List<SaleWindow> changedWindows() {
    return changedWindows.stream().map(windows::get).toList();
  }

  List<Hold> newHolds() {
    return changedHolds.entrySet().stream()
        .filter(e -> e.getValue().isEmpty())
        .map(e -> holds.get(e.getKey()))
        .toList();
  }

  List<Change> changedHolds() {
    return changedHolds.entrySet().stream()
        .filter(e -> e.getValue().isPresent())
        .map(e -> new Change(holds.get(e.getKey()), e.getValue().get()))
        .toList();
  }

  List<Units> changedAllotments() {
    return changedUnits.stream().map(a -> new Units(a, units.get(a))).toList();
  }

  List<Announcement> announcements() {
    return announcements;
  }
}
