package flashsale.doors;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import flashsale.platform.batching.Late;
import flashsale.platform.batching.Overloaded;
import flashsale.platform.json.Json;
import flashsale.platform.messaging.FailedElsewhere;
import flashsale.platform.messaging.FailureCategory;
import flashsale.platform.metrics.Meters;
import flashsale.platform.time.Backoff;
import flashsale.platform.time.Deadline;
import io.helidon.common.concurrency.limits.AimdLimit;
import io.helidon.faulttolerance.CircuitBreaker;
import io.helidon.faulttolerance.CircuitBreaker.State;
import io.helidon.faulttolerance.CircuitBreakerOpenException;
import io.helidon.faulttolerance.Retry;
import io.micrometer.core.instrument.Counter;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

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

  /** How many milliseconds the caller still waits. */
  static final String DEADLINE = "Deadline-Millis";

  private static final Logger LOG = LoggerFactory.getLogger(Peer.class);
  private static final int CONCURRENCY_FIRST = 16;

  /** Of so many calls in a row the breaker looks at the share of failures. */
  private static final int BREAKER_CALLS = 5;

  private static final int BREAKER_FAILURES_PERCENT = 40;
  private static final Backoff PAUSE = new Backoff(Duration.ofMillis(20), Duration.ofMillis(500));

  /**
   * Larger bodies are sent after the head was answered: who refuses one while it is being sent
   * resets the connection, and why is lost. Every door takes smaller ones.
   */
  private static final int ASK_FIRST_BYTES = 64 * 1_024;

  /** Retries end with the deadline; Helidon wants a limit of its own beside that. */
  private static final Duration RETRIES_MAX = Duration.ofMinutes(10);

  /** Who has less than this part of the usual time left is in a hurry. */
  private static final int HURRIED_PART = 2;

  /** Every call meets a wrong secret; a line for each would bury all others. */
  private static final Duration LOG_EVERY = Duration.ofMinutes(1);

  /** The call did not come through, or the process there is on its way out. */
  private static final class Unreachable extends RuntimeException {
    private static final long serialVersionUID = 1L;

    Unreachable(String message) {
      super(message, null, false, false);
    }
  }

  /** It is there and has no room: asking again would press harder, asking less helps. */
  private static final class Full extends RuntimeException {
    private static final long serialVersionUID = 1L;

    Full(String message) {
      super(message, null, false, false);
    }
  }

  /** The process there has no such method; others may. */
  private static final class UnknownThere extends RuntimeException {
    private static final long serialVersionUID = 1L;

    UnknownThere(String message) {
      super(message, null, false, false);
    }
  }

  private record Address(URI url, CircuitBreaker breaker) {}

  private final String role;
  private final List<Address> addresses;
  private final ServiceToken token;
  private final Settings settings;
  private final HttpClient http;
  private final AimdLimit limit;
  private final Retry retry;
  private final RetryBudget budget = new RetryBudget();
  private final AtomicInteger turn = new AtomicInteger();
  private final AtomicInteger underWay = new AtomicInteger();
  private final AtomicLong refusalLoggedNanoTime =
      new AtomicLong(System.nanoTime() - LOG_EVERY.toNanos());
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
    this.token = token;
    this.settings = settings;
    this.http = http;
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
        } catch (UnknownThere e) {
          ignorant++;
          LOG.debug("{} at {} has no {}", role, address.url(), method, e);
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
      return send(address, method, body, left, true);
    }
    try {
      return address.breaker().invoke(() -> send(address, method, body, left, false));
    } catch (CircuitBreakerOpenException e) {
      throw new Unreachable(role + " at " + address.url() + " has just failed elsewhere");
    }
  }

  private byte[] send(Address address, String method, byte[] body, Duration left, boolean hurried) {
    var request =
        HttpRequest.newBuilder(address.url().resolve(DoorRoutes.path(role, method)))
            .header("Authorization", "Bearer " + token.text())
            .header("Content-Type", "application/json")
            .header(DEADLINE, Long.toString(Math.max(1, left.toMillis())))
            .expectContinue(body.length >= ASK_FIRST_BYTES)
            .POST(BodyPublishers.ofByteArray(body))
            .build();
    try {
      return answer(address, exchange(request, left));
    } catch (TimeoutException e) {
      var said = role + " at " + address.url() + " gave no answer in " + left.toMillis() + " ms";
      throw hurried ? new Late(said) : new Unreachable(said);
    } catch (IOException e) {
      throw new Unreachable(role + " at " + address.url() + " does not answer: " + said(e));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new Late("interrupted while asking " + role);
    }
  }

  /** The time is for all of it: connecting, the answer's head and its body. */
  private HttpResponse<byte[]> exchange(HttpRequest request, Duration left)
      throws IOException, InterruptedException, TimeoutException {
    var answer = http.sendAsync(request, BodyHandlers.ofByteArray());
    try {
      return answer.get(left.toNanos(), TimeUnit.NANOSECONDS);
    } catch (TimeoutException | InterruptedException e) {
      answer.cancel(true);
      throw e;
    } catch (ExecutionException e) {
      throw e.getCause() instanceof IOException io ? io : new IOException(e.getCause());
    }
  }

  private static String said(IOException e) {
    return e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
  }

  private byte[] answer(Address address, HttpResponse<byte[]> response) {
    int status = response.statusCode();
    if (status == 200) {
      return response.body();
    }
    var problem = problem(response.body());
    var said = role + ": " + problem.path("detail").asText("status " + status);
    var code = problem.path("code").asText();
    throw switch (status) {
      case 400, 409, 500 -> new FailedElsewhere(category(code), said);
      case 413 -> new FailedElsewhere(FailureCategory.BAD_INPUT, said);
      case 404 -> new UnknownThere(said);
      case 401, 403 -> {
        logRefusal(address);
        yield new Overloaded(role + " refuses this process");
      }
      case 503 ->
          switch (code) {
            case "OVERLOADED" -> new Full(said);
            // It is there, and trying at once would only press harder.
            case "DEPENDENCY_DOWN" -> new Overloaded(said);
            default -> new Unreachable(said);
          };
      default -> new Unreachable(said); // A proxy's own answer, for example.
    };
  }

  private void logRefusal(Address address) {
    long now = System.nanoTime();
    long before = refusalLoggedNanoTime.get();
    if (now - before >= LOG_EVERY.toNanos() && refusalLoggedNanoTime.compareAndSet(before, now)) {
      LOG.error("{} at {} does not accept this process's doors.token", role, address.url());
    }
  }

  private static FailureCategory category(String code) {
    try {
      return FailureCategory.valueOf(code);
    } catch (IllegalArgumentException e) {
      return FailureCategory.BUG;
    }
  }

  private static JsonNode problem(byte[] body) {
    try {
      return Json.tolerant().readTree(new String(body, StandardCharsets.UTF_8));
    } catch (JsonProcessingException e) {
      return Json.tolerant().createObjectNode();
    }
  }
}
