package flashsale.contracts;

import java.time.Instant;
import java.util.List;
import java.util.UUID;

/** What the audit compares between roles: each role tells its own rows, the audit joins them. */
public sealed interface AuditRow {

  /** The ledger's view of one reservation. {@code state}: see {@link HoldState}. */
  record Hold(
      UUID reservationId, UUID customerId, List<Line> lines, HoldState state, Instant changedAt)
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

  /** The payment's view. */
  record Payment(
      UUID paymentId,
      UUID orderId,
      UUID reservationId,
      long amountMinor,
      PaymentState state,
      Instant changedAt)
      implements AuditRow {}

  /** The stock row and, beside it, what the hold rows add up to, read in one snapshot. */
  record Offer(Stock stock, long heldByHolds, long soldByHolds) implements AuditRow {}

  /** A customer above an offer's limit. */
  record OverLimit(UUID offerId, UUID customerId, long units, int limitPerCustomer)
      implements AuditRow {}
}
