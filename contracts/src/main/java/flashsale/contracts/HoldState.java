package flashsale.contracts;

/** How the ledger stands to a reservation; HELD is open, the others resolve it once. */
public enum HoldState {
  HELD,
  SOLD,
  RELEASED,
  EXPIRED,
  REFUSED,
  RETURNED
}
