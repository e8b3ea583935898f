package flashsale.audit;

import flashsale.audit.AuditReport.Breach;
import flashsale.audit.AuditReport.Rule;
import flashsale.contracts.AuditRow;
import flashsale.contracts.HoldState;
import flashsale.contracts.Line;
import flashsale.contracts.OrderState;
import flashsale.contracts.PaymentState;
import flashsale.contracts.ReservationState;
import java.time.Duration;
import java.time.Instant;
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

  /** How long an open hold may be overdue; a sweep of many takes seconds. */
  static final Duration OVERDUE_MAX = Duration.ofMinutes(1);

  /** How long a payment may be open; even one that was only accepted is looked at after 15 min. */
  static final Duration OPEN_PAYMENT_MAX = Duration.ofMinutes(20);

  /** Every rule that does not hold at this moment; the flow may be under way. */
  List<Breach> mismatches(Instant now) {
    var found = new ArrayList<Breach>();
    inTime(found, now);
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
    return payments.stream().filter(Purchase::isOpen).count();
  }

  private static boolean isOpen(AuditRow.Payment payment) {
    return payment.state() == PaymentState.PENDING || payment.state() == PaymentState.UNKNOWN;
  }

  /**
   * Whether it is about one of these offers, or may be: where hold and order are lost nobody knows,
   * and it must not be told by nobody.
   */
  boolean touches(Set<UUID> offerIds) {
    var lines = new ArrayList<Line>(hold == null ? List.of() : hold.lines());
    lines.addAll(order == null ? List.of() : order.lines());
    return lines.isEmpty() || lines.stream().anyMatch(line -> offerIds.contains(line.offerId()));
  }

  private void inTime(List<Breach> found, Instant now) {
    if (hold != null
        && hold.state() == HoldState.HELD
        && hold.expiresAt().plus(OVERDUE_MAX).isBefore(now)) {
      found.add(breach(Rule.HOLD_IN_TIME, "held, but overdue since " + hold.expiresAt()));
    }
    for (var payment : payments) {
      if (isOpen(payment) && payment.changedAt().plus(OPEN_PAYMENT_MAX).isBefore(now)) {
        found.add(
            breach(
                Rule.PAYMENT_ENDS,
                "payment %s is %s since %s"
                    .formatted(payment.paymentId(), payment.state(), payment.changedAt())));
      }
    }
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
    payments.stream()
        .filter(AuditRow.Payment::strayOut)
        .map(p -> "payment %s was given up, but charged".formatted(p.paymentId()))
        .forEach(detail -> found.add(breach(Rule.PAYMENT_HAS_ORDER, detail)));
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
