package flashsale.payments;

import flashsale.contracts.AuditRow;
import flashsale.contracts.Fact;
import flashsale.contracts.Fact.PaymentCaptured;
import flashsale.contracts.Fact.PaymentDeclined;
import flashsale.contracts.Fact.PaymentRefunded;
import flashsale.contracts.Fact.PaymentRequested;
import flashsale.contracts.Fact.PaymentUnanswered;
import flashsale.contracts.HoldState;
import flashsale.contracts.Order;
import flashsale.contracts.PaymentState;
import java.time.Instant;
import java.util.UUID;

/**
 * The row of one payment. PENDING or UNKNOWN, then CAPTURED or DECLINED; CAPTURED, then REFUNDED.
 * What has not happened yet is null. {@code holdLost} tells an automatic refund from an operator's;
 * {@code nextLookAt} is when the gateway is to be asked about one that is PENDING or UNKNOWN.
 */
record PaymentRow(
    UUID paymentId,
    UUID orderId,
    UUID reservationId,
    UUID customerId,
    long amountMinor,
    String currency,
    String method,
    PaymentState state,
    String gatewayReference,
    String declineReason,
    boolean holdLost,
    String fingerprint,
    Instant requestedAt,
    Instant capturedAt,
    Instant refundedAt,
    Instant changedAt,
    Instant nextLookAt) {

  /** Declined because the hold was resolved before the charge. */
  static final String HOLD_GONE = "HOLD_GONE";

  /** Declined because the gateway gave no answer, and promised that none will come. */
  static final String NOT_CHARGED = "NOT_CHARGED";

  static PaymentRow requested(
      UUID paymentId, Order order, String method, String fingerprint, Instant now, Instant lookAt) {
    return new PaymentRow(
        paymentId,
        order.orderId(),
        order.reservationId(),
        order.customerId(),
        order.totalMinor(),
        order.currency(),
        method,
        PaymentState.PENDING,
        null,
        null,
        false,
        fingerprint,
        now,
        null,
        null,
        now,
        lookAt);
  }

  /** The outcome of the charge is not known yet. */
  boolean open() {
    return state == PaymentState.PENDING || state == PaymentState.UNKNOWN;
  }

  /**
   * The payment after this; the same object where it changes nothing, because something else came
   * first: the first outcome stays.
   */
  PaymentRow after(Settlement settlement, Instant now) {
    return switch (settlement) {
      case Settlement.Captured s when open() ->
          to(PaymentState.CAPTURED, s.reference(), null, false, now, null, now, null);
      case Settlement.Declined s when open() ->
          to(PaymentState.DECLINED, null, s.reason(), false, null, null, now, null);
      case Settlement.Unanswered s when state == PaymentState.PENDING ->
          to(PaymentState.UNKNOWN, null, null, false, null, null, now, s.lookAt());
      case Settlement.Refunded s when state == PaymentState.CAPTURED ->
          to(
              PaymentState.REFUNDED,
              gatewayReference,
              null,
              s.holdLost(),
              capturedAt,
              now,
              now,
              null);
      case Settlement.Captured s -> this;
      case Settlement.Declined s -> this;
      case Settlement.Unanswered s -> this;
      case Settlement.Refunded s -> this;
    };
  }

  private PaymentRow to(
      PaymentState next,
      String reference,
      String reason,
      boolean lost,
      Instant captured,
      Instant refunded,
      Instant now,
      Instant lookAt) {
    return new PaymentRow(
        paymentId,
        orderId,
        reservationId,
        customerId,
        amountMinor,
        currency,
        method,
        next,
        reference,
        reason,
        lost,
        fingerprint,
        requestedAt,
        captured,
        refunded,
        now,
        lookAt);
  }

  PaymentRequested request() {
    return new PaymentRequested(
        paymentId, orderId, reservationId, customerId, amountMinor, currency, method, requestedAt);
  }

  PaymentGateway.Charge charge() {
    return new PaymentGateway.Charge(paymentId, orderId, amountMinor, currency, method);
  }

  /** How the charge ended first, whatever became of the money later. */
  Fact charged() {
    return switch (state) {
      case PENDING -> throw new IllegalStateException("payment " + paymentId + " is PENDING");
      case UNKNOWN -> new PaymentUnanswered(paymentId, orderId, reservationId, customerId);
      case CAPTURED, REFUNDED -> captured();
      case DECLINED ->
          new PaymentDeclined(
              paymentId, orderId, reservationId, customerId, declineReason, changedAt);
    };
  }

  PaymentCaptured captured() {
    return new PaymentCaptured(
        paymentId,
        orderId,
        reservationId,
        customerId,
        amountMinor,
        currency,
        gatewayReference,
        capturedAt);
  }

  /**
   * The money went back.
   *
   * @param resolvedAs what had become of its hold; null if the hold was not lost
   */
  PaymentRefunded refunded(HoldState resolvedAs) {
    if (state != PaymentState.REFUNDED) {
      throw new IllegalStateException(
          "payment " + paymentId + " is " + state + ": there is nothing to give back");
    }
    return new PaymentRefunded(
        paymentId,
        orderId,
        reservationId,
        customerId,
        amountMinor,
        currency,
        holdLost,
        refundedAt,
        resolvedAs);
  }

  /** How much of what the gateway has taken under this payment's key we know to be taken. */
  long bookedMinor(long takenMinor) {
    return switch (state) {
      case PENDING, UNKNOWN -> takenMinor;
      case CAPTURED -> amountMinor;
      case DECLINED, REFUNDED -> 0;
    };
  }

  AuditRow.Payment auditRow(boolean strayOut) {
    return new AuditRow.Payment(
        paymentId, orderId, reservationId, amountMinor, state, strayOut, changedAt);
  }
}
