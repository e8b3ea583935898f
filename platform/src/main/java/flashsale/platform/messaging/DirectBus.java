package flashsale.platform.messaging;

import flashsale.platform.metrics.Meters;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The bus without a broker: publishing calls the handler in the publisher's thread, so a message
 * has arrived when it has been handled (or parked). What failed is not among those that arrived:
 * the outbox that it comes from is where it waits, with its own backoff and its own count of
 * attempts. Several publishers may call one handler at the same time.
 */
public final class DirectBus implements Bus {
  private static final Logger LOG = LoggerFactory.getLogger(DirectBus.class);

  /** First failures that are remembered; of others the time of the last one is told. */
  private static final int FIRST_FAILURES_MAX = 10_000;

  /** A handler that hangs does not keep the process from ending. */
  private static final Duration CLOSE_WAIT_MAX = Duration.ofSeconds(30);

  private record Subscription(int batchMax, Handler handler) {}

  private final int attemptsMax;
  private final CountedParking parking;
  private final InstantSource clock;
  private final BusTraffic traffic;
  private final ConcurrentMap<String, Subscription> subscriptions = new ConcurrentHashMap<>();
  private final ReentrantReadWriteLock running = new ReentrantReadWriteLock();
  private final Map<UUID, Instant> firstFailures = Collections.synchronizedMap(new Oldest());
  private volatile boolean closed;

  /**
   * A bus without subscribers.
   *
   * @param attemptsMax how often a message is tried before it is parked
   */
  public DirectBus(int attemptsMax, Parking parking, InstantSource clock, Meters meters) {
    this.attemptsMax = attemptsMax;
    this.clock = clock;
    this.traffic = new BusTraffic(meters);
    this.parking = new CountedParking(parking, traffic);
  }

  @Override
  public void subscribe(String queue, int batchMax, Handler handler) {
    if (subscriptions.putIfAbsent(queue, new Subscription(batchMax, handler)) != null) {
      throw new IllegalStateException("queue " + queue + " has a subscriber already");
    }
  }

  @Override
  public Set<UUID> publish(String queue, List<Message> messages) {
    // Whoever closes waits for the write lock and so for the batches under way.
    if (!running.readLock().tryLock()) {
      return Set.of();
    }
    try {
      var subscription = subscriptions.get(queue);
      if (closed || subscription == null) {
        traffic.of(queue).returned().increment(messages.size());
        return Set.of();
      }
      return deliver(queue, subscription, messages);
    } finally {
      running.readLock().unlock();
    }
  }

  private Set<UUID> deliver(String queue, Subscription to, List<Message> messages) {
    var arrived = new HashSet<UUID>();
    var waitingKeys = new HashSet<UUID>();
    for (int from = 0; from < messages.size(); from += to.batchMax) {
      var batch = new ArrayList<>(messages.subList(from, end(from, to, messages)));
      batch.removeIf(message -> waitingKeys.contains(message.key()));
      if (batch.isEmpty()) {
        continue;
      }
      traffic.of(queue).consumed().increment(batch.size());
      var handover = Handover.of(to.handler, batch);
      arrived.addAll(settle(queue, batch, handover, waitingKeys));
      if (handover.exhausted()) {
        break;
      }
    }
    traffic.of(queue).published().increment(arrived.size());
    return arrived;
  }

  private static int end(int from, Subscription to, List<Message> messages) {
    return Math.min(messages.size(), from + to.batchMax);
  }

  private Set<UUID> settle(
      String queue, List<Message> batch, Handover handover, Set<UUID> waitingKeys) {
    var arrived = new HashSet<UUID>();
    batch.forEach(message -> arrived.add(message.id()));
    for (var message : handover.heldBack()) {
      arrived.remove(message.id());
      waitingKeys.add(message.key());
    }
    for (var failure : handover.failed()) {
      if (!parked(queue, failure)) {
        arrived.remove(failure.message().id());
        waitingKeys.add(failure.message().key());
        traffic.of(queue).retried().increment();
      }
    }
    firstFailures.keySet().removeAll(arrived);
    return arrived;
  }

  /** Parks a message that is not to be tried again; tells whether it is kept there. */
  private boolean parked(String queue, Handover.Failure failure) {
    var message = failure.message();
    var now = clock.instant();
    var first = firstFailures.computeIfAbsent(message.id(), _ -> now);
    int attempts = message.attempts() + 1;
    if (attempts < attemptsMax && !failure.permanent()) {
      LOG.info("queue {}: {} failed: {}", queue, message.id(), failure.reason().toString());
      return false;
    }
    var tried = new Message(message.id(), message.key(), message.envelope(), attempts);
    return parking.park(queue, tried, first, failure.reason());
  }

  @Override
  public void close() {
    closed = true;
    try {
      if (running.writeLock().tryLock(CLOSE_WAIT_MAX.toMillis(), TimeUnit.MILLISECONDS)) {
        running.writeLock().unlock();
      } else {
        LOG.warn("a batch is still under way after {}", CLOSE_WAIT_MAX);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** Forgets the oldest entry beyond its bound. */
  private static final class Oldest extends LinkedHashMap<UUID, Instant> {
    private static final long serialVersionUID = 1L;

    @Override
    protected boolean removeEldestEntry(Map.Entry<UUID, Instant> eldest) {
      return size() > FIRST_FAILURES_MAX;
    }
  }
}
