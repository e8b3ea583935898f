package flashsale.checkout;

import flashsale.checkout.Flow.Next;
import flashsale.contracts.Checkout;
import flashsale.contracts.CheckoutUnavailable;
import flashsale.contracts.Fact;
import flashsale.contracts.Step;
import flashsale.platform.batching.Coalescer;
import flashsale.platform.batching.Late;
import flashsale.platform.batching.Overloaded;
import flashsale.platform.messaging.FailureCategory;
import flashsale.platform.metrics.Meters;
import flashsale.platform.persistence.DatabaseFailure;
import flashsale.platform.time.Deadline;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The synchronous driver: walks the flow while the caller waits, one hop after the other, under one
 * deadline. What many callers ask at the same time is walked together: each hop is one batch, thus
 * one transaction of that role, for all of them. Thread-safe.
 *
 * <p>The payments' step waits for an outside system. In a batch everybody would wait for the
 * slowest answer, so there each fact goes alone, in its caller's thread; the step bounds how many
 * do.
 */
public final class DirectDriver implements Checkout, AutoCloseable {
  /** More hops than the longest walk has; a walk that is longer runs in a circle. */
  private static final int HOPS_MAX = 16;

  private static final Duration RETRY_AFTER = Duration.ofSeconds(1);

  /**
   * How it walks.
   *
   * @param deadline for a whole walk
   * @param batchMax walks that go together
   * @param queueMax walks waiting to begin; more are refused at once
   */
  public record Settings(Duration deadline, int batchMax, int queueMax) {}

  /** A walk that is to begin, and until when its end is of use. */
  private record Start(Fact first, Deadline deadline) {}

  /** Where a walk has come to, and what stopped it there if anything did. */
  private record Stand(Fact at, RuntimeException failure) {
    boolean goesTo(Next next) {
      return failure == null && Flow.after(at) == next;
    }
  }

  private final Settings settings;
  private final Map<Next, Step> steps = new EnumMap<>(Next.class);
  private final Coalescer<Start, Stand> walks;

  /**
   * Ready to walk.
   *
   * @param steps each role's step, for every role that the flow names
   */
  public DirectDriver(Settings settings, Map<Next, Step> steps, Meters meters) {
    this.settings = settings;
    steps.forEach((next, step) -> this.steps.put(next, MeasuredStep.of(next, step, meters)));
    this.walks = meters.coalescer("walk", settings.batchMax(), settings.queueMax(), this::begin);
  }

  @Override
  public Fact carry(Fact first) {
    var deadline = Deadline.in(Deadline.left(settings.deadline()));
    var fact = first;
    for (int leg = 0; leg < HOPS_MAX; leg++) {
      var next = Flow.after(fact);
      if (next == Next.NOBODY) {
        return fact;
      }
      fact = leg(next, fact, deadline);
    }
    throw circle(fact);
  }

  /** Through the payments, or from where the walk stands to its end or to the payments. */
  private Fact leg(Next next, Fact fact, Deadline deadline) {
    var at = fact;
    try {
      if (next == Next.PAYMENTS) {
        return deadline.during(() -> steps.get(next).apply(List.of(fact)).getFirst());
      }
      var stand = walks.submit(new Start(fact, deadline), deadline.left());
      at = stand.at();
      if (stand.failure() != null) {
        throw stand.failure();
      }
      return at;
    } catch (Overloaded | Late | DatabaseFailure e) {
      throw new CheckoutUnavailable(
          "stopped before %s at %s: %s"
              .formatted(Flow.after(at), at.getClass().getSimpleName(), e.getMessage()),
          RETRY_AFTER,
          e,
          at);
    }
  }

  /** One batch has one deadline: that of the caller who waits longest. */
  private List<Stand> begin(List<Start> starts) {
    var latest =
        starts.stream().map(Start::deadline).reduce((a, b) -> b.isAfter(a) ? b : a).orElseThrow();
    return latest.during(() -> walk(starts.stream().map(Start::first).toList()));
  }

  /** Walks these side by side until each has ended, failed, or come to the payments. */
  private List<Stand> walk(List<Fact> facts) {
    var stands = new ArrayList<Stand>(facts.size());
    facts.forEach(fact -> stands.add(new Stand(fact, null)));
    for (int hop = 0; hop < HOPS_MAX; hop++) {
      var next = nextOf(stands);
      if (next.isEmpty()) {
        return stands;
      }
      hop(next.get(), stands);
    }
    stands.replaceAll(s -> nextOf(List.of(s)).isEmpty() ? s : new Stand(s.at(), circle(s.at())));
    return stands;
  }

  /** The earliest role of the flow that one of these goes to; the others wait for it there. */
  private static Optional<Next> nextOf(List<Stand> stands) {
    return stands.stream()
        .filter(stand -> stand.failure() == null)
        .map(stand -> Flow.after(stand.at()))
        .filter(next -> next != Next.PAYMENTS && next != Next.NOBODY)
        .min(Next::compareTo);
  }

  /** One role's step for all that go there. */
  private void hop(Next next, List<Stand> stands) {
    var given = stands.stream().filter(s -> s.goesTo(next)).map(Stand::at).toList();
    var arrived = step(next, given).iterator();
    stands.replaceAll(s -> s.goesTo(next) ? arrived.next() : s);
  }

  /**
   * What failed as a batch is done again one by one, so that a poisoned fact fails alone; not if
   * the role cannot be reached at all, which trying again and again would only make worse.
   */
  private List<Stand> step(Next next, List<Fact> given) {
    try {
      var answers = steps.get(next).apply(given);
      if (answers.size() != given.size()) {
        throw new IllegalStateException(
            next + " gave " + answers.size() + " answers to " + given.size() + " facts");
      }
      return answers.stream().map(fact -> new Stand(fact, null)).toList();
    } catch (RuntimeException e) {
      return given.size() == 1 || FailureCategory.isOutage(e)
          ? given.stream().map(fact -> new Stand(fact, e)).toList()
          : given.stream().map(fact -> step(next, List.of(fact)).getFirst()).toList();
    }
  }

  private static IllegalStateException circle(Fact fact) {
    return new IllegalStateException("the flow runs in a circle at " + fact);
  }

  /** Refuses new walks and finishes those that wait. */
  @Override
  public void close() {
    walks.close();
  }
}
