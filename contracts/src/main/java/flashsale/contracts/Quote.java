package flashsale.contracts;

import java.time.Instant;
import java.util.UUID;

/**
 * What the catalogue says about an offer at this moment.
 *
 * @param limitPerCustomer units one customer may hold and own; 0: no limit
 * @param state the operators' decision; with {@code opensAt} and {@code closesAt} it tells whether
 *     the sale is open
 */
public record Quote(
    UUID offerId,
    UUID saleId,
    String productName,
    long unitPriceMinor,
    String currency,
    int limitPerCustomer,
    SaleState state,
    Instant opensAt,
    Instant closesAt) {

  /** Whether the sale takes reservations at this instant. */
  public boolean openAt(Instant now) {
    return (state == SaleState.OPEN || state == SaleState.SCHEDULED)
        && !now.isBefore(opensAt)
        && now.isBefore(closesAt);
  }
}
