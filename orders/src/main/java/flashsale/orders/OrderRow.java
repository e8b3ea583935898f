package flashsale.orders;

import flashsale.contracts.AuditRow;
import flashsale.contracts.Fact;
import flashsale.contracts.Fact.OrderCancelled;
import flashsale.contracts.Fact.OrderPaid;
import flashsale.contracts.Fact.OrderPlaced;
import flashsale.contracts.Fact.OrderRefunded;
import flashsale.contracts.Fact.StockHeld;
import flashsale.contracts.Line;
import flashsale.contracts.Order;
import flashsale.contracts.OrderIds;
import flashsale.contracts.OrderState;
import flashsale.contracts.ReservationState;
import java.time.Instant;
import java.util.List;
import java.util.UUID;

/**
 * The row of one order. Times not reached yet are null; {@code placedAt} is null for the mark that
 * a hold was given back before its order was placed; {@code cancelledAs} says why a CANCELLED one
 * is: the hold was RELEASED or EXPIRED.
 */
record OrderRow(
    UUID reservationId,
    UUID customerId,
    OrderState state,
    List<Line> lines,
    long totalMinor,
    String currency,
    String fingerprint,
    Instant placedAt,
    Instant expiresAt,
    Instant paidAt,
    Instant endedAt,
    UUID paymentId,
    ReservationState cancelledAs,
    Instant changedAt) {

  static OrderRow placed(StockHeld held, Instant now) {
    return new OrderRow(
        held.reservationId(),
        held.customerId(),
        OrderState.PENDING_PAYMENT,
        held.lines(),
        held.lines().stream().mapToLong(Line::totalMinor).reduce(0, Math::addExact),
        held.currency(),
        held.fingerprint(),
        now,
        held.expiresAt(),
        null,
        null,
        null,
        null,
        now);
  }

  /** The mark that there will be no order for this reservation. */
  static OrderRow neverPlaced(
      UUID reservationId, UUID customerId, ReservationState as, Instant now) {
    return new OrderRow(
        reservationId,
        customerId,
        OrderState.CANCELLED,
        List.of(),
        0,
        "",
        "",
        null,
        null,
        null,
        now,
        null,
        as,
        now);
  }

  boolean wasPlaced() {
    return placedAt != null;
  }

  UUID orderId() {
    return OrderIds.of(reservationId);
  }

  OrderRow paid(UUID payment, Instant now) {
    return changed(OrderState.PAID, now, null, payment, null, now);
  }

  OrderRow cancelled(ReservationState as, Instant now) {
    return changed(OrderState.CANCELLED, null, now, null, as, now);
  }

  OrderRow refunded(Instant now) {
    return changed(OrderState.REFUNDED, paidAt, now, paymentId, null, now);
  }

  private OrderRow changed(
      OrderState to, Instant paid, Instant ended, UUID payment, ReservationState as, Instant now) {
    return new OrderRow(
        reservationId,
        customerId,
        to,
        lines,
        totalMinor,
        currency,
        fingerprint,
        placedAt,
        expiresAt,
        paid,
        ended,
        payment,
        as,
        now);
  }

  /** What this order would have been, had its hold not been given back before. */
  OrderRow cancelledAtOnce(StockHeld held, Instant now) {
    return placed(held, now).cancelled(cancelledAs, now);
  }

  /** The fact that tells the state this order is in. */
  Fact fact() {
    return switch (state) {
      case PENDING_PAYMENT -> placedFact();
      case PAID -> paidFact();
      case CANCELLED -> new OrderCancelled(orderId(), reservationId, customerId, cancelledAs);
      case REFUNDED -> new OrderRefunded(orderId(), reservationId, customerId, endedAt);
    };
  }

  OrderPaid paidFact() {
    return new OrderPaid(orderId(), reservationId, customerId, paymentId, paidAt);
  }

  private OrderPlaced placedFact() {
    return new OrderPlaced(
        orderId(),
        reservationId,
        customerId,
        lines,
        totalMinor,
        currency,
        fingerprint,
        placedAt,
        expiresAt);
  }

  Order order() {
    return new Order(
        orderId(),
        reservationId,
        customerId,
        state,
        lines,
        totalMinor,
        currency,
        placedAt,
        expiresAt,
        paidAt,
        endedAt);
  }

  AuditRow.Order auditRow() {
    return new AuditRow.Order(
        reservationId, orderId(), customerId, lines, totalMinor, state, changedAt);
  }
}
