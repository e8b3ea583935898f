package flashsale.platform.messaging;

import com.rabbitmq.client.AMQP;
import com.rabbitmq.client.Channel;
import com.rabbitmq.client.ShutdownSignalException;
import java.io.IOException;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ThreadLocalRandom;
import java.util.regex.Pattern;

/**
 * What is declared at the broker: one topic exchange for all facts, and for each role's queue
 * {@code name} the quorum queue {@code flashsale.name} with its delay queues {@code
 * flashsale.name.retry.ms}.
 *
 * <p>A message that failed waits in a delay queue until it expires there, and the broker then moves
 * it back. The wait is drawn evenly from zero to the cap of its attempt (full jitter), and the
 * message goes, with that wait as its own expiration, to the delay queue of the smallest step that
 * is not shorter. A queue lets go of its head only, so a message may wait behind one that expires
 * later; but nothing in the queue of a step waits longer than that step, so it never waits longer
 * than the cap, and never less than it drew.
 */
final class RabbitTopology {
  static final String EXCHANGE = "flashsale.facts";

  /** The caps of the first attempts; later ones have the last. */
  static final List<Duration> RETRY_STEPS =
      List.of(
          Duration.ofMillis(100),
          Duration.ofMillis(500),
          Duration.ofSeconds(2),
          Duration.ofSeconds(10),
          Duration.ofSeconds(30));

  /** A full queue refuses, and the outbox grows instead, where disk is watched. */
  static final long QUEUE_MAX_BYTES = 1L << 30;

  /**
   * Hardly ever reached: what is given back again and again is so ten times a second at most, which
   * takes more than a day. Without it, RabbitMQ 4 drops a message after 20 redeliveries. -1 is no
   * better: 3.10 drops a message when it is first given back, and 4.0 puts it at the end of the
   * queue, so that the order of a key is lost.
   */
  private static final int DELIVERIES_MAX = 1_000_000;

  private static final Pattern NAME = Pattern.compile("[A-Za-z0-9_-]{1,100}");

  /** Where a message waits and how long. */
  record Delay(Duration step, Duration expiration) {}

  private RabbitTopology() {}

  static String queue(String name) {
    if (!NAME.matcher(name).matches()) {
      throw new IllegalArgumentException("not a name of a queue: " + name);
    }
    return "flashsale." + name;
  }

  static String delayQueue(String name, Duration step) {
    return queue(name) + ".retry." + step.toMillis();
  }

  /** Draws the wait before the next attempt of a message that was tried this often. */
  static Delay delay(int attempts) {
    int last = Math.clamp(attempts - 1L, 0, RETRY_STEPS.size() - 1);
    var wait =
        Duration.ofMillis(
            ThreadLocalRandom.current().nextLong(RETRY_STEPS.get(last).toMillis() + 1));
    var step = RETRY_STEPS.stream().filter(s -> s.compareTo(wait) >= 0).findFirst().orElseThrow();
    return new Delay(step, wait);
  }

  /**
   * Declares what this queue needs, where it is not there yet. The channel is closed afterwards if
   * it throws.
   *
   * @throws TopologyConflict if something is there with other arguments
   */
  static void declare(Channel channel, String name) throws IOException {
    checked("Exchange " + EXCHANGE, () -> channel.exchangeDeclare(EXCHANGE, "topic", true));
    var queue = queue(name);
    checked("Queue " + queue, () -> channel.queueDeclare(queue, true, false, false, arguments()));
    channel.queueBind(queue, EXCHANGE, name);
    for (var step : RETRY_STEPS) {
      var delay = delayQueue(name, step);
      checked(
          "Queue " + delay,
          () -> channel.queueDeclare(delay, true, false, false, delayArguments(queue, step)));
    }
  }

  /** One active consumer, so that several processes do not break the order of a key. */
  private static Map<String, Object> arguments() {
    return Map.of(
        "x-queue-type",
        "quorum",
        "x-single-active-consumer",
        true,
        "x-max-length-bytes",
        QUEUE_MAX_BYTES,
        "x-overflow",
        "reject-publish",
        "x-delivery-limit",
        DELIVERIES_MAX);
  }

  /** At least once, or a message that expires while its queue has no leader would be lost. */
  private static Map<String, Object> delayArguments(String queue, Duration step) {
    var arguments = new HashMap<String, Object>();
    arguments.put("x-queue-type", "quorum");
    arguments.put("x-message-ttl", step.toMillis());
    arguments.put("x-dead-letter-exchange", "");
    arguments.put("x-dead-letter-routing-key", queue);
    arguments.put("x-dead-letter-strategy", "at-least-once");
    arguments.put("x-max-length-bytes", QUEUE_MAX_BYTES);
    arguments.put("x-overflow", "reject-publish");
    return arguments;
  }

  private interface Declaration {
    void run() throws IOException;
  }

  private static void checked(String what, Declaration declaration) throws IOException {
    try {
      declaration.run();
    } catch (IOException e) {
      if (e.getCause() instanceof ShutdownSignalException signal
          && signal.getReason() instanceof AMQP.Channel.Close close
          && close.getReplyCode() == AMQP.PRECONDITION_FAILED) {
        throw new TopologyConflict(what, close.getReplyText());
      }
      throw e;
    }
  }
}
