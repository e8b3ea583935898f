package flashsale.contracts;

import java.time.Instant;
import java.util.List;
import java.util.UUID;

/** What the audit compares between roles: each role tells its own rows, the audit joins them. */
public sealed interface AuditRow {

  /** The ledger's view of one reservation. {@code state}: see {@link HoldState}. */
  record Hold(
      UUID reservationId,
      UUID customerId,
      List<Line> lines,
      HoldState state,
      Instant expiresAt,
      Instant changedAt)
      implements AuditRow {}

  /** The reservation's own view. */
  record Reservation(
      UUID reservationId, UUID customerId, ReservationState state, UUID orderId, Instant changedAt)
      implements AuditRow {}

  /** The order's view. */
  record Order(
      UUID reservationId,
      UUID orderId,
      UUID customerId,
      List<Line> lines,
      long totalMinor,
      OrderState state,
      Instant changedAt)
      implements AuditRow {}

  /**
   * The payment's view. {@code strayOut}: it was given up, the gateway charged it all the same, and
   * that money has not gone back yet.
   */
  record Payment(
      UUID paymentId,
      UUID orderId,
      UUID reservationId,
      long amountMinor,
      PaymentState state,
      boolean strayOut,
      Instant changedAt)
      implements AuditRow {}

  /**
   * One charge at the gateway under a key of ours. {@code takenMinor} is what the gateway has taken
   * and not given back; {@code bookedMinor} is what the payment's row says of that, and the same as
   * taken while the payment is still to be asked about.
   */
  record Charge(UUID key, UUID orderId, UUID reservationId, long takenMinor, long bookedMinor)
      implements AuditRow {}

  /** The stock row and, beside it, what the hold rows add up to, read in one snapshot. */
  record Offer(Stock stock, long heldByHolds, long soldByHolds) implements AuditRow {}

  /** A customer above the highest limit that was ever in force for this offer. */
  record OverLimit(UUID offerId, UUID customerId, long units, int limitPerCustomer)
      implements AuditRow {}

  /** A customer's units of an offer as the limit counts them, and as the hold rows add up. */
  record Allotment(UUID offerId, UUID customerId, long units, long unitsByHolds)
      implements AuditRow {}
}
