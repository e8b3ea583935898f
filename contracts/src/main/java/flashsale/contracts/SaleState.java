package flashsale.contracts;

/** What operators decided about a sale; the clock decides whether a SCHEDULED one is open. */
public enum SaleState {
  DRAFT,
  SCHEDULED,
  OPEN,
  PAUSED,
  CLOSED
}
