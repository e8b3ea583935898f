package flashsale.platform.messaging;

import com.rabbitmq.client.ShutdownSignalException;
import flashsale.platform.metrics.Meters;
import java.io.IOException;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.concurrent.TimeoutException;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The bus over RabbitMQ, 3.10 or later: quorum queues, publisher confirms, manual acknowledgement
 * after the handler has returned. A message has arrived when the broker has confirmed it; a failed
 * one waits in a delay queue ({@link RabbitTopology}) with its attempts and the time of the first
 * one in its headers, sent and confirmed before the original is acknowledged.
 *
 * <p>What the publisher passes as {@link Bus.Message#attempts} counts tries to publish, so it does
 * not travel: at the handler attempts start at 0. A redelivery after a lost connection or a crash
 * is not counted either, because it says nothing about the message.
 *
 * <p>While the broker does not take messages (memory or disk alarm, connection lost) publish
 * returns at once or after {@link RabbitSettings#confirmWaitMax}, and the messages stay in the
 * outbox. Consuming goes on.
 */
public final class RabbitBus implements Bus {
  private static final Logger LOG = LoggerFactory.getLogger(RabbitBus.class);

  /**
   * An envelope that is larger cannot be carried and is parked. In UTF-8 it has 12 MiB at most, and
   * RabbitMQ takes 16 MiB since 4.0, where nobody has set less.
   */
  public static final int ENVELOPE_MAX_CHARS = 4 * 1024 * 1024;

  private final RabbitSettings settings;
  private final CountedParking parking;
  private final InstantSource clock;
  private final BusTraffic traffic;
  private final RabbitPublisher publisher;
  private final ConcurrentMap<String, RabbitConsumer> consumers = new ConcurrentHashMap<>();

  private RabbitBus(
      RabbitSettings settings,
      Set<String> queues,
      Parking parking,
      InstantSource clock,
      Meters meters) {
    this.settings = settings;
    this.clock = clock;
    this.traffic = new BusTraffic(meters);
    this.parking = new CountedParking(parking, traffic);
    this.publisher = new RabbitPublisher(settings, queues);
    meters.gauge(
        "flashsale.bus.blocked",
        "1 while the broker takes no messages",
        "bus",
        "rabbitmq",
        () -> isBlocked() ? 1 : 0);
    meters.gauge(
        "flashsale.bus.in.flight",
        "AMQP messages that wait for the broker's confirmation",
        "bus",
        "rabbitmq",
        publisher::inFlight);
  }

  /**
   * Connects and declares.
   *
   * @param queues all queues that are published to or consumed here
   * @throws TopologyConflict if one of them exists with other arguments
   * @throws IllegalStateException if the broker refuses, or is not reached in time
   */
  public static RabbitBus start(
      RabbitSettings settings,
      Set<String> queues,
      Parking parking,
      InstantSource clock,
      Meters meters) {
    queues.forEach(RabbitTopology::queue);
    var bus = new RabbitBus(settings, queues, parking, clock, meters);
    try {
      bus.publisher.awaitReady();
      return bus;
    } catch (RuntimeException e) {
      bus.close();
      throw e;
    }
  }

  /** Whether the broker has told that it takes no messages for now. */
  public boolean isBlocked() {
    return publisher.blocked();
  }

  /** What keeps messages from being sent or consumed, for health; empty when all is well. */
  public Optional<String> trouble() {
    return Stream.concat(
            publisher.trouble().stream(),
            consumers.values().stream().flatMap(consumer -> consumer.trouble().stream()))
        .findFirst();
  }

  @Override
  public Set<UUID> publish(String queue, List<Message> messages) {
    long deadline = System.nanoTime() + settings.confirmWaitMax().toNanos();
    var arrived = new HashSet<UUID>();
    var remaining = withoutOversized(queue, messages, arrived);
    while (!remaining.isEmpty()) {
      var left = new ArrayList<Message>();
      var shipments =
          Bundle.pack(remaining, left).stream()
              .map(bundle -> Shipment.toQueue(queue, bundle))
              .toList();
      publisher.send(shipments, deadline);
      var lateKeys = settle(queue, shipments, deadline, arrived);
      // What follows a message that has not arrived would overtake it.
      left.removeIf(message -> lateKeys.contains(message.key()));
      remaining = left;
    }
    return arrived;
  }

  /** Adds what has arrived; returns the keys of the others. */
  private Set<UUID> settle(
      String queue, List<Shipment> shipments, long deadline, Set<UUID> arrived) {
    var lateKeys = new HashSet<UUID>();
    var figures = traffic.of(queue);
    for (var shipment : shipments) {
      var messages = shipment.bundle().messages();
      if (shipment.await(deadline)) {
        messages.forEach(message -> arrived.add(message.id()));
        figures.published().increment(messages.size());
      } else {
        messages.forEach(message -> lateKeys.add(message.key()));
        (shipment.returned() ? figures.returned() : figures.unconfirmed())
            .increment(messages.size());
      }
    }
    return lateKeys;
  }

  private List<Message> withoutOversized(String queue, List<Message> messages, Set<UUID> arrived) {
    var fitting = new ArrayList<Message>(messages.size());
    for (var message : messages) {
      if (message.envelope().length() <= ENVELOPE_MAX_CHARS) {
        fitting.add(message);
      } else if (parking.park(queue, message, clock.instant(), new Oversized(message))) {
        arrived.add(message.id());
      }
    }
    return fitting;
  }

  private static final class Oversized extends Permanent {
    private static final long serialVersionUID = 1L;

    Oversized(Message message) {
      super(message.envelope().length() + " characters, " + ENVELOPE_MAX_CHARS + " are carried");
    }
  }

  /**
   * {@inheritDoc}
   *
   * @throws TopologyConflict if the queue exists with other arguments
   */
  @Override
  public void subscribe(String queue, int batchMax, Handler handler) {
    declareNow(queue);
    var deliveries =
        new RabbitDeliveries(queue, batchMax, handler, publisher, settings, parking, clock);
    var consumer = new RabbitConsumer(settings, queue, batchMax, deliveries);
    if (consumers.putIfAbsent(queue, consumer) != null) {
      throw new IllegalStateException("queue " + queue + " has a subscriber already");
    }
    consumer.start();
  }

  /** A conflict is the caller's to know; while the broker is away, the consumer declares later. */
  private void declareNow(String queue) {
    if (!publisher.keepDeclared(queue)) {
      return;
    }
    var link = new RabbitLink(settings, "flashsale-declaration");
    try {
      RabbitTopology.declare(link.open(), queue);
    } catch (TopologyConflict e) {
      // Otherwise it would keep the other queues from being declared after a loss.
      publisher.forget(queue);
      throw e;
    } catch (IOException | TimeoutException | ShutdownSignalException e) {
      LOG.warn("queue {} is declared later: {}", queue, RabbitFailure.of(e).text());
    } finally {
      link.close();
    }
  }

  @Override
  public void close() {
    var closing =
        consumers.values().stream()
            .map(consumer -> Thread.startVirtualThread(consumer::close))
            .toList();
    try {
      for (var thread : closing) {
        thread.join();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    // Last, because a batch that fails while it is finished needs it.
    publisher.close();
  }
}
