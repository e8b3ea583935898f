package flashsale.platform.messaging;

import com.rabbitmq.client.AMQP.BasicProperties;
import flashsale.platform.messaging.Bus.Handler;
import flashsale.platform.messaging.Bus.Message;
import flashsale.platform.messaging.RabbitConsumer.Arrival;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.UUID;

/**
 * What a consumer does with what has come: hands it to the handler in batches, and puts away what
 * failed, to a delay queue or to the parking, before the consumer acknowledges. Used by one thread.
 */
final class RabbitDeliveries {
  private final String queue;
  private final int batchMax;
  private final Handler handler;
  private final RabbitPublisher publisher;
  private final RabbitSettings settings;
  private final CountedParking parking;
  private final InstantSource clock;
  private final BusTraffic.Figures figures;

  RabbitDeliveries(
      String queue,
      int batchMax,
      Handler handler,
      RabbitPublisher publisher,
      RabbitSettings settings,
      CountedParking parking,
      InstantSource clock) {
    this.queue = queue;
    this.batchMax = batchMax;
    this.handler = handler;
    this.publisher = publisher;
    this.settings = settings;
    this.parking = parking;
    this.clock = clock;
    this.figures = parking.traffic().of(queue);
  }

  /** A message and the AMQP message that it came in. */
  private record Item(Message message, Arrival from) {}

  /** A message to be delayed, and the AMQP message that must not be acknowledged without it. */
  private record Delayed(Shipment shipment, Arrival from) {}

  /** Returns those that could not be put away, so that the broker has to deliver them again. */
  List<Arrival> handle(List<Arrival> arrivals) {
    var kept = new LinkedHashSet<Arrival>();
    var items = new ArrayList<Item>();
    for (var arrival : arrivals) {
      try {
        unpack(arrival).forEach(message -> items.add(new Item(message, arrival)));
      } catch (Permanent e) {
        if (!parking.park(queue, foreign(arrival), clock.instant(), e)) {
          kept.add(arrival);
        }
      }
    }
    for (int from = 0; from < items.size(); from += batchMax) {
      handOver(items.subList(from, Math.min(items.size(), from + batchMax)), kept);
    }
    return List.copyOf(kept);
  }

  private static List<Message> unpack(Arrival arrival) {
    int attempts = (int) number(arrival.properties(), Shipment.ATTEMPTS, 0);
    return Bundle.unpack(Bundle.ids(arrival.properties()), arrival.body(), attempts);
  }

  /** An AMQP message that none of us wrote, as something that can be parked and looked at. */
  private static Message foreign(Arrival arrival) {
    var id = UUID.nameUUIDFromBytes(arrival.body());
    return new Message(id, id, new String(arrival.body(), StandardCharsets.UTF_8), 0);
  }

  private static long number(BasicProperties properties, String header, long otherwise) {
    var headers = properties.getHeaders();
    return headers != null && headers.get(header) instanceof Number n ? n.longValue() : otherwise;
  }

  private void handOver(List<Item> items, Set<Arrival> kept) {
    figures.consumed().increment(items.size());
    var handover = Handover.of(handler, items.stream().map(Item::message).toList());
    var delayed = new ArrayList<Delayed>();
    for (var failure : handover.failed()) {
      putAway(failure, origin(failure.message(), items), delayed);
    }
    for (var message : handover.heldBack()) {
      var from = origin(message, items);
      delayed.add(delayed(message, firstAttempt(from), from));
    }
    send(delayed, kept);
  }

  /** By identity: the same message may have come twice, and each copy has to be settled. */
  @SuppressWarnings("ReferenceEquality")
  private static Arrival origin(Message message, List<Item> items) {
    return items.stream().filter(item -> item.message == message).findFirst().orElseThrow().from;
  }

  private void putAway(Handover.Failure failure, Arrival from, List<Delayed> delayed) {
    var message = failure.message();
    var tried =
        new Message(message.id(), message.key(), message.envelope(), message.attempts() + 1);
    var first = firstAttempt(from);
    boolean over = tried.attempts() >= settings.attemptsMax() || failure.permanent();
    if (over && parking.park(queue, tried, first, failure.reason())) {
      return;
    }
    delayed.add(delayed(tried, first, from));
  }

  private Delayed delayed(Message message, Instant firstAttempt, Arrival from) {
    return new Delayed(Shipment.toDelay(queue, message, firstAttempt), from);
  }

  private Instant firstAttempt(Arrival arrival) {
    return Instant.ofEpochMilli(
        number(arrival.properties(), Shipment.FIRST_ATTEMPT, clock.millis()));
  }

  private void send(List<Delayed> delayed, Set<Arrival> kept) {
    if (delayed.isEmpty()) {
      return;
    }
    long deadline = System.nanoTime() + settings.confirmWaitMax().toNanos();
    publisher.send(delayed.stream().map(Delayed::shipment).toList(), deadline);
    for (var one : delayed) {
      if (one.shipment.await(deadline)) {
        figures.retried().increment();
      } else {
        kept.add(one.from);
      }
    }
  }
}
