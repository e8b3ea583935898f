package flashsale.platform.messaging;

import com.rabbitmq.client.AMQP.BasicProperties;
import com.rabbitmq.client.Channel;
import com.rabbitmq.client.DefaultConsumer;
import com.rabbitmq.client.Envelope;
import com.rabbitmq.client.ShutdownSignalException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.LockSupport;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Consumes one queue over a connection of its own, in one thread: takes what has come, hands it on,
 * and acknowledges only when each message has been handled or put away. Whatever goes wrong with
 * the connection, the channel or the queue, it starts again: connects, declares, subscribes. What
 * was not acknowledged by then comes again.
 */
final class RabbitConsumer implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(RabbitConsumer.class);
  private static final long LOOK_EVERY_MILLIS = 200;

  /** A subscription by which nothing has come for so long is made anew. */
  private static final long IDLE_MAX_NANOS = TimeUnit.SECONDS.toNanos(5);

  /** Before messages that can neither be handled nor put away are asked for again. */
  private static final long KEPT_PAUSE_NANOS = TimeUnit.SECONDS.toNanos(1);

  /**
   * One AMQP message.
   *
   * @param tag by which it is acknowledged
   */
  record Arrival(long tag, BasicProperties properties, byte[] body) {}

  private final RabbitSettings settings;
  private final String queue;
  private final int batchMax;
  private final RabbitDeliveries deliveries;
  private final RabbitLink link;
  private final Thread thread;
  private int failures;
  private volatile boolean closing;
  private volatile String trouble;

  /** {@code batchMax} is in messages of the bus, not of AMQP. */
  RabbitConsumer(RabbitSettings settings, String queue, int batchMax, RabbitDeliveries deliveries) {
    this.settings = settings;
    this.queue = queue;
    this.batchMax = batchMax;
    this.deliveries = deliveries;
    this.link = new RabbitLink(settings, "flashsale-" + queue);
    this.thread = Thread.ofVirtual().name("bus-" + queue).unstarted(this::run);
  }

  void start() {
    thread.start();
  }

  /** What keeps it from consuming, if anything does. */
  Optional<String> trouble() {
    return Optional.ofNullable(trouble).map(t -> "queue " + queue + ": RabbitMQ " + t);
  }

  private void run() {
    while (!closing) {
      try {
        boolean idle;
        do {
          idle = subscription();
        } while (idle);
        // Whoever deletes queues in a row is not to be answered in a row.
        failures = 1;
      } catch (IOException | TimeoutException | RuntimeException e) {
        if (closing) {
          return;
        }
        trouble = RabbitFailure.of(e).text();
        LOG.warn("queue {}: consumer starts again: RabbitMQ {}", queue, trouble);
        failures++;
      } catch (Error e) {
        // Whatever it was, what lies in the queue must go on.
        LOG.error("queue {}: consumer failed badly and starts again", queue, e);
        trouble = RabbitFailure.of(e).text();
        failures++;
      }
      if (!closing) {
        RabbitLink.pause(failures);
      }
    }
  }

  /**
   * From subscribing until nothing comes any longer (then true), the subscription is lost or the
   * bus closes.
   *
   * <p>The broker does not always tell that a queue was deleted. Seen with 3.10: where the queue is
   * declared anew at once, it takes the old subscription for one to the new queue, and what it
   * sends there comes never. The end of the channel gives such messages back. 4.0 was seen to tell.
   */
  private boolean subscription() throws IOException, TimeoutException {
    var channel = link.open();
    try {
      RabbitTopology.declare(channel, queue);
      channel.basicQos(settings.prefetchMax());
      var inbox = new Inbox(channel);
      var tag = channel.basicConsume(RabbitTopology.queue(queue), false, inbox);
      failures = 0;
      trouble = null;
      long lastArrival = System.nanoTime();
      while (!closing && !inbox.ended) {
        var batch = inbox.gather();
        if (!batch.isEmpty()) {
          settle(channel, batch, deliveries.handle(batch));
          lastArrival = System.nanoTime();
        } else if (System.nanoTime() - lastArrival > IDLE_MAX_NANOS) {
          return true;
        }
      }
      if (closing) {
        channel.basicCancel(tag);
      }
      return false;
    } finally {
      RabbitLink.closeQuietly(channel);
    }
  }

  private void settle(Channel channel, List<Arrival> batch, List<Arrival> kept) throws IOException {
    if (kept.isEmpty()) {
      // One thread takes everything in order, so all earlier ones are settled already.
      channel.basicAck(batch.getLast().tag(), true);
      return;
    }
    LOG.warn("queue {}: {} AMQP messages can be neither handled nor put away", queue, kept.size());
    for (var arrival : batch) {
      if (!kept.contains(arrival)) {
        channel.basicAck(arrival.tag(), false);
      }
    }
    if (!closing) {
      LockSupport.parkNanos(KEPT_PAUSE_NANOS);
    }
    for (var arrival : kept) {
      channel.basicNack(arrival.tag(), false, true);
    }
  }

  /** Finishes the batch under way, for a bounded time. */
  @Override
  public void close() {
    closing = true;
    LockSupport.unpark(thread);
    try {
      if (!thread.join(settings.closeWaitMax())) {
        LOG.warn("queue {}: a batch is still under way; it will be delivered again", queue);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    link.close();
  }

  /** What the broker has handed over; never more than the prefetch allows. */
  private final class Inbox extends DefaultConsumer {
    private final LinkedBlockingQueue<Arrival> arrivals = new LinkedBlockingQueue<>();
    private Arrival next;
    private volatile boolean ended;

    Inbox(Channel channel) {
      super(channel);
    }

    @Override
    public void handleDelivery(
        String consumer, Envelope envelope, BasicProperties properties, byte[] body) {
      arrivals.add(new Arrival(envelope.getDeliveryTag(), properties, body));
    }

    /** The queue was deleted, or its node went down. */
    @Override
    public void handleCancel(String consumer) {
      LOG.warn("queue {}: the broker ended the subscription", queue);
      ended = true;
    }

    @Override
    public void handleShutdownSignal(String consumer, ShutdownSignalException signal) {
      ended = true;
    }

    /** A batch, as full as it becomes within {@code gatherMax} after its first message. */
    List<Arrival> gather() {
      var batch = new ArrayList<Arrival>();
      var arrival = next == null ? poll(TimeUnit.MILLISECONDS.toNanos(LOOK_EVERY_MILLIS)) : next;
      next = null;
      long deadline = System.nanoTime() + settings.gatherMax().toNanos();
      int messages = 0;
      while (arrival != null) {
        messages += Bundle.count(arrival.properties());
        if (!batch.isEmpty() && messages > batchMax) {
          next = arrival;
          return batch;
        }
        batch.add(arrival);
        if (messages >= batchMax) {
          return batch;
        }
        arrival = poll(Math.max(0, deadline - System.nanoTime()));
      }
      return batch;
    }

    private Arrival poll(long nanos) {
      try {
        return arrivals.poll(nanos, TimeUnit.NANOSECONDS);
      } catch (InterruptedException e) {
        throw new IllegalStateException("nobody interrupts a consumer", e);
      }
    }
  }
}
