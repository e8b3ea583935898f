package flashsale.checkout;

import flashsale.platform.messaging.Relay;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * What could not be driven on, until it is tried again: with exponential backoff and full jitter,
 * as a relay does it. Only in memory: it is found again by whoever starts anew. Thread-safe.
 */
final class Retries<F> {
  /** Attempts that failed, and when the first of them was made. */
  record Attempts(int count, Instant firstAt) {}

  /** One that failed, and when it may be tried again, by {@link System#nanoTime}. */
  private record Waiting(Attempts attempts, long dueAt) {}

  private final Map<F, Waiting> waiting = new ConcurrentHashMap<>();

  /**
   * Sets one aside; what has failed of it with this.
   *
   * @param at when this attempt was made
   */
  Attempts failed(F fact, Instant at) {
    return waiting.compute(fact, (_, before) -> next(before, at)).attempts();
  }

  private static Waiting next(Waiting before, Instant at) {
    var attempts =
        before == null
            ? new Attempts(1, at)
            : new Attempts(before.attempts().count() + 1, before.attempts().firstAt());
    var pause = Relay.BACKOFF.jittered(attempts.count());
    return new Waiting(attempts, System.nanoTime() + pause.toNanos());
  }

  /** It has come to its end, or is somebody else's now. */
  void forget(F fact) {
    waiting.remove(fact);
  }

  boolean has(F fact) {
    return waiting.containsKey(fact);
  }

  int size() {
    return waiting.size();
  }

  /** Those that may be tried again now. */
  List<F> due(int max) {
    long now = System.nanoTime();
    return waiting.entrySet().stream()
        .filter(one -> one.getValue().dueAt() - now <= 0)
        .map(Map.Entry::getKey)
        .limit(max)
        .toList();
  }
}
