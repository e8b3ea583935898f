package flashsale.platform.messaging;

import flashsale.platform.metrics.Meters;
import io.micrometer.core.instrument.Counter;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;

/** What went through the bus, in messages, by queue. Thread-safe. */
final class BusTraffic {
  private final Meters meters;
  private final ConcurrentMap<String, Figures> queues = new ConcurrentHashMap<>();

  /** The counters of one queue. */
  record Figures(
      Counter published,
      Counter returned,
      Counter unconfirmed,
      Counter consumed,
      Counter retried,
      Counter parked) {}

  BusTraffic(Meters meters) {
    this.meters = meters;
  }

  Figures of(String queue) {
    return queues.computeIfAbsent(queue, this::figures);
  }

  private Figures figures(String queue) {
    return new Figures(
        counter("published", "Messages that have arrived at the queue", queue),
        counter("returned", "Messages for which there was no queue", queue),
        counter("unconfirmed", "Messages that have not arrived in time", queue),
        counter("consumed", "Messages handed to the handler in a batch", queue),
        counter("retried", "Messages put back for another attempt", queue),
        counter("parked", "Messages that were given up", queue));
  }

  private Counter counter(String name, String description, String queue) {
    return meters.counter("flashsale.bus." + name, description, "queue", queue);
  }
}
