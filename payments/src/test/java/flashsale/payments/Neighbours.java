package flashsale.payments;

import flashsale.contracts.AuditRow;
import flashsale.contracts.Fact;
import flashsale.contracts.Fact.HoldExtended;
import flashsale.contracts.Fact.HoldGone;
import flashsale.contracts.Fact.HoldLost;
import flashsale.contracts.Fact.OrderCancelled;
import flashsale.contracts.Fact.OrderPaid;
import flashsale.contracts.Fact.OrderRefunded;
import flashsale.contracts.Fact.PaymentCaptured;
import flashsale.contracts.Fact.PaymentRefunded;
import flashsale.contracts.Fact.PaymentRequested;
import flashsale.contracts.Fact.ReservationSettled;
import flashsale.contracts.Fact.StockReturned;
import flashsale.contracts.Fact.StockSold;
import flashsale.contracts.HoldState;
import flashsale.contracts.Line;
import flashsale.contracts.Order;
import flashsale.contracts.OrderIds;
import flashsale.contracts.OrderState;
import flashsale.contracts.Orders;
import flashsale.contracts.ReservationState;
import flashsale.platform.ids.Ids;
import java.time.Instant;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;

/** The other roles' part of the flow, as far as payments meet it, in memory. */
final class Neighbours implements Orders {
  private final Map<UUID, Order> orders = new ConcurrentHashMap<>();
  private final Set<UUID> sold = ConcurrentHashMap.newKeySet();
  private final Set<UUID> gone = ConcurrentHashMap.newKeySet();

  /** A new order of two lamps that waits for its payment; its units are held. */
  Order place(UUID customerId, Instant now) {
    var reservationId = Ids.next();
    var order =
        new Order(
            OrderIds.of(reservationId),
            reservationId,
            customerId,
            OrderState.PENDING_PAYMENT,
            List.of(new Line(Ids.next(), 2, 1999)),
            3998,
            "EUR",
            now,
            now.plusSeconds(600),
            null,
            null);
    orders.put(order.orderId(), order);
    return order;
  }

  /** The hold's time is up, but the order has not heard of it yet. */
  void expire(UUID reservationId) {
    gone.add(reservationId);
  }

  OrderState state(UUID orderId) {
    return orders.get(orderId).state();
  }

  /** One hop of the flow; facts that are the payments' own are not for here. */
  Fact hop(Fact fact) {
    return switch (fact) {
      case PaymentRequested f -> extend(f);
      case PaymentCaptured f -> sell(f);
      case StockSold f -> {
        move(f.orderId(), OrderState.PAID);
        yield new OrderPaid(
            f.orderId(), f.reservationId(), f.customerId(), f.paymentId(), f.soldAt());
      }
      case PaymentRefunded f when f.holdLost() -> {
        move(f.orderId(), OrderState.CANCELLED);
        yield new OrderCancelled(
            f.orderId(), f.reservationId(), f.customerId(), ReservationState.EXPIRED);
      }
      case PaymentRefunded f -> {
        move(f.orderId(), OrderState.REFUNDED);
        yield new OrderRefunded(f.orderId(), f.reservationId(), f.customerId(), f.refundedAt());
      }
      case OrderRefunded f ->
          new StockReturned(f.reservationId(), f.customerId(), f.orderId(), f.refundedAt());
      case OrderPaid f -> settled(f.orderId(), ReservationState.CONFIRMED);
      case OrderCancelled f -> settled(f.orderId(), f.reservationState());
      case StockReturned f -> settled(f.orderId(), ReservationState.RELEASED);
      default -> throw new IllegalArgumentException("not a neighbour's: " + fact);
    };
  }

  private Fact extend(PaymentRequested f) {
    if (gone.contains(f.reservationId()) || sold.contains(f.reservationId())) {
      return new HoldGone(f.paymentId(), f.orderId(), f.reservationId(), f.customerId());
    }
    return new HoldExtended(
        f.paymentId(),
        f.orderId(),
        f.reservationId(),
        f.customerId(),
        f.amountMinor(),
        f.currency(),
        f.method(),
        f.requestedAt().plusSeconds(120));
  }

  private Fact sell(PaymentCaptured f) {
    if (gone.contains(f.reservationId())) {
      return new HoldLost(
          f.reservationId(),
          f.customerId(),
          f.orderId(),
          f.paymentId(),
          f.capturedAt(),
          HoldState.EXPIRED);
    }
    sold.add(f.reservationId());
    return new StockSold(
        f.reservationId(), f.customerId(), f.orderId(), f.paymentId(), f.capturedAt());
  }

  private void move(UUID orderId, OrderState to) {
    orders.computeIfPresent(
        orderId,
        (id, o) ->
            new Order(
                id,
                o.reservationId(),
                o.customerId(),
                to,
                o.lines(),
                o.totalMinor(),
                o.currency(),
                o.placedAt(),
                o.expiresAt(),
                null,
                null));
  }

  private ReservationSettled settled(UUID orderId, ReservationState state) {
    var o = orders.get(orderId);
    return new ReservationSettled(
        o.reservationId(),
        o.customerId(),
        state,
        orderId,
        o.lines(),
        o.totalMinor(),
        o.currency(),
        o.expiresAt(),
        null,
        null,
        null);
  }

  @Override
  public List<Order> find(Collection<UUID> orderIds) {
    return orderIds.stream().filter(orders::containsKey).map(orders::get).toList();
  }

  @Override
  public List<Fact> apply(List<Fact> facts) {
    return facts.stream().map(this::hop).toList();
  }

  @Override
  public List<AuditRow.Order> orders(Optional<UUID> after, int max) {
    return List.of();
  }
}
