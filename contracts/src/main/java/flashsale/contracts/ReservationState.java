package flashsale.contracts;

/** Where a reservation stands. HELD leads to CONFIRMED, RELEASED or EXPIRED; the rest are final. */
public enum ReservationState {
  PENDING,
  HELD,
  REFUSED,
  CONFIRMED,
  RELEASED,
  EXPIRED
}
