package flashsale.doors;

import flashsale.contracts.AuditRow;
import flashsale.contracts.Fact;
import flashsale.contracts.Order;
import flashsale.contracts.Orders;
import flashsale.platform.batching.Coalescer;
import flashsale.platform.metrics.Meters;
import flashsale.platform.time.Deadline;
import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.function.Function;
import java.util.stream.Collectors;

/** The orders in another process; single ones are asked for together. Thread-safe. */
public final class RemoteOrders implements Orders, AutoCloseable {
  private final Orders door;
  private final Duration patience;
  private final Coalescer<UUID, Optional<Order>> questions;

  /**
   * @param batchMax orders in one question
   * @param queueMax questions waiting to be asked
   */
  public RemoteOrders(Peer peer, int batchMax, int queueMax, Meters meters) {
    this.door = RemoteDoors.of(Orders.class, peer);
    this.patience = peer.patience();
    this.questions = meters.coalescer("order-lookup", batchMax, queueMax, this::ask);
  }

  private List<Optional<Order>> ask(List<UUID> orderIds) {
    Map<UUID, Order> found =
        door.find(Set.copyOf(orderIds)).stream()
            .collect(Collectors.toMap(Order::orderId, Function.identity(), (a, b) -> a));
    return orderIds.stream().map(id -> Optional.ofNullable(found.get(id))).toList();
  }

  @Override
  public Optional<Order> order(UUID orderId) {
    return questions.submit(orderId, Deadline.left(patience));
  }

  @Override
  public List<Order> find(Collection<UUID> orderIds) {
    return door.find(orderIds);
  }

  @Override
  public List<Fact> apply(List<Fact> facts) {
    return door.apply(facts);
  }

  @Override
  public List<AuditRow.Order> orders(Optional<UUID> after, int max) {
    return door.orders(after, max);
  }

  @Override
  public void close() {
    questions.close();
  }
}
