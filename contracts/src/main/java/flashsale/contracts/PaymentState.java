package flashsale.contracts;

/** The states of a payment; UNKNOWN while the payment gateway's answer is missing. */
public enum PaymentState {
  PENDING,
  UNKNOWN,
  CAPTURED,
  DECLINED,
  REFUNDED
}
