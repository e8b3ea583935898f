package flashsale.inventory;

import flashsale.contracts.Fact;
import flashsale.contracts.Fact.HoldExpired;
import flashsale.contracts.Fact.HoldExtended;
import flashsale.contracts.Fact.HoldGone;
import flashsale.contracts.Fact.HoldLost;
import flashsale.contracts.Fact.HoldOverdue;
import flashsale.contracts.Fact.HoldReleased;
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
import flashsale.contracts.Fact.StockAllocated;
import flashsale.contracts.Fact.StockHeld;
import flashsale.contracts.Fact.StockRefused;
import flashsale.contracts.Fact.StockReturned;
import flashsale.contracts.Fact.StockSold;
import flashsale.contracts.HoldState;
import flashsale.contracts.Line;
import flashsale.contracts.Refusal;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.function.Predicate;

/**
 * What the ledger promises, said as plainly as possible: one list of reservations, nothing counted
 * along, every figure summed anew. The model that the ledger is held against.
 */
final class PlainLedger {
  /** A reservation; {@code outcome} is what a repeat is answered. */
  static final class Reservation {
    UUID id;
    UUID customer;
    List<Line> lines = List.of();
    String state;
    Fact outcome;
    Instant promisedUntil;
    Instant expiresAt;
    StockSold sold;

    boolean is(String one) {
      return state.equals(one);
    }

    long units(UUID offer) {
      return lines.stream().filter(l -> l.offerId().equals(offer)).mapToLong(Line::quantity).sum();
    }
  }

  private record Window(boolean mayOpen, Instant from, Instant to, int holdSeconds, long version) {}

  final Map<UUID, Reservation> reservations = new LinkedHashMap<>();
  final Map<UUID, OfferAllocated> offers = new LinkedHashMap<>();
  private final Map<UUID, Window> windows = new LinkedHashMap<>();
  final List<String> outbox = new ArrayList<>();
  private Instant now;

  /** The answer; empty if the fact cannot be meant. */
  Optional<Fact> apply(Fact fact, Instant at) {
    now = at;
    return Optional.ofNullable(
        switch (fact) {
          case ReservationRequested r -> hold(r);
          case ReleaseRequested r -> release(r);
          case HoldOverdue o -> overdue(o);
          case PaymentRequested p -> extend(p);
          case PaymentCaptured p -> sell(p);
          case OrderRefunded r -> refund(r);
          case OfferAllocated a -> allocate(a);
          case SaleScheduled s -> sale(s.saleId(), true, s.opensAt(), s.closesAt(), s.version());
          case SaleOpened s -> sale(s.saleId(), true, s.opensAt(), s.closesAt(), s.version());
          case SalePaused s -> sale(s.saleId(), false, s.opensAt(), s.closesAt(), s.version());
          case SaleClosed s -> sale(s.saleId(), false, s.opensAt(), s.closesAt(), s.version());
          default -> null;
        });
  }

  long sum(UUID offer, Predicate<Reservation> which) {
    return reservations.values().stream().filter(which).mapToLong(r -> r.units(offer)).sum();
  }

  long held(UUID offer) {
    return sum(offer, r -> r.is("HELD"));
  }

  long sold(UUID offer) {
    return sum(offer, r -> r.is("SOLD"));
  }

  long available(UUID offer) {
    return offers.get(offer).allocated() - held(offer) - sold(offer);
  }

  long unitsOf(UUID offer, UUID customer) {
    return sum(offer, r -> customer.equals(r.customer) && (r.is("HELD") || r.is("SOLD")));
  }

  private Fact hold(ReservationRequested r) {
    var known = reservations.get(r.reservationId());
    if (known != null) {
      return known.outcome;
    }
    var mine = new Reservation();
    mine.id = r.reservationId();
    mine.customer = r.customerId();
    mine.lines = r.lines();
    mine.expiresAt = now;
    Refusal reason = null;
    UUID offer = null;
    for (var candidate : Refusal.values()) {
      for (var line : r.lines()) {
        if (reason == null && refuses(candidate, mine, line.offerId())) {
          reason = candidate;
          offer = line.offerId();
        }
      }
    }
    if (reason == null) {
      mine.state = "HELD";
      extend(mine, r, shortest(r.lines()));
    } else {
      mine.state = "REFUSED";
      int available = reason == Refusal.OFFER_UNKNOWN ? 0 : (int) available(offer);
      mine.outcome =
          new StockRefused(
              r.reservationId(),
              r.customerId(),
              r.lines(),
              r.currency(),
              r.fingerprint(),
              reason,
              offer,
              available,
              now);
    }
    reservations.put(mine.id, mine);
    return mine.outcome;
  }

  private boolean refuses(Refusal reason, Reservation mine, UUID offer) {
    return switch (reason) {
      case OFFER_UNKNOWN -> !offers.containsKey(offer);
      case SALE_NOT_OPEN -> {
        var window = windows.get(offers.get(offer).saleId());
        yield window == null
            || !window.mayOpen
            || now.isBefore(window.from)
            || !now.isBefore(window.to);
      }
      case SOLD_OUT -> available(offer) == 0;
      case LIMIT_EXCEEDED -> {
        int limit = offers.get(offer).limitPerCustomer();
        yield limit > 0 && unitsOf(offer, mine.customer) + mine.units(offer) > limit;
      }
      case INSUFFICIENT_STOCK -> mine.units(offer) > available(offer);
    };
  }

