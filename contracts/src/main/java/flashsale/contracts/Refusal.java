package flashsale.contracts;

/**
 * Why the ledger refuses a reservation: a closed set. Where several reasons hold, the first in this
 * order is given (docs/decisions/0003-refusals.md).
 */
public enum Refusal {
  /** An offer is not known to the ledger. */
  OFFER_UNKNOWN,
  /** A sale is not open at this moment: before its window, after it, paused or closed. */
  SALE_NOT_OPEN,
  /** An offer has no unit left at all; units on hold may still come back. */
  SOLD_OUT,
  /** The customer's open holds and purchases and this request exceed the offer's limit. */
  LIMIT_EXCEEDED,
  /** Units are left, but fewer than asked for. */
  INSUFFICIENT_STOCK
}
