package flashsale.payments;

import flashsale.payments.PaymentGateway.NoAnswer;
import flashsale.platform.metrics.Meters;
import io.helidon.faulttolerance.CircuitBreakerOpenException;
import io.micrometer.core.instrument.Counter;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Asks the gateway, many questions side by side, but bounded in number and in time, and not while
 * it is left alone ({@link GatewayBreaker}). A call whose time is up is not interrupted (it would
 * break the connection in the middle of a charge): nobody waits for it any more, it keeps its place
 * until it ends, and its answer is told late. Thread-safe.
 */
final class GatewayCalls {
  private static final Logger LOG = LoggerFactory.getLogger(GatewayCalls.class);

  /**
   * One question.
   *
   * @param late told the answer if it comes after its time
   */
  record Question<T>(Callable<T> ask, Consumer<T> late) {
    static <T> Question<T> of(Callable<T> ask) {
      return new Question<>(ask, late -> {});
    }
  }

  private final int callsMax;
  private final Duration timeout;
  private final Semaphore places;
  private final GatewayBreaker breaker;
  private final Counter full;

  /**
   * With its bounds.
   *
   * @param callsMax calls at a time; others wait for a place within their time
   * @param timeout for one question, waiting included
   * @param breakerDelay how long a gateway that did not answer is left alone
   */
  GatewayCalls(int callsMax, Duration timeout, Duration breakerDelay, Meters meters) {
    this.callsMax = callsMax;
    this.timeout = timeout;
    this.places = new Semaphore(callsMax, true);
    this.breaker = new GatewayBreaker(breakerDelay, meters);
    this.full =
        meters.counter(
            "flashsale.gateway.full",
            "Calls of the payment gateway not made because as many as may be were under way",
            "role",
            "payments");
    meters.gauge(
        "flashsale.gateway.calls",
        "Calls of the payment gateway under way",
        "role",
        "payments",
        this::underWay);
  }

  /** Calls under way now, those nobody waits for included. */
  int underWay() {
    return callsMax - places.availablePermits();
  }

  /** Whether a question would not be asked at present. */
  boolean leftAlone() {
    return breaker.isOpen();
  }

  /** How the gateway is, for {@code /health}. */
  String state() {
    return breaker.state();
  }

  /** The answers in the order of the questions; nothing where there was none in time. */
  <T> List<Optional<T>> ask(List<Question<T>> questions) {
    long deadline = System.nanoTime() + timeout.toNanos();
    var answers = questions.stream().map(question -> start(question, deadline)).toList();
    return answers.stream().map(GatewayCalls::await).toList();
  }

  private <T> FutureTask<T> start(Question<T> question, long deadline) {
    var answer = new FutureTask<>(() -> inPlace(question, deadline));
    Thread.startVirtualThread(answer);
    return answer;
  }

  private <T> T inPlace(Question<T> question, long deadline) throws InterruptedException {
    if (breaker.isOpen()) {
      throw breaker.leftAlone();
    }
    if (!breaker.isClosed()) {
      // Calls that hang may have all places: nobody waits for one of them to end.
      if (!places.tryAcquire()) {
        throw breaker.leftAlone();
      }
    } else if (!places.tryAcquire(deadline - System.nanoTime(), TimeUnit.NANOSECONDS)) {
      full.increment();
      throw new NoAnswer("all " + callsMax + " lines to the gateway are busy");
    }
    try {
      return breaker.ask(() -> answer(call(question), deadline));
    } catch (CircuitBreakerOpenException e) {
      places.release();
      throw breaker.leftAlone();
    }
  }

  /** Makes the call, which has a place and gives it back when it ends. */
  private <T> FutureTask<T> call(Question<T> question) {
    var answer = new AtomicReference<T>();
    var begun = new AtomicBoolean();
    var call =
        new FutureTask<T>(
            () -> {
              begun.set(true);
              try {
                answer.set(question.ask().call());
                return answer.get();
              } finally {
                places.release();
              }
            });
    Thread.startVirtualThread(
        () -> {
          call.run();
          if (!begun.get()) {
            places.release(); // Given up before it could begin.
          }
          if (call.isCancelled() && answer.get() != null) {
            tellLate(question, answer.get());
          }
        });
    return call;
  }

  private static <T> void tellLate(Question<T> question, T answer) {
    try {
      question.late().accept(answer);
    } catch (RuntimeException e) {
      LOG.warn("a late answer of the gateway is asked for again: {}", e.toString());
    }
  }

  private <T> T answer(FutureTask<T> call, long deadline) {
    try {
      return call.get(deadline - System.nanoTime(), TimeUnit.NANOSECONDS);
    } catch (TimeoutException e) {
      // An answer that came at the last moment wins over the end of patience.
      if (!call.cancel(false)) {
        return answer(call, deadline);
      }
      throw new NoAnswer("the gateway did not answer in " + timeout.toMillis() + " ms");
    } catch (InterruptedException e) {
      call.cancel(false);
      Thread.currentThread().interrupt();
      throw new NoAnswer("nobody waits for the gateway any more");
    } catch (ExecutionException e) {
      throw switch (e.getCause()) {
        // Of the adapter: only that of the breaker here says that no call was made.
        case CircuitBreakerOpenException open -> new NoAnswer(open.getMessage());
        case RuntimeException failure -> failure;
        case Throwable failure -> new CompletionException(failure);
      };
    }
  }

  private static <T> Optional<T> await(FutureTask<T> answer) {
    try {
      return Optional.of(answer.get());
    } catch (InterruptedException e) {
      answer.cancel(true);
      Thread.currentThread().interrupt();
      return Optional.empty();
    } catch (ExecutionException e) {
      return failed(e.getCause());
    }
  }

  /** Whatever went wrong at the gateway, it is not known what it did. */
  private static <T> Optional<T> failed(Throwable cause) {
    if (cause instanceof CompletionException && cause.getCause() instanceof Error e) {
      throw e;
    }
    if (!(cause instanceof NoAnswer)) {
      LOG.warn("a call of the gateway failed", cause);
    }
    return Optional.empty();
  }
}
