package flashsale.catalog;

import flashsale.contracts.Fact;
import flashsale.contracts.SaleState;
import java.time.Instant;
import java.util.Optional;
import java.util.UUID;

/**
 * A sale as its row says.
 *
 * @param state what operators decided; {@link #stateAt} tells what it comes to by the clock
 * @param published whether it ever was more than a draft: a draft that is closed stays unseen
 * @param version increases with every change; the ledger ignores a decision that comes late
 */
record Sale(
    UUID saleId,
    String name,
    SaleState state,
    boolean published,
    Instant opensAt,
    Instant closesAt,
    int holdSeconds,
    long version) {

  /** What a customer sees at this instant: the decision and the window taken together. */
  SaleState stateAt(Instant now) {
    if (state == SaleState.DRAFT) {
      return SaleState.DRAFT;
    }
    if (state == SaleState.CLOSED || !now.isBefore(closesAt)) {
      return SaleState.CLOSED;
    }
    if (state == SaleState.PAUSED) {
      return SaleState.PAUSED;
    }
    return now.isBefore(opensAt) ? SaleState.SCHEDULED : SaleState.OPEN;
  }

  /** Over for good. A draft never is: nobody could have bought from it yet. */
  boolean overAt(Instant now) {
    return stateAt(now) == SaleState.CLOSED;
  }

  /** What the ledger has to know of the row as it is; nothing as long as it is a draft. */
  Optional<Fact> fact() {
    return switch (state) {
      case DRAFT -> Optional.empty();
      case SCHEDULED ->
          Optional.of(new Fact.SaleScheduled(saleId, opensAt, closesAt, holdSeconds, version));
      case OPEN ->
          Optional.of(new Fact.SaleOpened(saleId, opensAt, closesAt, holdSeconds, version));
      case PAUSED ->
          Optional.of(new Fact.SalePaused(saleId, opensAt, closesAt, holdSeconds, version));
      case CLOSED ->
          Optional.of(new Fact.SaleClosed(saleId, opensAt, closesAt, holdSeconds, version));
    };
  }

  Sale withVersion(long other) {
    return new Sale(saleId, name, state, published, opensAt, closesAt, holdSeconds, other);
  }

  /** Whether the ledger would see no difference: it does not know names. */
  boolean sameForLedger(Sale other) {
    return state == other.state
        && opensAt.equals(other.opensAt)
        && closesAt.equals(other.closesAt)
        && holdSeconds == other.holdSeconds;
  }
}
