package flashsale.checkout;

import flashsale.checkout.Flow.Next;
import flashsale.contracts.CheckoutUnavailable;
import flashsale.contracts.Fact;
import flashsale.contracts.Step;
import flashsale.platform.batching.Coalescer;
import flashsale.platform.batching.Late;
import flashsale.platform.messaging.Bus;
import flashsale.platform.messaging.Bus.Message;
import flashsale.platform.messaging.Envelopes;
import flashsale.platform.messaging.FailureCategory;
import flashsale.platform.messaging.Permanent;
import flashsale.platform.metrics.Meters;
import flashsale.platform.time.Backoff;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Predicate;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The asynchronous driver: each role takes its facts from its own queue, does its step, and what
 * follows goes to the next role's queue before the fact is acknowledged. So a fact is in a queue or
 * in an outbox until its walk has ended. Steps repeat their first outcome, so a fact that was done
 * and not acknowledged is followed by the same facts again. Thread-safe.
 */
public final class EventedDriver implements AutoCloseable {
  /**
   * Sizes.
   *
   * @param batchMax facts of one role in one transaction, and handed to the bus at a time
   * @param queueMax facts of an outbox waiting to be handed over
   * @param handoverMax how long handing one over may take
   */
  public record Settings(int batchMax, int queueMax, Duration handoverMax) {}

  private static final Logger LOG = LoggerFactory.getLogger(EventedDriver.class);
  private static final Backoff PAUSE = new Backoff(Duration.ofMillis(100), Duration.ofSeconds(2));

  private final Bus bus;
  private final Settings settings;
  private final InstantSource clock;
  private final Envelopes<Fact> envelopes = new Envelopes<>(Fact.TYPES);
  private final Map<Next, Coalescer<Message, Boolean>> handovers = new EnumMap<>(Next.class);
  private final Predicate<Fact> drivenOn;
  private volatile boolean closing;

  /**
   * Starts to consume each role's queue.
   *
   * @param steps the step of each role that is in this process
   * @param drivenOn whether a fact that a step has made is in an outbox and driven on from there,
   *     so that it must not go to a queue too
   */
  public EventedDriver(
      Bus bus,
      Settings settings,
      Map<Next, Step> steps,
      Predicate<Fact> drivenOn,
      InstantSource clock,
      Meters meters) {
    this.bus = bus;
    this.settings = settings;
    this.drivenOn = drivenOn;
    this.clock = clock;
    for (var next : Next.values()) {
      if (next != Next.NOBODY) {
        handovers.put(next, handover(next, meters));
      }
    }
    steps.forEach(
        (next, step) -> {
          var measured = MeasuredStep.of(next, step, meters);
          bus.subscribe(queue(next), settings.batchMax(), batch -> handle(measured, batch));
        });
  }

  /** The queue of a role. */
  public static String queue(Next next) {
    return next.name().toLowerCase(Locale.ROOT);
  }

  private Coalescer<Message, Boolean> handover(Next next, Meters meters) {
    var name = "handover-" + queue(next);
    return meters.coalescer(
        name,
        settings.batchMax(),
        settings.queueMax(),
        messages -> {
          var arrived = bus.publish(queue(next), messages);
          return messages.stream().map(message -> arrived.contains(message.id())).toList();
        });
  }

  /**
   * Hands a fact of an outbox over to the role that follows; returns when the bus has it for good.
   *
   * @param fact that is in the message
   * @throws RuntimeException if it has not: the fact stays in the outbox
   */
  public void handOver(Fact fact, Message message) {
    var next = Flow.after(fact);
    if (next != Next.NOBODY && !handovers.get(next).submit(message, settings.handoverMax())) {
      throw new Late("the bus did not take " + message.id() + " for " + next);
    }
  }

  private void handle(Step step, List<Message> batch) {
    var answers = patiently(step, batch.stream().map(this::open).toList());
    var onward = new EnumMap<Next, List<Message>>(Next.class);
    for (var answer : answers) {
      if (drivenOn.test(answer)) {
        continue;
      }
      onward.computeIfAbsent(Flow.after(answer), n -> new ArrayList<>()).add(sealed(answer));
    }
    onward.remove(Next.NOBODY);
    onward.forEach(this::publish);
  }

  /**
   * While the role's database cannot be reached, its facts wait where they are, and so does their
   * queue: it is no fault of theirs, so it costs them no attempt. What only one of them waits for,
   * such as the gateway's answer to a refund, does not hold up the others: it is tried again alone,
   * and parked after its attempts, to be replayed once all is well.
   */
  private List<Fact> patiently(Step step, List<Fact> facts) {
    for (int failures = 1; ; failures++) {
      try {
        return apply(step, facts);
      } catch (RuntimeException e) {
        if (closing || e instanceof CheckoutUnavailable || !FailureCategory.isOutage(e)) {
          throw e;
        }
        LOG.warn("{} facts wait until their role can be reached: {}", facts.size(), e.getMessage());
        LockSupport.parkNanos(this, PAUSE.after(failures).toNanos());
      }
    }
  }

  private static List<Fact> apply(Step step, List<Fact> facts) {
    try {
      var answers = step.apply(facts);
      if (answers.size() != facts.size()) {
        throw new IllegalStateException(
            "a step gave " + answers.size() + " answers to " + facts.size() + " facts");
      }
      return answers;
    } catch (IllegalArgumentException e) {
      throw new Permanent("no step takes this: " + e.getMessage(), e);
    }
  }

  /** A broker that takes nothing is waited for as well; what it has taken is not sent again. */
  private void publish(Next next, List<Message> messages) {
    var left = messages;
    for (int failures = 1; ; failures++) {
      var arrived = bus.publish(queue(next), left);
      left = left.stream().filter(message -> !arrived.contains(message.id())).toList();
      if (left.isEmpty()) {
        return;
      }
      if (closing) {
        throw new Late("%d facts did not arrive at %s".formatted(left.size(), queue(next)));
      }
      LOG.warn("{} facts wait until the bus takes them to {}", left.size(), queue(next));
      LockSupport.parkNanos(this, PAUSE.after(failures).toNanos());
    }
  }

  private Fact open(Message message) {
    return envelopes.open(message.envelope()).message();
  }

  private Message sealed(Fact fact) {
    var sealed = envelopes.seal(fact, fact.key(), clock.instant(), null);
    return new Message(sealed.id(), sealed.key(), sealed.envelope(), 0);
  }

  /** Hands over what waits, and stops waiting; whoever made the bus closes it afterwards. */
  @Override
  public void close() {
    closing = true;
    handovers.values().forEach(Coalescer::close);
  }
}
