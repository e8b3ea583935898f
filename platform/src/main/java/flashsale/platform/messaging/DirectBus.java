package flashsale.platform.messaging;

import flashsale.platform.batching.Overloaded;
import flashsale.platform.persistence.DatabaseFailure;
import java.time.InstantSource;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The bus without a broker: a queue is an {@link Outbox}, a subscription is a {@link Relay} on it.
 * A message has arrived when it is committed, and it leaves the table when its handler has
 * returned. What a step appends to the outbox in its own transaction comes to the same handler as
 * what is published here.
 *
 * <p>Batches are of one message, different keys side by side, so that none waits for another's
 * walk; who handles them may gather them again. A message that fails keeps later ones with its key
 * waiting. One that is published again while it still waits is handed over once.
 */
public final class DirectBus implements Bus {
  /**
   * Where the messages of one queue are.
   *
   * @param parking of the same outbox; takes a message out of it when it keeps it
   */
  public record Queue(Outbox outbox, Relay.Parking parking) {}

  private static final Logger LOG = LoggerFactory.getLogger(DirectBus.class);

  private final Map<String, Queue> queues;
  private final int attemptsMax;
  private final boolean alone;
  private final InstantSource clock;
  private final ConcurrentMap<String, Relay> relays = new ConcurrentHashMap<>();
  private volatile boolean closed;

  /**
   * Over these queues.
   *
   * @param queues by name
   * @param attemptsMax after which a message that fails is parked
   */
  public DirectBus(Map<String, Queue> queues, int attemptsMax, InstantSource clock) {
    this(queues, attemptsMax, false, clock);
  }

  /**
   * The same.
   *
   * @param alone whether no other process can have these queues
   */
  public DirectBus(Map<String, Queue> queues, int attemptsMax, boolean alone, InstantSource clock) {
    this.alone = alone;
    this.queues = Map.copyOf(queues);
    this.attemptsMax = attemptsMax;
    this.clock = clock;
  }

  @Override
  public Set<UUID> publish(String queue, List<Message> messages) {
    var place = queues.get(queue);
    if (closed || place == null) {
      return Set.of();
    }
    var now = clock.instant();
    try {
      place.outbox.append(
          messages.stream()
              .map(m -> new Outbox.Entry(m.id(), m.key(), m.envelope(), now))
              .toList());
    } catch (DatabaseFailure | Overloaded e) {
      LOG.warn("queue {} does not take {} messages: {}", queue, messages.size(), e.getMessage());
      return Set.of();
    }
    return messages.stream().map(Message::id).collect(Collectors.toUnmodifiableSet());
  }

  @Override
  public void subscribe(String queue, int batchMax, Handler handler) {
    var place = queues.get(queue);
    if (place == null) {
      throw new IllegalArgumentException("no queue " + queue);
    }
    relays.compute(
        queue,
        (_, running) -> {
          if (running != null) {
            throw new IllegalStateException("queue " + queue + " has a subscriber already");
          }
          return new Relay(
              queue,
              batchMax,
              attemptsMax,
              alone,
              place.outbox,
              clock,
              taken -> handler.handle(List.of(message(taken))),
              place.parking);
        });
  }

  private static Message message(Outbox.Taken taken) {
    return new Message(taken.id(), taken.key(), taken.envelope(), taken.attempts() - 1);
  }

  @Override
  public void close() {
    closed = true;
    var closing =
        relays.values().stream().map(relay -> Thread.startVirtualThread(relay::close)).toList();
    try {
      for (var thread : closing) {
        thread.join();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
