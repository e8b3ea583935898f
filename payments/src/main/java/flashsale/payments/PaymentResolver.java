package flashsale.payments;

import flashsale.payments.GatewayCalls.Question;
import flashsale.payments.PaymentGateway.Outcome;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.Callable;
import java.util.concurrent.locks.LockSupport;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Finds out what became of payments whose outcome is missing: the gateway gave no answer, or the
 * process died between the charge and its row. It asks the gateway under the same key, with
 * exponential backoff and full jitter for each payment. A gateway that does not know the key may
 * still receive the charge, so after a while the key is cancelled there, which settles it either
 * way. What turns out to be captured is driven on by the outbox. It also gives back what the
 * gateway captured although it had promised not to.
 */
public final class PaymentResolver implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(PaymentResolver.class);
  private static final Duration CLOSE_MAX = Duration.ofSeconds(30);

  private final PaymentBook book;
  private final PaymentGateway gateway;
  private final GatewayCalls calls;
  private final PaymentDesk.Settings settings;
  private final Thread thread;
  private volatile boolean closing;

  /** Starts looking. */
  PaymentResolver(
      PaymentBook book, PaymentGateway gateway, GatewayCalls calls, PaymentDesk.Settings settings) {
    this.book = book;
    this.gateway = gateway;
    this.calls = calls;
    this.settings = settings;
    this.thread = Thread.ofVirtual().name("payment-resolver").start(this::run);
  }

  private void run() {
    boolean bounded = false;
    while (!closing) {
      int looked = 0;
      try {
        if (!bounded) {
          book.boundLooks();
          bounded = true;
        }
        // What is due waits for a gateway that is left alone, and for no longer than that.
        looked = calls.leftAlone() ? 0 : look() + giveBack();
      } catch (RuntimeException e) {
        LOG.warn("open payments are looked for again: {}", e.toString());
      } catch (Error e) {
        // Whatever it was, it is other people's money that waits here.
        LOG.error("looking for open payments failed badly and goes on", e);
      }
      if (looked < settings.looksMax() && !closing) {
        LockSupport.parkNanos(this, settings.lookEvery().toNanos());
      }
    }
  }

  /** One round: asks about what is due, writes the answers, and tells how many were due. */
  private int look() {
    var due = book.takeDue();
    if (due.isEmpty()) {
      return 0;
    }
    var answers = calls.ask(due.stream().map(this::question).toList());
    var settlements = new ArrayList<Settlement>();
    for (int i = 0; i < due.size(); i++) {
      var id = due.get(i).paymentId();
      answers
          .get(i)
          .flatMap(known -> known)
          .map(outcome -> PaymentDesk.settlement(id, outcome, PaymentRow.NOT_CHARGED))
          .ifPresent(settlements::add);
    }
    book.settle(settlements, Duration.ZERO);
    if (!settlements.isEmpty()) {
      LOG.info("{} of {} open payments are settled now", settlements.size(), due.size());
    }
    return due.size();
  }

  private Question<Optional<Outcome>> question(PaymentRow payment) {
    var age = Duration.between(payment.requestedAt(), book.now());
    return surviving(
        () ->
            age.compareTo(settings.cancelAfter()) < 0
                ? gateway.lookup(payment.paymentId())
                : Optional.of(gateway.cancel(payment.paymentId())));
  }

  /** Gives back what should not have been charged, and tells how many such were due. */
  private int giveBack() {
    var due = book.takeDueStrays();
    var answers = calls.ask(due.stream().map(id -> surviving(() -> gateway.refund(id))).toList());
    var refunded = new ArrayList<UUID>();
    for (int i = 0; i < due.size(); i++) {
      if (answers.get(i).isPresent()) {
        refunded.add(due.get(i));
      }
    }
    book.straysRefunded(refunded);
    return due.size();
  }

  /** An error in one call must not keep the answers of the others from being written. */
  private static <T> Question<T> surviving(Callable<T> ask) {
    return Question.of(
        () -> {
          try {
            return ask.call();
          } catch (Error e) {
            LOG.error("a call of the gateway failed badly", e);
            throw new PaymentGateway.NoAnswer(e.toString());
          }
        });
  }

  /** Finishes the round it is in. */
  @Override
  public void close() {
    closing = true;
    LockSupport.unpark(thread);
    try {
      thread.join(CLOSE_MAX);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
