package flashsale.contracts;

import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.UUID;

/**
 * The orders' door. Its step takes StockHeld, StockSold, HoldReleased, HoldExpired and
 * PaymentRefunded.
 */
public interface Orders extends Step {
  /** The order with this id. */
  default Optional<Order> order(UUID orderId) {
    return find(List.of(orderId)).stream().findFirst();
  }

  /** Those of these orders that exist. */
  List<Order> find(Collection<UUID> orderIds);

  /**
   * One row for each reservation id after {@code after} in unsigned byte order, at most {@code
   * max}.
   */
  List<AuditRow.Order> orders(Optional<UUID> after, int max);
}
