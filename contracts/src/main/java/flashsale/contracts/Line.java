package flashsale.contracts;

import java.util.UUID;

/**
 * Some units of one offer at the price that was valid when the customer asked.
 *
 * @param offerId the offer
 * @param quantity units, at least 1
 * @param unitPriceMinor price of one unit in minor units of the currency (cents)
 */
public record Line(UUID offerId, int quantity, long unitPriceMinor) {
  /** The price of the whole line in minor units; throws if it does not fit a long. */
  public long totalMinor() {
    return Math.multiplyExact(unitPriceMinor, quantity);
  }
}
