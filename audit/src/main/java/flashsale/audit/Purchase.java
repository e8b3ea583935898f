package flashsale.audit;

import flashsale.audit.AuditReport.Breach;
import flashsale.audit.AuditReport.Rule;
import flashsale.contracts.AuditRow;
import flashsale.contracts.HoldState;
import flashsale.contracts.Line;
import flashsale.contracts.OrderState;
import flashsale.contracts.PaymentState;
import flashsale.contracts.ReservationState;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.UUID;

/**
 * What the four roles say about one reservation id, and whether they agree. Any of the first three
 * may be null: that role knows nothing.
 */
record Purchase(
    UUID reservationId,
    AuditRow.Hold hold,
    AuditRow.Reservation reservation,
    AuditRow.Order order,
    List<AuditRow.Payment> payments) {

  /** Every rule that does not hold at this moment; the flow may be under way. */
  List<Breach> mismatches() {
    var found = new ArrayList<Breach>();
    holdMatchesReservation(found);
    soldMatchesOrder(found);
    paymentsHaveOrder(found);
    if (order != null && reservation == null) {
      found.add(breach(Rule.ORDER_HAS_RESERVATION, "order " + order.state()));
    }
    return found;
  }

  /** Payments whose outcome is not known yet. */
  long openPayments() {
    return payments.stream()
        .filter(p -> p.state() == PaymentState.PENDING || p.state() == PaymentState.UNKNOWN)
        .count();
  }

  boolean touches(Set<UUID> offerIds) {
    var lines = hold != null ? hold.lines() : order != null ? order.lines() : List.<Line>of();
    return lines.stream().anyMatch(line -> offerIds.contains(line.offerId()));
  }

  private void holdMatchesReservation(List<Breach> found) {
    var state = reservation == null ? null : reservation.state();
    boolean matches =
        hold == null
            ? state == null || state == ReservationState.PENDING
            : switch (hold.state()) {
              case HELD -> state == ReservationState.HELD;
              case SOLD -> state == ReservationState.CONFIRMED;
              case EXPIRED -> state == ReservationState.EXPIRED;
              // A request that failed before its hold is released without ever having been one.
              case RELEASED ->
                  state == ReservationState.RELEASED || (state == null && hold.lines().isEmpty());
              case RETURNED -> state == ReservationState.RELEASED;
              // Nothing was taken: a walk that stopped here is finished by whoever asks again.
              case REFUSED -> state == ReservationState.REFUSED || state == null;
            };
    if (!matches) {
      found.add(breach(Rule.HOLD_MATCHES_RESERVATION, holdState() + ", reservation " + state));
    } else if (hold != null
        && reservation != null
        && hold.customerId() != null
        && !hold.customerId().equals(reservation.customerId())) {
      found.add(breach(Rule.HOLD_MATCHES_RESERVATION, "they belong to different customers"));
    }
  }

  private void soldMatchesOrder(List<Breach> found) {
    var state = order == null ? null : order.state();
    var expected =
        hold == null
            ? null
            : switch (hold.state()) {
              case HELD -> OrderState.PENDING_PAYMENT;
              case SOLD -> OrderState.PAID;
              case RETURNED -> OrderState.REFUNDED;
              case EXPIRED, RELEASED -> state == null ? null : OrderState.CANCELLED;
              case REFUSED -> null;
            };
    if (state != expected) {
      found.add(breach(Rule.SOLD_MATCHES_ORDER, holdState() + ", order " + state));
    } else if (state == OrderState.PAID && !hold.lines().equals(order.lines())) {
      found.add(
          breach(Rule.SOLD_MATCHES_ORDER, "sold " + hold.lines() + ", ordered " + order.lines()));
    }
  }

  private void paymentsHaveOrder(List<Breach> found) {
    var captured = payments.stream().filter(p -> p.state() == PaymentState.CAPTURED).toList();
    boolean paid = order != null && order.state() == OrderState.PAID;
    if (captured.size() != (paid ? 1 : 0)) {
      found.add(
          breach(
              Rule.PAYMENT_HAS_ORDER,
              captured.size()
                  + " captured payments, order "
                  + (order == null ? null : order.state())));
    } else if (paid && captured.getFirst().amountMinor() != order.totalMinor()) {
      found.add(
          breach(
              Rule.PAYMENT_HAS_ORDER,
              "captured " + captured.getFirst().amountMinor() + ", ordered " + order.totalMinor()));
    }
    boolean refunded = payments.stream().anyMatch(p -> p.state() == PaymentState.REFUNDED);
    if (order != null && order.state() == OrderState.REFUNDED && !refunded) {
      found.add(breach(Rule.PAYMENT_HAS_ORDER, "the order is refunded, no payment is"));
    }
  }

  private String holdState() {
    HoldState state = hold == null ? null : hold.state();
    return "hold " + state;
  }

  private Breach breach(Rule rule, String detail) {
    return new Breach(rule, reservationId, detail);
  }
}
