package flashsale.contracts;

/** The legal states of an order: PENDING_PAYMENT, then PAID or CANCELLED; PAID, then REFUNDED. */
public enum OrderState {
  PENDING_PAYMENT,
  PAID,
  CANCELLED,
  REFUNDED
}
