package flashsale.reservations;

import flashsale.contracts.Refusal;
import flashsale.platform.http.Problem;
import java.util.UUID;

/** The ledger's refusals as a customer reads them. */
final class Refusals {
  private Refusals() {}

  /**
   * @param available units that were left, or null where that is not known any more
   */
  static Problem problem(Refusal reason, UUID offerId, Integer available) {
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
    problem = problem.with("offerId", offerId);
    return available == null ? problem : problem.with("available", available);
  }
}
