package flashsale.orders;

import flashsale.contracts.Fact;
import flashsale.contracts.Fact.HoldExpired;
import flashsale.contracts.Fact.HoldReleased;
import flashsale.contracts.Fact.PaymentRefunded;
import flashsale.contracts.Fact.StockHeld;
import flashsale.contracts.Fact.StockSold;
import flashsale.contracts.HoldState;
import flashsale.contracts.OrderState;
import flashsale.contracts.ReservationState;
import java.time.Instant;
import java.util.UUID;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What a fact does to an order: the legal states and nothing else, no database. A repeated fact
 * changes nothing and is answered with what the order is; that is its first outcome, or what became
 * of it meanwhile. What the ledger can never have said of an order is an {@link
 * IllegalStateException}: a broken invariant must not be smoothed over.
 */
final class OrderLife {
  private static final Logger LOG = LoggerFactory.getLogger(OrderLife.class);

  private OrderLife() {}

  /**
   * The order after this fact; the same object when nothing changes.
   *
   * @param order null when there is none yet
   */
  static OrderRow after(OrderRow order, Fact fact, Instant now) {
    return switch (fact) {
      case StockHeld f -> placed(order, f, now);
      case StockSold f -> paid(order, f, now);
      case HoldReleased f ->
          givenBack(order, f.reservationId(), f.customerId(), ReservationState.RELEASED, now);
      case HoldExpired f ->
          givenBack(order, f.reservationId(), f.customerId(), ReservationState.EXPIRED, now);
      case PaymentRefunded f -> f.holdLost() ? lost(order, f, now) : refunded(order, f, now);
      default -> throw new IllegalArgumentException("orders do not take " + fact);
    };
  }

  /** What is answered to a fact about an order that stands like this now. */
  static Fact answer(OrderRow order, Fact fact) {
    // A repeat of a sale that was refunded later; the refund has its own walk to the ledger.
    return fact instanceof StockSold && order.state() == OrderState.REFUNDED
        ? order.paidFact()
        : order.fact();
  }

  private static OrderRow placed(OrderRow order, StockHeld held, Instant now) {
    if (order == null) {
      return OrderRow.placed(held, now);
    }
    return order.wasPlaced() ? order : order.cancelledAtOnce(held, now);
  }

  private static OrderRow paid(OrderRow order, StockSold sold, Instant now) {
    return switch (stateOf(order, sold)) {
      case PENDING_PAYMENT -> order.paid(sold.paymentId(), now);
      case PAID, REFUNDED -> order;
      case CANCELLED -> throw impossible(order, sold);
    };
  }

  private static OrderRow givenBack(
      OrderRow order, UUID reservationId, UUID customerId, ReservationState as, Instant now) {
    if (order == null) {
      return OrderRow.neverPlaced(reservationId, customerId, as, now);
    }
    return switch (order.state()) {
      case PENDING_PAYMENT -> order.cancelled(as, now);
      case CANCELLED -> order;
      case PAID, REFUNDED -> {
        // The ledger resolves a hold once, so this is an old message about another resolution.
        LOG.error(
            "order {} is {}, but its hold is said to be {}", order.orderId(), order.state(), as);
        yield order;
      }
    };
  }

  private static OrderRow lost(OrderRow order, PaymentRefunded refund, Instant now) {
    return switch (stateOf(order, refund)) {
      // The walk that gave the hold back died before it came here.
      case PENDING_PAYMENT -> order.cancelled(endOf(refund), now);
      case CANCELLED -> order; // Whoever gave the hold back has said why.
      case PAID, REFUNDED -> throw impossible(order, refund);
    };
  }

  private static ReservationState endOf(PaymentRefunded refund) {
    return refund.resolvedAs() == HoldState.RELEASED
        ? ReservationState.RELEASED
        : ReservationState.EXPIRED;
  }

  private static OrderRow refunded(OrderRow order, PaymentRefunded refund, Instant now) {
    return switch (stateOf(order, refund)) {
      case PAID -> order.refunded(now);
      case REFUNDED -> order;
      case PENDING_PAYMENT, CANCELLED -> throw impossible(order, refund);
    };
  }

  private static OrderState stateOf(OrderRow order, Fact fact) {
    if (order == null || !order.wasPlaced()) {
      throw new IllegalStateException("there is no order for " + fact);
    }
    return order.state();
  }

  private static IllegalStateException impossible(OrderRow order, Fact fact) {
    return new IllegalStateException(
        "order " + order.orderId() + " is " + order.state() + " and cannot take " + fact);
  }
}
