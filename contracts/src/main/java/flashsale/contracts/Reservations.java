package flashsale.contracts;

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
   * One row for each reservation id after {@code after} in unsigned byte order, at most {@code
   * max}.
   */
  List<AuditRow.Reservation> reservations(Optional<UUID> after, int max);
}
