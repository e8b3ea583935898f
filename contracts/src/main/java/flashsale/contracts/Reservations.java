package flashsale.contracts;

import flashsale.contracts.Fact.ReservationRequested;
import java.time.Instant;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;

/**
 * The reservations' door. Its step takes StockRefused, OrderPlaced, OrderPaid, OrderCancelled and
 * StockReturned and answers with ReservationSettled.
 */
public interface Reservations extends Step {
  /** Which of these reservations have no row here, or only a PENDING one. */
  Set<UUID> unsettled(Collection<UUID> reservationIds);

  /**
   * The requests that were taken on in {@code [from, to)} and are PENDING still, by that time and
   * id, of those behind {@code after}, at most {@code max}; {@code requestedAt} is that time.
   */
  List<ReservationRequested> pending(
      Instant from, Instant to, Optional<ReservationRequested> after, int max);

  /**
   * One row for each reservation id after {@code after} in unsigned byte order, at most {@code
   * max}.
   */
  List<AuditRow.Reservation> reservations(Optional<UUID> after, int max);
}
