package flashsale.platform.messaging;

import com.rabbitmq.client.Channel;
import java.io.IOException;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.LockSupport;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Sends shipments over a connection of its own and tells which of them the broker has confirmed.
 * One thread writes, so that a broker that does not read (memory or disk alarm) holds up that
 * thread and never a caller: callers wait until a deadline. Keeps the topology declared. At most
 * {@code inFlightMax} AMQP messages are on their way.
 */
final class RabbitPublisher implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(RabbitPublisher.class);
  private static final long LOOK_EVERY_MILLIS = 200;

  private final RabbitSettings settings;
  private final RabbitLink link;
  private final Set<String> queues = ConcurrentHashMap.newKeySet();
  private final Semaphore places;
  private final LinkedBlockingQueue<Shipment> waiting = new LinkedBlockingQueue<>();
  private final CountDownLatch firstLook = new CountDownLatch(1);
  private final Thread writer;
  private volatile Line line;
  private volatile RuntimeException hopeless;
  private volatile String trouble = "is not reached yet";
  private volatile boolean stale;
  private volatile boolean closing;

  RabbitPublisher(RabbitSettings settings, Set<String> queues) {
    this.settings = settings;
    this.link = new RabbitLink(settings, "flashsale-publisher");
    this.queues.addAll(queues);
    this.places = new Semaphore(settings.inFlightMax());
    this.writer = Thread.ofVirtual().name("bus-publisher").start(this::run);
  }

  /**
   * Waits until the topology is declared.
   *
   * @throws TopologyConflict if it cannot be
   * @throws IllegalStateException if the broker is not reached in time, or refuses what it will not
   *     allow later either
   */
  void awaitReady() {
    try {
      boolean looked = firstLook.await(settings.startWaitMax().toMillis(), TimeUnit.MILLISECONDS);
      if (hopeless != null) {
        throw hopeless;
      }
      if (!looked) {
        throw unusable();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted while connecting to RabbitMQ", e);
    }
  }

  private IllegalStateException unusable() {
    return new IllegalStateException("RabbitMQ at " + settings.place() + " " + trouble);
  }

  /** From now on this queue is declared too, after each loss; false if it has been so far. */
  boolean keepDeclared(String queue) {
    return queues.add(queue);
  }

  void forget(String queue) {
    queues.remove(queue);
  }

  boolean blocked() {
    return link.blocked();
  }

  /** What keeps messages from being sent, if anything does. */
  Optional<String> trouble() {
    if (line != null) {
      return link.blocked() ? Optional.of("blocked by the broker") : Optional.empty();
    }
    return Optional.of(trouble);
  }

  int inFlight() {
    return settings.inFlightMax() - places.availablePermits();
  }

  /**
   * Sends and waits for the outcomes, until the deadline at most. Afterwards {@link Shipment#await}
   * tells each of them at once.
   */
  void send(List<Shipment> shipments, long deadlineNanos) {
    for (var shipment : shipments) {
      if (!accept(shipment, deadlineNanos)) {
        // Not even handed to the writer, so there is no place to give back.
        shipment.settle(false);
      }
    }
    shipments.forEach(shipment -> shipment.await(deadlineNanos));
  }

  private boolean accept(Shipment shipment, long deadlineNanos) {
    if (closing || line == null || link.blocked()) {
      return false;
    }
    try {
      long left = Math.max(0, deadlineNanos - System.nanoTime());
      return places.tryAcquire(left, TimeUnit.NANOSECONDS) && waiting.add(shipment);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return false;
    }
  }

  private void settle(Shipment shipment, boolean confirmed) {
    if (shipment.settle(confirmed)) {
      places.release();
    }
  }

  private void settleAll(Collection<Shipment> shipments) {
    shipments.forEach(shipment -> settle(shipment, false));
  }

  private void run() {
    int failures = 0;
    while (!closing) {
      try {
        openLine();
        failures = 0;
        writeNext();
      } catch (IOException | TimeoutException | RuntimeException e) {
        lost(e);
        RabbitLink.pause(failures++);
      } catch (Error e) {
        // Whatever it was, publishing must go on.
        LOG.error("the publisher to RabbitMQ failed badly and goes on", e);
        lost(e);
        RabbitLink.pause(failures++);
      }
    }
    settleWaiting();
  }

  private void openLine() throws IOException, TimeoutException {
    if (line != null && line.channel.isOpen() && !stale) {
      return;
    }
    var declaring = link.open();
    try {
      stale = false;
      for (var queue : queues) {
        RabbitTopology.declare(declaring, queue);
      }
    } finally {
      RabbitLink.closeQuietly(declaring);
    }
    if (line == null || !line.channel.isOpen()) {
      line = new Line(link.open());
      trouble = "";
    }
    hopeless = null;
    firstLook.countDown();
  }

  private void writeNext() throws IOException {
    try {
      var shipment = waiting.poll(LOOK_EVERY_MILLIS, TimeUnit.MILLISECONDS);
      if (shipment == null) {
        return;
      }
      if (shipment.abandoned()) {
        settle(shipment, false);
        return;
      }
      line.write(shipment);
    } catch (InterruptedException e) {
      throw new IllegalStateException("nobody interrupts the publisher", e);
    }
  }

  private void lost(Throwable thrown) {
    var lost = line;
    line = null;
    if (lost != null) {
      RabbitLink.closeQuietly(lost.channel);
    }
    var failure = RabbitFailure.of(thrown);
    if (!failure.text().equals(trouble)) {
      LOG.warn("RabbitMQ at {} {}", settings.place(), failure.text());
    }
    trouble = failure.text();
    if (failure.lasting()) {
      hopeless = thrown instanceof TopologyConflict conflict ? conflict : unusable();
      firstLook.countDown();
    }
    settleWaiting();
  }

  private void settleWaiting() {
    for (var shipment = waiting.poll(); shipment != null; shipment = waiting.poll()) {
      settle(shipment, false);
    }
  }

  /** Waits for what is on its way, then ends the connection. */
  @Override
  public void close() {
    closing = true;
    LockSupport.unpark(writer);
    try {
      long waitMillis = settings.confirmWaitMax().toMillis();
      // Where the broker takes nothing, there is nothing to wait for.
      if (!link.blocked()
          && places.tryAcquire(settings.inFlightMax(), waitMillis, TimeUnit.MILLISECONDS)) {
        places.release(settings.inFlightMax());
      }
      link.close();
      if (!writer.join(settings.confirmWaitMax())) {
        LOG.warn("the publisher's thread has not ended");
      }
      // It may have connected once more meanwhile.
      link.close();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** A channel in confirm mode and what was sent on it. */
  private final class Line {
    private final Channel channel;
    private final ConcurrentSkipListMap<Long, Shipment> unconfirmed = new ConcurrentSkipListMap<>();

    Line(Channel channel) throws IOException {
      this.channel = channel;
      channel.confirmSelect();
      channel.addConfirmListener(
          (number, multiple) -> confirmed(number, multiple, true),
          (number, multiple) -> confirmed(number, multiple, false));
      channel.addReturnListener(returned -> returned(returned.getProperties().getMessageId()));
      // Whatever was on its way when the channel ends is the caller's to repeat.
      channel.addShutdownListener(_ -> settleAll(unconfirmed.values()));
    }

    void write(Shipment shipment) throws IOException {
      long number = channel.getNextPublishSeqNo();
      try {
        unconfirmed.put(number, shipment);
        channel.basicPublish(
            shipment.exchange(),
            shipment.routingKey(),
            true,
            shipment.properties(number),
            shipment.bundle().body());
      } catch (IOException | RuntimeException | Error e) {
        settle(shipment, false);
        throw e;
      }
    }

    private void confirmed(long number, boolean multiple, boolean positive) {
      if (multiple) {
        var settled = unconfirmed.headMap(number, true);
        settled.values().forEach(shipment -> settle(shipment, positive));
        settled.clear();
      } else {
        var shipment = unconfirmed.remove(number);
        if (shipment != null) {
          settle(shipment, positive);
        }
      }
    }

    /** Comes before the confirmation of the same message. */
    private void returned(String number) {
      var shipment = unconfirmed.get(Long.valueOf(number));
      if (shipment != null) {
        shipment.markReturned();
        // Somebody has deleted it, unless nobody declared it.
        stale |= shipment.exchange().isEmpty() || queues.contains(shipment.routingKey());
      }
    }
  }
}
