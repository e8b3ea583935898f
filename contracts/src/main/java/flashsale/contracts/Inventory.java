package flashsale.contracts;

import java.time.Instant;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;

/**
 * The stock ledger's door, the only writer of stock. Its step takes ReservationRequested,
 * ReleaseRequested, HoldOverdue, PaymentRequested, PaymentCaptured, OrderRefunded, OfferAllocated
 * and the sale facts.
 */
public interface Inventory extends Step {
  /**
   * A refusal that needs no transaction: the last committed figures known here say that an offer is
   * sold out, or the sale is known not to be open. Nothing is recorded. Never refuses what the
   * ledger, asked at the same moment, would have held, unless units came back in another process
   * within the last {@code inventory.gauge-refresh}.
   */
  Optional<Fact.StockRefused> refusedAtGate(Fact.ReservationRequested request);

  /**
   * Which of these reservations the ledger has decided about, whatever the outcome: a repeat of
   * such a request brings its first outcome.
   */
  Set<UUID> known(Collection<UUID> reservationIds);

  /** Offers and their sales, as they were at one moment. */
  record Figures(List<Stock> stock, List<SaleWindow> windows) {}

  /** What the gate needs to know: everything about sales that are not long over. */
  Figures figures();

  /** The figures of all offers of these sales, straight from the ledger. */
  List<Stock> stock(List<UUID> saleIds);

  /**
   * Open holds taken in {@code [from, to)} in order of (heldAt, reservation id), after the given
   * reservation id of that order; for finding walks that were interrupted.
   */
  List<Fact.StockHeld> openHolds(Instant from, Instant to, Optional<Fact.StockHeld> after, int max);

  /**
   * One row for each reservation id after {@code after} in unsigned byte order, at most {@code
   * max}.
   */
  List<AuditRow.Hold> holds(Optional<UUID> after, int max);

  /** For each offer with the stock row: units held and sold according to the hold rows. */
  List<AuditRow.Offer> offers();

  /**
   * Customers whose open holds and purchases, summed from the hold rows, exceed the highest limit
   * that was ever in force: who took his units before a limit was lowered has done nothing wrong.
   */
  List<AuditRow.OverLimit> overLimit();

  /** Customers whose count of an offer's units is not what the hold rows add up to. */
  List<AuditRow.Allotment> miscounted();
}
