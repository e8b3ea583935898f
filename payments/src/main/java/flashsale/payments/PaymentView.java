package flashsale.payments;

import flashsale.contracts.PaymentState;
import java.util.UUID;

/** A payment as its customer sees it; the amount in minor units of the currency. */
record PaymentView(
    UUID paymentId,
    UUID orderId,
    UUID reservationId,
    PaymentState state,
    long amountMinor,
    String currency,
    String declineReason) {

  static PaymentView of(PaymentRow row) {
    return new PaymentView(
        row.paymentId(),
        row.orderId(),
        row.reservationId(),
        row.state(),
        row.amountMinor(),
        row.currency(),
        row.declineReason());
  }
}
