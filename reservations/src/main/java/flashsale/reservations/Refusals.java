package flashsale.reservations;

import flashsale.contracts.Fact.ReservationSettled;
import flashsale.contracts.Fact.StockRefused;
import flashsale.contracts.Refusal;
import flashsale.platform.http.Problem;
import java.util.UUID;

/** The ledger's refusals as a customer reads them. */
final class Refusals {
  private Refusals() {}

  /** What a refusal at the gate is told as; it is recorded nowhere. */
  static Problem problem(StockRefused refused) {
    return problem(
        refused.reason(), refused.offerId(), refused.available(), refused.reservationId());
  }

  /** What a recorded refusal is told as. */
  static Problem problem(ReservationSettled refused) {
    return problem(
        refused.reason(), refused.offerId(), refused.available(), refused.reservationId());
  }

  /** {@code available} is null where the row is older than that it was kept. */
  private static Problem problem(
      Refusal reason, UUID offerId, Integer available, UUID reservationId) {
    var problem =
        switch (reason) {
          case OFFER_UNKNOWN ->
              Problem.unprocessable("OFFER_UNKNOWN", "There is no such offer in any sale.");
          case SALE_NOT_OPEN -> Problem.conflict("SALE_NOT_OPEN", "The sale is not open now.");
          case SOLD_OUT -> Problem.conflict("SOLD_OUT", "No unit of this offer is left.");
          case LIMIT_EXCEEDED ->
              Problem.conflict(
                  "LIMIT_EXCEEDED",
                  "This would exceed what one customer may have of this offer, open holds"
                      + " included.");
          case INSUFFICIENT_STOCK ->
              Problem.conflict(
                  "INSUFFICIENT_STOCK", "Fewer units of this offer are left than asked for.");
        };
    return problem
        .with("offerId", offerId)
        .with("available", available)
        .with("reservationId", reservationId);
  }
}