  private Duration shortest(List<Line> lines) {
    return lines.stream()
        .map(l -> Duration.ofSeconds(windows.get(offers.get(l.offerId()).saleId()).holdSeconds))
        .min(Duration::compareTo)
        .orElseThrow();
  }

  private void extend(Reservation mine, ReservationRequested r, Duration by) {
    mine.promisedUntil = now.plus(by);
    mine.expiresAt = mine.promisedUntil;
    mine.outcome =
        new StockHeld(
            mine.id, mine.customer, mine.lines, r.currency(), r.fingerprint(), now, mine.expiresAt);
  }

  private Fact release(ReleaseRequested r) {
    var mine = reservations.get(r.reservationId());
    if (mine == null) {
      mine = new Reservation();
      mine.id = r.reservationId();
      mine.customer = r.customerId();
      mine.expiresAt = now;
      resolve(mine, "RELEASED", new HoldReleased(mine.id, mine.customer, now));
      reservations.put(mine.id, mine);
    } else if (mine.is("HELD")) {
      resolve(mine, "RELEASED", new HoldReleased(mine.id, mine.customer, now));
      outbox.add(mine.id + " hold-released.v1 " + now.plusSeconds(10));
    }
    return mine.outcome;
  }

  private static void resolve(Reservation mine, String state, Fact outcome) {
    mine.state = state;
    mine.outcome = outcome;
  }

  private Fact overdue(HoldOverdue o) {
    var mine = reservations.get(o.reservationId());
    if (mine == null) {
      return null;
    }
    expireIfOverdue(mine);
    return mine.outcome;
  }

  private void expireIfOverdue(Reservation mine) {
    if (mine.is("HELD") && !now.isBefore(mine.expiresAt)) {
      resolve(mine, "EXPIRED", new HoldExpired(mine.id, mine.customer, now));
      outbox.add(mine.id + " hold-expired.v1 " + now);
    }
  }

  private Fact extend(PaymentRequested p) {
    var mine = reservations.get(p.reservationId());
    if (mine != null) {
      expireIfOverdue(mine);
    }
    if (mine == null || !mine.is("HELD") || !now.isBefore(mine.promisedUntil)) {
      return new HoldGone(p.paymentId(), p.orderId(), p.reservationId(), p.customerId());
    }
    var until = now.plus(Duration.ofMinutes(2));
    if (until.isAfter(mine.expiresAt)) {
      var h = (StockHeld) mine.outcome;
      mine.expiresAt = until;
      mine.outcome =
          new StockHeld(
              mine.id, mine.customer, mine.lines, h.currency(), h.fingerprint(), h.heldAt(), until);
    }
    return new HoldExtended(
        p.paymentId(),
        p.orderId(),
        p.reservationId(),
        p.customerId(),
        p.amountMinor(),
        p.currency(),
        p.method(),
        mine.expiresAt);
  }

  private Fact sell(PaymentCaptured p) {
    var mine = reservations.get(p.reservationId());
    if (mine != null && mine.is("HELD")) {
      mine.sold = new StockSold(mine.id, mine.customer, p.orderId(), p.paymentId(), now);
      resolve(mine, "SOLD", mine.sold);
    }
    return mine != null && mine.sold != null && mine.sold.paymentId().equals(p.paymentId())
        ? mine.sold
        : new HoldLost(
            p.reservationId(),
            p.customerId(),
            p.orderId(),
            p.paymentId(),
            now,
            mine == null ? null : HoldState.valueOf(mine.state));
  }

  private Fact refund(OrderRefunded r) {
    var mine = reservations.get(r.reservationId());
    if (mine == null || mine.sold == null) {
      return null;
    }
    if (mine.is("SOLD")) {
      resolve(
          mine, "RETURNED", new StockReturned(mine.id, mine.customer, mine.sold.orderId(), now));
    }
    return mine.outcome;
  }

  private Fact allocate(OfferAllocated a) {
    var known = offers.get(a.offerId());
    if (known == null || a.version() > known.version()) {
      int taken = (int) (held(a.offerId()) + sold(a.offerId()));
      offers.put(
          a.offerId(),
          new OfferAllocated(
              a.offerId(),
              a.saleId(),
              Math.max(a.allocated(), taken),
              a.limitPerCustomer(),
              a.version()));
    }
    var now = offers.get(a.offerId());
    return new StockAllocated(
        now.offerId(),
        now.saleId(),
        now.allocated(),
        (int) available(now.offerId()),
        (int) held(now.offerId()),
        (int) sold(now.offerId()),
        now.version());
  }

  private Fact sale(UUID id, boolean mayOpen, Instant from, Instant to, long version) {
    var known = windows.get(id);
    if (known == null || version > known.version) {
      // The hold time goes with the sale's version in these tests.
      windows.put(id, new Window(mayOpen, from, to, holdSeconds(version), version));
    }
    return new SaleKnown(id, windows.get(id).version);
  }

  static int holdSeconds(long version) {
    return 60 + (int) version;
  }
}
