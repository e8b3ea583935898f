package flashsale.payments;

import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Asks the gateway, many questions side by side, but bounded in number and in time. A call whose
 * time is up is not interrupted (it would break the connection in the middle of a charge): nobody
 * waits for it any more, it keeps its place until it ends, and its answer is told late.
 * Thread-safe.
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

  /**
   * With its bounds.
   *
   * @param callsMax calls at a time; others wait for a place within their time
   * @param timeout for one question, waiting included
   */
  GatewayCalls(int callsMax, Duration timeout) {
    this.callsMax = callsMax;
    this.timeout = timeout;
    this.places = new Semaphore(callsMax, true);
  }

  /** Calls under way now, those nobody waits for included. */
  int underWay() {
    return callsMax - places.availablePermits();
  }

  /** The answers in the order of the questions; nothing where there was none in time. */
  <T> List<Optional<T>> ask(List<Question<T>> questions) {
    long deadline = System.nanoTime() + timeout.toNanos();
    var calls = questions.stream().map(this::start).toList();
    return calls.stream().map(call -> await(call, deadline)).toList();
  }

  private <T> FutureTask<T> start(Question<T> question) {
    var answer = new AtomicReference<T>();
    var call =
        new FutureTask<T>(
            () -> {
              var given = inPlace(question.ask());
              answer.set(given);
              return given;
            });
    Thread.startVirtualThread(
        () -> {
          call.run();
          if (call.isCancelled() && answer.get() != null) {
            tellLate(question, answer.get());
          }
        });
    return call;
  }

  private <T> T inPlace(Callable<T> ask) throws Exception {
    if (!places.tryAcquire(timeout.toNanos(), TimeUnit.NANOSECONDS)) {
      throw new PaymentGateway.NoAnswer("all " + callsMax + " lines to the gateway are busy");
    }
    try {
      return ask.call();
    } finally {
      places.release();
    }
  }

  private static <T> void tellLate(Question<T> question, T answer) {
    try {
      question.late().accept(answer);
    } catch (RuntimeException e) {
      LOG.warn("a late answer of the gateway is asked for again: {}", e.toString());
    }
  }

  private static <T> Optional<T> await(FutureTask<T> call, long deadline) {
    try {
      return Optional.of(call.get(deadline - System.nanoTime(), TimeUnit.NANOSECONDS));
    } catch (TimeoutException e) {
      // An answer that came at the last moment wins over the end of patience.
      return call.cancel(false) ? Optional.empty() : await(call, deadline);
    } catch (InterruptedException e) {
      call.cancel(false);
      Thread.currentThread().interrupt();
      return Optional.empty();
    } catch (ExecutionException e) {
      return failed(e.getCause());
    }
  }

  /** Whatever went wrong at the gateway, it is not known what it did. */
  private static <T> Optional<T> failed(Throwable cause) {
    if (cause instanceof Error e) {
      throw e;
    }
    if (!(cause instanceof PaymentGateway.NoAnswer)) {
      LOG.warn("a call of the gateway failed", cause);
    }
    return Optional.empty();
  }
}
