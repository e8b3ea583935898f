package flashsale.server;

import flashsale.contracts.CheckoutUnavailable;
import flashsale.platform.batching.Late;
import flashsale.platform.batching.Overloaded;
import flashsale.platform.http.Problem;
import flashsale.platform.persistence.DatabaseFailure;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What a client is told when something is full, late or down, and what the log is told then. What a
 * database said stays in the log: its words are made of statements and of other people's rows.
 * Thread-safe.
 */
final class Outages {
  private static final Logger LOG = LoggerFactory.getLogger(Outages.class);
  private static final Duration RETRY_AFTER = Duration.ofSeconds(1);

  /** Everybody meets the same outage at once; a trace for each would be an outage of its own. */
  private static final Duration LOG_EVERY = Duration.ofSeconds(1);

  private final AtomicLong loggedAtNanoTime =
      new AtomicLong(System.nanoTime() - LOG_EVERY.toNanos());
  private final AtomicInteger notLogged = new AtomicInteger();

  /**
   * The problem that a failure is answered with; empty if it is a fault, which ends as 500 and in
   * the log.
   */
  Optional<Problem> problem(Exception e) {
    return switch (e) {
      case CheckoutUnavailable stopped -> stopped(stopped);
      case Overloaded full -> unavailable("OVERLOADED", full.getMessage());
      case Late late -> unavailable("LATE", late.getMessage());
      case DatabaseFailure failure -> down(failure);
      default -> Optional.empty();
    };
  }

  private Optional<Problem> stopped(CheckoutUnavailable stopped) {
    if (stopped.getCause() instanceof DatabaseFailure failure) {
      if (failure.brokeAConstraint()) {
        return Optional.empty();
      }
      log(stopped);
    } else {
      LOG.debug("a walk stopped", stopped); // Full or late: the figures are in the metrics.
    }
    return Optional.of(
        Problem.unavailable(
            "UNAVAILABLE",
            "This could not be finished now; send it again, with the same Idempotency-Key if it had one.",
            stopped.retryAfter()));
  }

  private Optional<Problem> down(DatabaseFailure failure) {
    if (failure.brokeAConstraint()) {
      return Optional.empty();
    }
    log(failure);
    return unavailable("DATABASE_UNAVAILABLE", "A database does not answer; try again.");
  }

  private static Optional<Problem> unavailable(String code, String detail) {
    return Optional.of(Problem.unavailable(code, detail, RETRY_AFTER));
  }

  private void log(RuntimeException e) {
    long now = System.nanoTime();
    long before = loggedAtNanoTime.get();
    if (now - before >= LOG_EVERY.toNanos() && loggedAtNanoTime.compareAndSet(before, now)) {
      LOG.warn("a request was refused, and {} before it", notLogged.getAndSet(0), e);
    } else {
      notLogged.incrementAndGet();
    }
  }
}
