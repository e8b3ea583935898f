package flashsale.checkout;

import flashsale.checkout.Flow.Next;
import flashsale.contracts.Checkout;
import flashsale.contracts.CheckoutUnavailable;
import flashsale.contracts.Fact;
import flashsale.contracts.Step;
import flashsale.platform.batching.Coalescer;
import flashsale.platform.batching.Late;
import flashsale.platform.batching.Overloaded;
import flashsale.platform.metrics.Meters;
import flashsale.platform.persistence.DatabaseFailure;
import java.time.Duration;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/**
 * The synchronous driver: walks the flow in the caller's own thread, one hop after the other, under
 * one deadline. Each role's step but the payments' is reached through a coalescer, so that what
 * many callers ask at the same time is one transaction there. Thread-safe.
 */
public final class DirectDriver implements Checkout, AutoCloseable {
  /** More hops than the longest walk has; a walk that is longer runs in a circle. */
  private static final int HOPS_MAX = 16;

  private static final Duration RETRY_AFTER = Duration.ofSeconds(1);

  /**
   * How it walks.
   *
   * @param deadline for a whole walk
   * @param batchMax facts in one transaction of a step
   * @param queueMax facts waiting for a step; more are refused at once
   */
  public record Settings(Duration deadline, int batchMax, int queueMax) {}

  private final Settings settings;
  private final Map<Next, Coalescer<Fact, Fact>> hops = new EnumMap<>(Next.class);

  /**
   * The payments' step waits for an outside system. In a batch everybody would wait for the slowest
   * answer, so each fact goes alone, in its caller's thread; the step bounds how many do.
   */
  private final Step payments;

  /**
   * Starts one coalescer for each step.
   *
   * @param steps each role's step, for every role that the flow names
   */
  public DirectDriver(Settings settings, Map<Next, Step> steps, Meters meters) {
    this.settings = settings;
    this.payments = steps.get(Next.PAYMENTS);
    steps.forEach(
        (next, step) -> {
          if (next != Next.PAYMENTS) {
            hops.put(next, hop(next, step, meters));
          }
        });
  }

  private Coalescer<Fact, Fact> hop(Next next, Step step, Meters meters) {
    var name = next.name().toLowerCase(java.util.Locale.ROOT);
    var hop =
        new Coalescer<Fact, Fact>(
            name, settings.batchMax(), settings.queueMax(), step::apply, meters.batches(name));
    meters.gauge(
        "flashsale.batch.waiting", "Facts waiting for a step", "batch", name, hop::waiting);
    return hop;
  }

  @Override
  public Fact carry(Fact first) {
    long deadline = System.nanoTime() + settings.deadline().toNanos();
    var fact = first;
    for (int hop = 0; hop < HOPS_MAX; hop++) {
      var next = Flow.after(fact);
      if (next == Next.NOBODY) {
        return fact;
      }
      fact = take(next, fact, Duration.ofNanos(Math.max(0, deadline - System.nanoTime())));
    }
    throw new IllegalStateException("the flow runs in a circle at " + fact);
  }

  /** One hop: this role's step for this fact, together with whatever else waits for it. */
  private Fact take(Next next, Fact fact, Duration left) {
    try {
      return next == Next.PAYMENTS
          ? payments.apply(List.of(fact)).getFirst()
          : hops.get(next).submit(fact, left);
    } catch (Overloaded | Late | DatabaseFailure e) {
      throw new CheckoutUnavailable(
          "stopped before "
              + next
              + " at "
              + fact.getClass().getSimpleName()
              + ": "
              + e.getMessage(),
          RETRY_AFTER,
          e);
    }
  }

  /** A step that goes through the same writer as everybody's, for a role's own background work. */
  public Step step(Next next) {
    return facts ->
        List.copyOf(facts.stream().map(fact -> take(next, fact, settings.deadline())).toList());
  }

  /** Refuses new hops and finishes those that wait. */
  @Override
  public void close() {
    hops.values().forEach(Coalescer::close);
  }
}
