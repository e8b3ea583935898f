package flashsale.catalog;

import flashsale.contracts.Fact;
import java.util.UUID;

/**
 * An offer as its row says, with its product's name.
 *
 * @param limitPerCustomer units; 0: no limit
 * @param allocated units: the operators' decision, and once the ledger has answered, the ledger's
 *     figure
 * @param version of the row
 * @param sentVersion version of the last decision that concerned the ledger
 * @param knownVersion version of the last one that the ledger has answered
 */
record Offer(
    UUID offerId,
    UUID saleId,
    UUID productId,
    String productName,
    long unitPriceMinor,
    String currency,
    int limitPerCustomer,
    int allocated,
    long version,
    long sentVersion,
    long knownVersion) {

  /** Whether the ledger has answered the last decision. */
  boolean applied() {
    return knownVersion >= sentVersion;
  }

  /** The last decision, for the ledger. */
  Fact fact() {
    return new Fact.OfferAllocated(offerId, saleId, allocated, limitPerCustomer, sentVersion);
  }

  /** The offer after a decision: a new version if anything differs, else the same. */
  Offer with(long newUnitPriceMinor, int newLimitPerCustomer, int newAllocated) {
    boolean concernsLedger = newLimitPerCustomer != limitPerCustomer || newAllocated != allocated;
    long newVersion = concernsLedger || newUnitPriceMinor != unitPriceMinor ? version + 1 : version;
    return new Offer(
        offerId,
        saleId,
        productId,
        productName,
        newUnitPriceMinor,
        currency,
        newLimitPerCustomer,
        newAllocated,
        newVersion,
        concernsLedger ? newVersion : sentVersion,
        knownVersion);
  }
}
