package flashsale.audit;

import flashsale.contracts.AuditRow;
import flashsale.contracts.Fact;
import flashsale.contracts.HoldState;
import flashsale.contracts.Inventory;
import flashsale.contracts.Line;
import flashsale.contracts.Order;
import flashsale.contracts.OrderIds;
import flashsale.contracts.OrderState;
import flashsale.contracts.Orders;
import flashsale.contracts.PaymentState;
import flashsale.contracts.Payments;
import flashsale.contracts.ReservationState;
import flashsale.contracts.Reservations;
import flashsale.contracts.Stock;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.function.Function;

/** Four roles on paper: what they say is what a test has written down. */
final class PaperShop {
  static final Instant NOON = Instant.parse("2026-11-27T12:00:00Z");
  static final UUID SALE = new UUID(9, 1);
  static final UUID OFFER = new UUID(9, 2);
  static final UUID CUSTOMER = new UUID(9, 3);
  static final List<Line> LINES = List.of(new Line(OFFER, 1, 1_999));

  final List<AuditRow.Hold> holds = new ArrayList<>();
  final List<AuditRow.Reservation> reservations = new ArrayList<>();
  final List<AuditRow.Order> orders = new ArrayList<>();
  final List<AuditRow.Payment> payments = new ArrayList<>();
  final List<AuditRow.Charge> charges = new ArrayList<>();
  final List<AuditRow.Allotment> miscounted = new ArrayList<>();

  /** Reservations that whoever reads page by page does not see: they were written later. */
  final Set<UUID> written = new HashSet<>();

  Audit audit() {
    return new Audit(new Ledger(), new Counter(), new Desk(), new Till(), () -> NOON);
  }

  static UUID id(int number) {
    return new UUID(1, number);
  }

  /** A purchase that everybody agrees about. */
  void paid(int number) {
    hold(number, HoldState.SOLD, NOON);
    reservation(number, ReservationState.CONFIRMED);
    order(number, OrderState.PAID);
    payment(number, PaymentState.CAPTURED, NOON, false);
    charges.add(new AuditRow.Charge(id(number), OrderIds.of(id(number)), id(number), 1_999, 1_999));
  }

  void hold(int number, HoldState state, Instant expiresAt) {
    holds.add(new AuditRow.Hold(id(number), CUSTOMER, LINES, state, expiresAt, NOON));
  }

  void reservation(int number, ReservationState state) {
    var id = id(number);
    reservations.add(new AuditRow.Reservation(id, CUSTOMER, state, OrderIds.of(id), NOON));
  }

  void order(int number, OrderState state) {
    var id = id(number);
    orders.add(new AuditRow.Order(id, OrderIds.of(id), CUSTOMER, LINES, 1_999, state, NOON));
  }

  void payment(int number, PaymentState state, Instant changedAt, boolean strayOut) {
    var id = id(number);
    payments.add(new AuditRow.Payment(id, OrderIds.of(id), id, 1_999, state, strayOut, changedAt));
  }

  private static <T> List<T> page(
      List<T> rows, Function<T, UUID> key, Optional<UUID> after, int max) {
    return rows.stream()
        .filter(row -> after.isEmpty() || UnsignedIds.compare(key.apply(row), after.get()) > 0)
        .sorted((a, b) -> UnsignedIds.compare(key.apply(a), key.apply(b)))
        .limit(max)
        .toList();
  }

  private static UnsupportedOperationException notHere() {
    return new UnsupportedOperationException("the audit only reads what is meant for it");
  }

  private final class Ledger implements Inventory {
    @Override
    public List<AuditRow.Hold> holds(Optional<UUID> after, int max) {
      return page(holds, AuditRow.Hold::reservationId, after, max);
    }

    @Override
    public List<AuditRow.Offer> offers() {
      int held = count(HoldState.HELD);
      int sold = count(HoldState.SOLD);
      var stock = new Stock(OFFER, SALE, held + sold, 0, held, sold, 0, 1);
      return List.of(new AuditRow.Offer(stock, held, sold));
    }

    private int count(HoldState state) {
      return (int) holds.stream().filter(hold -> hold.state() == state).count();
    }

    @Override
    public List<AuditRow.OverLimit> overLimit() {
      return List.of();
    }

    @Override
    public List<AuditRow.Allotment> miscounted() {
      return miscounted;
    }

    @Override
    public Optional<Fact.StockRefused> refusedAtGate(Fact.ReservationRequested request) {
      throw notHere();
    }

    @Override
    public Set<UUID> known(Collection<UUID> reservationIds) {
      throw notHere();
    }

    @Override
    public Figures figures() {
      throw notHere();
    }

    @Override
    public List<Stock> stock(List<UUID> saleIds) {
      throw notHere();
    }

    @Override
    public List<Fact.StockHeld> openHolds(
        Instant from, Instant to, Optional<Fact.StockHeld> after, int max) {
      throw notHere();
    }

    @Override
    public List<Fact> apply(List<Fact> facts) {
      throw notHere();
    }
  }

  private final class Counter implements Reservations {
    @Override
    public List<AuditRow.Reservation> reservations(Optional<UUID> after, int max) {
      var seen =
          reservations.stream().filter(r -> max == 1 || !written.contains(r.reservationId()));
      return page(seen.toList(), AuditRow.Reservation::reservationId, after, max);
    }

    @Override
    public List<Fact.ReservationRequested> pending(
        Instant from, Instant to, Optional<Fact.ReservationRequested> after, int max) {
      throw notHere();
    }

    @Override
    public Set<UUID> unsettled(Collection<UUID> reservationIds) {
      throw notHere();
    }

    @Override
    public List<Fact> apply(List<Fact> facts) {
      throw notHere();
    }
  }

  private final class Desk implements Orders {
    @Override
    public List<AuditRow.Order> orders(Optional<UUID> after, int max) {
      return page(orders, AuditRow.Order::reservationId, after, max);
    }

    @Override
    public List<Order> find(Collection<UUID> orderIds) {
      throw notHere();
    }

    @Override
    public List<Fact> apply(List<Fact> facts) {
      throw notHere();
    }
  }

  private final class Till implements Payments {
    @Override
    public List<AuditRow.Payment> payments(Optional<UUID> after, int max) {
      // Those of one reservation are never parted.
      var last = page(payments, AuditRow.Payment::reservationId, after, max).reversed().stream();
      return last.findFirst()
          .map(
              p ->
                  page(payments, AuditRow.Payment::reservationId, after, payments.size()).stream()
                      .filter(q -> UnsignedIds.compare(q.reservationId(), p.reservationId()) <= 0)
                      .toList())
          .orElse(List.of());
    }

    @Override
    public List<Fact.PaymentRequested> pending(
        Instant from, Instant to, Optional<Fact.PaymentRequested> after, int max) {
      throw notHere();
    }

    @Override
    public List<AuditRow.Charge> charges(Optional<UUID> after, int max) {
      return page(charges, AuditRow.Charge::key, after, max);
    }

    @Override
    public List<Fact> apply(List<Fact> facts) {
      throw notHere();
    }
  }
}
