package flashsale.doors;

import flashsale.doors.DoorExchange.Full;
import flashsale.doors.DoorExchange.UnknownThere;
import flashsale.doors.DoorExchange.Unreachable;
import flashsale.platform.batching.Late;
import flashsale.platform.batching.Overloaded;
import flashsale.platform.messaging.FailedElsewhere;
import flashsale.platform.messaging.FailureCategory;
import flashsale.platform.metrics.Meters;
import flashsale.platform.resilience.Breakers;
import flashsale.platform.time.Backoff;
import flashsale.platform.time.Deadline;
import io.helidon.common.concurrency.limits.AimdLimit;
import io.helidon.faulttolerance.CircuitBreaker;
import io.helidon.faulttolerance.CircuitBreaker.State;
import io.helidon.faulttolerance.CircuitBreakerOpenException;
import io.helidon.faulttolerance.Retry;
import io.micrometer.core.instrument.Counter;
import java.net.URI;
import java.net.http.HttpClient;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * The processes that have one role, as seen from another process. What a door offers may be asked
 * twice unless it is marked otherwise, so a call that did not come through is made again, at the
 * next address and after a random pause; how often is bounded by attempts, by a budget and by the
 * caller's deadline. An address that fails is left alone for a while (circuit breaker), and calls
 * under way are bounded by what the role proves to bear (AIMD), so that a dead or hanging role
 * costs no more than its own answers. Thread-safe.
 */
public final class Peer {
  /**
   * Times and sizes.
   *
   * @param timeout of one attempt
   * @param auditTimeout of one attempt of what reads whole tables
   * @param attemptsMax of one call, at one address after the other
   * @param concurrencyMax calls under way at most; more are refused at once
   * @param breakerDelay how long an address that failed is left alone
   */
  public record Settings(
      Duration timeout,
      Duration auditTimeout,
      int attemptsMax,
      int concurrencyMax,
      Duration breakerDelay) {}

  private static final int CONCURRENCY_FIRST = 16;

  /** Of so many calls in a row the breaker looks at the share of failures. */
  private static final int BREAKER_CALLS = 5;

  private static final int BREAKER_FAILURES_PERCENT = 40;
  private static final Backoff PAUSE = new Backoff(Duration.ofMillis(20), Duration.ofMillis(500));

  /** Retries end with the deadline; Helidon wants a limit of its own beside that. */
  private static final Duration RETRIES_MAX = Duration.ofMinutes(10);

  /** Who has less than this part of the usual time left is in a hurry. */
  private static final int HURRIED_PART = 2;

  private record Address(URI url, CircuitBreaker breaker) {}

  private final String role;
  private final List<Address> addresses;
  private final Settings settings;
  private final DoorExchange exchange;
  private final AimdLimit limit;
  private final Retry retry;
  private final RetryBudget budget = new RetryBudget();
  private final AtomicInteger turn = new AtomicInteger();
  private final AtomicInteger underWay = new AtomicInteger();
  private final Counter retries;
  private final Counter failures;
  private final Counter full;
  private final Counter leftAlone;

  /**
   * Connects to nobody yet.
   *
   * @param urls at least one; calls go to them in turn
   */
  public Peer(
      String role,
      List<URI> urls,
      ServiceToken token,
      Settings settings,
      HttpClient http,
      Meters meters) {
    this.role = role;
    this.settings = settings;
    this.exchange = new DoorExchange(role, token, http);
    this.addresses = urls.stream().map(url -> new Address(url, breaker(settings))).toList();
    this.limit =
        AimdLimit.builder()
            .name("peer-" + role)
            .minLimit(1)
            .initialLimit(Math.min(CONCURRENCY_FIRST, settings.concurrencyMax()))
            .maxLimit(settings.concurrencyMax())
            .timeout(settings.timeout())
            .build();
    this.retry =
        Retry.builder()
            .calls(settings.attemptsMax())
            .overallTimeout(RETRIES_MAX)
            .addApplyOn(Unreachable.class)
            .retryPolicy((first, last, attempt) -> pause(attempt))
            .build();
    this.retries = meters.counter("flashsale.peer.retries", "Calls made once more", "peer", role);
    this.failures =
        meters.counter("flashsale.peer.failures", "Calls that did not come through", "peer", role);
    this.full =
        meters.counter(
            "flashsale.peer.full",
            "Calls not made because as many as the role takes were under way",
            "peer",
            role);
    this.leftAlone =
        meters.counter(
            "flashsale.peer.left_alone",
            "Calls not made because every address is left alone",
            "peer",
            role);
    meters.gauge("flashsale.peer.under_way", "Calls under way", "peer", role, underWay::get);
    meters.gauge(
        "flashsale.peer.limit", "Calls that may be under way at once", "peer", role, this::limit);
    meters.gauge(
        "flashsale.peer.down",
        "Addresses that are left alone because they failed",
        "peer",
        role,
        () -> addresses.stream().filter(a -> a.breaker().state() == State.OPEN).count());
  }

