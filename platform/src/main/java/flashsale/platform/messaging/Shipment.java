package flashsale.platform.messaging;

import com.rabbitmq.client.AMQP.BasicProperties;
import flashsale.platform.messaging.Bus.Message;
import java.time.Instant;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** One AMQP message on its way to the broker, and what has become of it. Thread-safe. */
final class Shipment {
  /** How often the message was handed to its handler. */
  static final String ATTEMPTS = "flashsale-attempts";

  /** When it failed for the first time, in milliseconds since 1970. */
  static final String FIRST_ATTEMPT = "flashsale-first-attempt";

  private static final int PERSISTENT = 2;

  private final String exchange;
  private final String routingKey;
  private final Bundle bundle;
  private final String expiration;
  private final Map<String, Object> headers;
  private final CompletableFuture<Boolean> arrived = new CompletableFuture<>();
  private volatile boolean returned;
  private volatile boolean abandoned;

  private Shipment(
      String exchange,
      String routingKey,
      Bundle bundle,
      String expiration,
      Map<String, Object> headers) {
    this.exchange = exchange;
    this.routingKey = routingKey;
    this.bundle = bundle;
    this.expiration = expiration;
    this.headers = headers;
    headers.put(Bundle.IDS, bundle.ids());
  }

  /** To the queue of this name, by way of the exchange. */
  static Shipment toQueue(String name, Bundle bundle) {
    return new Shipment(RabbitTopology.EXCHANGE, name, bundle, null, new HashMap<>());
  }

  /** To a delay queue, from where it comes back to its queue. */
  static Shipment toDelay(String name, Message message, Instant firstAttempt) {
    var delay = RabbitTopology.delay(message.attempts());
    var headers = new HashMap<String, Object>();
    headers.put(ATTEMPTS, message.attempts());
    headers.put(FIRST_ATTEMPT, firstAttempt.toEpochMilli());
    return new Shipment(
        "",
        RabbitTopology.delayQueue(name, delay.step()),
        Bundle.of(message),
        Long.toString(delay.expiration().toMillis()),
        headers);
  }

  String exchange() {
    return exchange;
  }

  String routingKey() {
    return routingKey;
  }

  Bundle bundle() {
    return bundle;
  }

  /**
   * The AMQP properties.
   *
   * @param number the publishing number, by which a returned message is recognised
   */
  BasicProperties properties(long number) {
    return new BasicProperties.Builder()
        .contentType(Bundle.CONTENT_TYPE)
        .deliveryMode(PERSISTENT)
        .messageId(Long.toString(number))
        .expiration(expiration)
        .headers(headers)
        .build();
  }

  /** The broker had no queue for it; its confirmation follows, and means nothing then. */
  void markReturned() {
    returned = true;
  }

  boolean returned() {
    return returned;
  }

  /** Nobody waits for it any longer, so that it need not be sent if it has not been. */
  boolean abandoned() {
    return abandoned;
  }

  /** Tells the outcome; true the first time. */
  boolean settle(boolean confirmed) {
    return arrived.complete(confirmed && !returned);
  }

  /** Waits for the outcome; false too when there is none at that time. */
  boolean await(long deadlineNanos) {
    try {
      long left = Math.max(0, deadlineNanos - System.nanoTime());
      return arrived.get(left, TimeUnit.NANOSECONDS);
    } catch (TimeoutException e) {
      abandoned = true;
      return false;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      abandoned = true;
      return false;
    } catch (ExecutionException e) {
      throw new IllegalStateException("a shipment is settled, never failed", e);
    }
  }
}
