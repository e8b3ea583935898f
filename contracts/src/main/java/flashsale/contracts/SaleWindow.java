package flashsale.contracts;

import java.time.Instant;
import java.util.UUID;

/**
 * The ledger's copy of a sale, a row of {@code sale_window}. {@code version} is the catalogue's.
 */
public record SaleWindow(
    UUID saleId,
    SaleState state,
    Instant opensAt,
    Instant closesAt,
    int holdSeconds,
    long version) {

  /** Whether the sale takes reservations at this instant; its last instant is before the close. */
  public boolean openAt(Instant now) {
    return (state == SaleState.OPEN || state == SaleState.SCHEDULED)
        && !now.isBefore(opensAt)
        && now.isBefore(closesAt);
  }
}