  private static CircuitBreaker breaker(Settings settings) {
    return CircuitBreaker.builder()
        .volume(BREAKER_CALLS)
        .errorRatio(BREAKER_FAILURES_PERCENT)
        .delay(settings.breakerDelay())
        .successThreshold(1)
        .addApplyOn(Unreachable.class)
        .build();
  }

  /** What the limit has come to; while calls begin and end, off by a few. */
  private int limit() {
    return limit.semaphore().availablePermits() + underWay.get();
  }

  /** {@code UP}, {@code DOWN} or, while only some addresses answer, {@code DEGRADED}. */
  public String state() {
    long open = addresses.stream().filter(a -> a.breaker().state() == State.OPEN).count();
    return open == 0 ? "UP" : open == addresses.size() ? "DOWN" : "DEGRADED";
  }

  /**
   * Asks once, or as often as is sensible.
   *
   * @param most for one attempt; the caller's deadline may be sooner
   * @return the answer's body
   * @throws Overloaded if nobody can be reached or the role takes no more at present
   * @throws Late if the deadline has passed
   * @throws FailedElsewhere if the role failed at it
   */
  byte[] ask(String method, byte[] body, Duration most) {
    return ask(method, body, most, false);
  }

  /** The same without a second attempt, for what a repeat would be answered otherwise. */
  byte[] askOnce(String method, byte[] body, Duration most) {
    return ask(method, body, most, true);
  }

  private byte[] ask(String method, byte[] body, Duration most, boolean once) {
    var permit = limit.tryAcquire(false).orElseThrow(this::noRoom);
    underWay.incrementAndGet();
    budget.called();
    try {
      var answer =
          once ? attempt(method, body, most) : retry.invoke(() -> attempt(method, body, most));
      permit.success();
      return answer;
    } catch (Unreachable e) {
      failures.increment();
      permit.dropped(); // The limit becomes less.
      throw new Overloaded(e.getMessage());
    } catch (Full e) {
      permit.dropped();
      throw new Overloaded(e.getMessage());
    } catch (RuntimeException | Error e) {
      permit.ignore();
      throw e;
    } finally {
      underWay.decrementAndGet();
    }
  }

  private Overloaded noRoom() {
    full.increment();
    return new Overloaded(role + " has as many calls under way as it takes");
  }

  Duration timeout() {
    return settings.timeout();
  }

  /** How long a caller waits whose question goes with others: until the last attempt is over. */
  Duration patience() {
    return settings.timeout().multipliedBy(settings.attemptsMax());
  }

  Duration auditTimeout() {
    return settings.auditTimeout();
  }

  /** Exponential, with full jitter; empty if there is to be no further attempt. */
  private Optional<Long> pause(int attempt) {
    long pause = PAUSE.jittered(attempt + 1).toMillis();
    if (Deadline.left(RETRIES_MAX).toMillis() <= pause || !budget.take()) {
      return Optional.empty();
    }
    retries.increment();
    return Optional.of(pause);
  }

  /**
   * At the next address in turn that is not left alone. Who does not know the method is passed over
   * for the one after it.
   */
  private byte[] attempt(String method, byte[] body, Duration most) {
    int from = turn.getAndIncrement();
    int ignorant = 0;
    for (int i = 0; i < addresses.size(); i++) {
      var address = addresses.get(Math.floorMod(from + i, addresses.size()));
      if (address.breaker().state() != State.OPEN) {
        try {
          return attempt(address, method, body, most);
        } catch (UnknownThere _) {
          ignorant++;
        }
      }
    }
    if (ignorant == addresses.size()) {
      throw new FailedElsewhere(
          FailureCategory.BUG, role + " does not know " + method + ": it is of an older version");
    }
    // Nobody to ask at present: another attempt a moment later would find the same.
    leftAlone.increment();
    throw new Overloaded(role + " is left alone, it failed before");
  }

  /**
   * A caller in a hurry says nothing of an address that others find in order, so the breaker is not
   * told of it; one that is on trial has to prove itself to everybody.
   */
  private byte[] attempt(Address address, String method, byte[] body, Duration most) {
    var left = Deadline.left(most);
    if (!left.isPositive()) {
      throw new Late("no time left to ask " + role);
    }
    if (left.compareTo(most.dividedBy(HURRIED_PART)) < 0
        && address.breaker().state() == State.CLOSED) {
      return exchange.send(address.url(), method, body, left, true);
    }
    try {
      return Breakers.invoke(
          address.breaker(), () -> exchange.send(address.url(), method, body, left, false));
    } catch (CircuitBreakerOpenException e) {
      throw new Unreachable(role + " at " + address.url() + " has just failed elsewhere");
    }
  }
}
