package flashsale.server;

import flashsale.checkout.DirectDriver;
import flashsale.checkout.EventedDriver;
import flashsale.checkout.Flow.Next;
import flashsale.contracts.Checkout;
import flashsale.contracts.CheckoutUnavailable;
import flashsale.contracts.Fact;
import flashsale.contracts.Step;
import flashsale.platform.batching.Late;
import flashsale.platform.messaging.Bus;
import flashsale.platform.messaging.DirectBus;
import flashsale.platform.messaging.Envelopes;
import flashsale.platform.messaging.FailureCategory;
import flashsale.platform.messaging.RabbitBus;
import flashsale.platform.messaging.RabbitSettings;
import flashsale.platform.messaging.Relay;
import flashsale.platform.messaging.TopologyConflict;
import flashsale.platform.metrics.Meters;
import java.time.InstantSource;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.BiConsumer;
import java.util.function.Predicate;
import java.util.stream.Collectors;

/**
 * Both drivers of the flow, and what they are started by: a caller who waits, or a fact in an
 * outbox. Thread-safe.
 */
final class Walks implements Checkout, AutoCloseable {
  private final Outboxes outboxes;
  private final InstantSource clock;
  private final boolean alone;
  private final BiConsumer<Fact, Fact> walked;
  private final Envelopes<Fact> envelopes = new Envelopes<>(Fact.TYPES);
  private final DirectDriver direct;

  /** Null without a broker, as is the bus. */
  private final EventedDriver evented;

  private final RabbitBus bus;

  /**
   * Ready to walk; with a broker, the queues of the roles that are here are consumed from now on.
   *
   * @param steps of every role, here or elsewhere
   * @param here the roles of this process
   * @param walked is told of the first and the last fact of each walk from an outbox
   * @param drivenOn whether a fact that a step here has made is in an outbox, and driven on from
   *     there from now on
   * @throws CommandFailure ENVIRONMENT if RabbitMQ has other queues of these names
   */
  Walks(
      Config config,
      Map<Next, Step> steps,
      Set<Next> here,
      Outboxes outboxes,
      BiConsumer<Fact, Fact> walked,
      Predicate<Fact> drivenOn,
      InstantSource clock,
      Meters meters) {
    this.outboxes = outboxes;
    this.walked = walked;
    this.clock = clock;
    // The data directory with the embedded databases has one owner at a time.
    this.alone = config.process().whole() && config.database().embedded();
    var checkout = config.checkout();
    this.direct =
        new DirectDriver(
            new DirectDriver.Settings(
                checkout.deadline(), checkout.batchMax(), checkout.queueMax()),
            steps,
            meters);
    if (!config.messaging().rabbit()) {
      this.bus = null;
      this.evented = null;
      return;
    }
    var queues = steps.keySet().stream().map(EventedDriver::queue).collect(Collectors.toSet());
    this.bus = bus(config, queues, meters);
    var mine =
        steps.entrySet().stream()
            .filter(step -> here.contains(step.getKey()))
            .collect(Collectors.toMap(Map.Entry::getKey, Map.Entry::getValue));
    this.evented =
        new EventedDriver(
            bus,
            new EventedDriver.Settings(
                checkout.batchMax(), checkout.queueMax(), checkout.deadline()),
            mine,
            drivenOn,
            clock,
            meters);
  }

  private RabbitBus bus(Config config, Set<String> queues, Meters meters) {
    try {
      return RabbitBus.start(
          RabbitSettings.of(config.messaging().url()), queues, outboxes::park, clock, meters);
    } catch (IllegalStateException | TopologyConflict e) {
      direct.close();
      throw new CommandFailure(ExitCode.ENVIRONMENT, e.getMessage());
    }
  }

  @Override
  public Fact carry(Fact first) {
    return direct.carry(first);
  }

  /** {@code UP} or what is wrong; empty without a broker. */
  Optional<String> broker() {
    return Optional.ofNullable(bus).map(b -> b.trouble().orElse("UP"));
  }

  /**
   * Starts to drive on what lies in the outboxes: it is handed over to the broker, or the flow is
   * walked from it.
   */
  DirectBus driveOutboxes() {
    var relays = new DirectBus(outboxes.queues(), Relay.ATTEMPTS_MAX, alone, clock);
    for (var role : outboxes.queues().keySet()) {
      relays.subscribe(role, Relay.TAKEN_MAX, batch -> batch.forEach(this::drive));
    }
    return relays;
  }

  /**
   * A broker gets what is found again if it loses it: requests whose row stays PENDING. Money that
   * was taken, and units that were given back, stay in the outbox until their walk has ended.
   */
  private void drive(Bus.Message message) {
    var first = envelopes.open(message.envelope()).message();
    if (evented != null
        && (first instanceof Fact.ReservationRequested || first instanceof Fact.PaymentRequested)) {
      evented.handOver(first, message);
    } else {
      walk(first);
    }
  }

  /** The relay knows no shop: to it, a walk that an outage stopped is late. */
  Fact walk(Fact first) {
    try {
      var end = direct.carry(first);
      walked.accept(first, end);
      return end;
    } catch (CheckoutUnavailable e) {
      throw FailureCategory.isOutage(e) ? new Late(e.getMessage()) : e;
    }
  }

  /** Finishes what was begun. */
  @Override
  public void close() {
    if (evented != null) {
      evented.close();
      bus.close();
    }
    direct.close();
  }
}
