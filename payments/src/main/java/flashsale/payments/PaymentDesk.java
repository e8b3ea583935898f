package flashsale.payments;

import flashsale.contracts.AuditRow;
import flashsale.contracts.CheckoutUnavailable;
import flashsale.contracts.Fact;
import flashsale.contracts.Fact.HoldExtended;
import flashsale.contracts.Fact.HoldGone;
import flashsale.contracts.Fact.HoldLost;
import flashsale.contracts.Fact.PaymentCaptured;
import flashsale.contracts.Fact.PaymentRequested;
import flashsale.contracts.Fact.RefundRequested;
import flashsale.contracts.Fact.ReservationSettled;
import flashsale.contracts.OrderIds;
import flashsale.contracts.PaymentState;
import flashsale.contracts.Payments;
import flashsale.payments.GatewayCalls.Question;
import flashsale.payments.PaymentGateway.Outcome;
import flashsale.platform.batching.Late;
import flashsale.platform.messaging.Changes;
import flashsale.platform.messaging.Envelopes;
import flashsale.platform.messaging.Outbox;
import flashsale.platform.metrics.Meters;
import flashsale.platform.persistence.Database;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.Callable;
import java.util.concurrent.ThreadLocalRandom;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Charges and gives back. The gateway is asked outside any transaction, the questions of a batch
 * side by side; then one transaction writes everything that became known. A process may die between
 * the two: the payment stays PENDING, and {@link PaymentResolver} asks the gateway under the same
 * key. Thread-safe, also beside other instances on the same database.
 */
public final class PaymentDesk implements Payments {
  private static final Logger LOG = LoggerFactory.getLogger(PaymentDesk.class);
  private static final Duration RETRY_REFUND = Duration.ofSeconds(2);

  /**
   * Limits.
   *
   * @param gatewayTimeout for an answer of the gateway; then the payment is UNKNOWN
   * @param gatewayCallsMax calls of the gateway at a time; a call without a place counts as
   *     unanswered
   * @param breakerDelay how long a gateway that did not answer is left alone
   * @param paymentsPerOrderMax attempts to pay one order
   * @param openQueueMax payments waiting to be begun; more are refused at once
   * @param openBatchMax payments begun in one statement
   * @param openTimeout for beginning one
   * @param walkLease for how long whoever captured a payment, or asked for a refund, drives it on
   *     himself; longer than a walk
   * @param pendingLookAfter age at which a PENDING payment is taken for interrupted; longer than a
   *     walk
   * @param cancelAfter age at which a payment the gateway does not know is cancelled there
   * @param lookEvery how often interrupted and unanswered payments are looked for
   * @param looksMax how many of them at a time
   * @param backoffFirst until the gateway is asked again, at most; doubles with each time
   * @param backoffMax where that ends
   */
  public record Settings(
      Duration gatewayTimeout,
      int gatewayCallsMax,
      Duration breakerDelay,
      int paymentsPerOrderMax,
      int openQueueMax,
      int openBatchMax,
      Duration openTimeout,
      Duration walkLease,
      Duration pendingLookAfter,
      Duration cancelAfter,
      Duration lookEvery,
      int looksMax,
      Duration backoffFirst,
      Duration backoffMax) {

    /** For walks of five seconds. */
    public static Settings defaults() {
      return new Settings(
          Duration.ofSeconds(2),
          256,
          Duration.ofSeconds(1),
          20,
          4_096,
          256,
          Duration.ofSeconds(5),
          Duration.ofSeconds(10),
          Duration.ofSeconds(15),
          Duration.ofSeconds(10),
          Duration.ofMillis(500),
          64,
          Duration.ofSeconds(1),
          Duration.ofMinutes(1));
    }
  }

  private final PaymentBook book;
  private final PaymentGateway gateway;
  private final GatewayCalls calls;
  private final Settings settings;

  /**
   * Over its own database.
   *
   * @param gateway its answers that come by themselves are listened to from now on
   * @param changes is told of every payment about which something became known
   */
  public PaymentDesk(
      Database database,
      Outbox outbox,
      Envelopes<Fact> envelopes,
      PaymentGateway gateway,
      Changes changes,
      InstantSource clock,
      Settings settings,
      Meters meters) {
    this.book = new PaymentBook(database, outbox, envelopes, changes, clock, settings);
    this.gateway = gateway;
    this.calls =
        new GatewayCalls(
            settings.gatewayCallsMax(), settings.gatewayTimeout(), settings.breakerDelay(), meters);
    this.settings = settings;
    gateway.onAnswer(this::answered);
  }

  /** Starts to look for interrupted and unanswered payments, until it is closed. */
  public PaymentResolver keepAsking() {
    return new PaymentResolver(book, gateway, calls, settings);
  }

  /** The walk that began with this fact, for nobody who waited, has come to its end. */
  public void walked(Fact first, Fact end) {
    if (!(end instanceof ReservationSettled)) {
      return;
    }
    if (first instanceof PaymentRequested p) {
      book.walked(p.paymentId());
    } else if (first instanceof PaymentCaptured p) {
      book.walked(p.paymentId());
    }
  }

  /**
   * Whether this fact is in the outbox here, which drives it on from now: money that was captured
   * is. Should the outbox not be reached, it does so after the lease.
   */
  public boolean driveOn(Fact fact) {
    if (!(fact instanceof PaymentCaptured captured)) {
      return false;
    }
    try {
      book.driveOn(captured.paymentId());
    } catch (RuntimeException e) {
      LOG.warn("payment {} is driven on later: {}", captured.paymentId(), e.toString());
    }
    return true;
  }

  PaymentBook book() {
    return book;
  }

  Settings settings() {
    return settings;
  }

  boolean knows(String method) {
    return gateway.knows(method);
  }

  /** Calls of the gateway under way now, those nobody waits for any more included. */
  int callsUnderWay() {
    return calls.underWay();
  }

  /** How the gateway is, for {@code /health}: {@code UP}, {@code DEGRADED} or {@code DOWN}. */
  public String gatewayState() {
    return calls.state();
  }

  /**
   * {@inheritDoc}
   *
   * @throws CheckoutUnavailable if the gateway did not answer to a refund; what else became known
   *     is written, and a repeat repeats it
   */
  @Override
  public List<Fact> apply(List<Fact> facts) {
    var payments = paymentsOf(facts);
    var questions = new ArrayList<Question<Settlement>>();
    var asked = new ArrayList<PaymentRow>();
    for (int i = 0; i < facts.size(); i++) {
      var question = question(facts.get(i), payments.get(i));
      if (question.isPresent()) {
        questions.add(question.get());
        asked.add(payments.get(i));
      }
    }
    var settled = book.settle(settlements(asked, calls.ask(questions)), settings.walkLease());
    var answers = new ArrayList<Fact>(facts.size());
    for (int i = 0; i < facts.size(); i++) {
      var before = payments.get(i);
      answers.add(answer(facts.get(i), settled.getOrDefault(before.paymentId(), before)));
    }
    return answers;
  }

  /** The payment that each fact is about. */
  private List<PaymentRow> paymentsOf(List<Fact> facts) {
    var paymentIds = new ArrayList<UUID>();
    var orderIds = new ArrayList<UUID>();
    for (var fact : facts) {
      if (fact instanceof RefundRequested f) {
        orderIds.add(f.orderId());
      } else {
        paymentIds.add(paymentId(fact));
      }
    }
    var byId = paymentIds.isEmpty() ? Map.<UUID, PaymentRow>of() : book.find(paymentIds);
    var byOrder = orderIds.isEmpty() ? Map.<UUID, PaymentRow>of() : book.ofOrders(orderIds);
    return facts.stream()
        .map(
            f ->
                existing(
                    f,
                    f instanceof RefundRequested r
                        ? byOrder.get(r.orderId())
                        : byId.get(paymentId(f))))
        .toList();
  }

  private static PaymentRow existing(Fact fact, PaymentRow payment) {
    if (payment == null) {
      throw new IllegalStateException("there is no payment for " + fact);
    }
    return payment;
  }

  private static UUID paymentId(Fact fact) {
    return switch (fact) {
      case HoldExtended f -> f.paymentId();
      case HoldGone f -> f.paymentId();
      case HoldLost f -> f.paymentId();
      default -> throw new IllegalArgumentException("payments do not take " + fact);
    };
  }

  /** What the gateway is to be asked about this; nothing if there is a first outcome already. */
  private Optional<Question<Settlement>> question(Fact fact, PaymentRow payment) {
    var id = payment.paymentId();
    boolean pending = payment.state() == PaymentState.PENDING;
    boolean captured = payment.state() == PaymentState.CAPTURED;
    return switch (fact) {
      case HoldExtended f when pending ->
          ask(() -> settlement(id, gateway.charge(payment.charge()), PaymentRow.NOT_CHARGED));
      // An earlier walk may have charged and died before it could write that, so "nothing was
      // charged" is not ours to say but the gateway's.
      case HoldGone f when pending ->
          ask(() -> settlement(id, gateway.cancel(id), PaymentRow.HOLD_GONE));
      case HoldLost f when captured -> ask(() -> refund(id, true));
      case RefundRequested f when captured -> ask(() -> refund(id, false));
      default -> Optional.empty();
    };
  }

  private Optional<Question<Settlement>> ask(Callable<Settlement> question) {
    return Optional.of(new Question<>(question, late -> book.settle(List.of(late), Duration.ZERO)));
  }

  private Settlement refund(UUID paymentId, boolean holdLost) {
    gateway.refund(paymentId);
    return new Settlement.Refunded(paymentId, holdLost);
  }

  /** What an outcome at the gateway means for us; {@code cancelled} is why it was cancelled. */
  static Settlement settlement(UUID paymentId, Outcome outcome, String cancelled) {
    return switch (outcome) {
      case Outcome.Captured o -> new Settlement.Captured(paymentId, o.reference());
      case Outcome.Declined o -> new Settlement.Declined(paymentId, o.reason());
      case Outcome.Cancelled o -> new Settlement.Declined(paymentId, cancelled);
    };
  }

  /** An unanswered charge is a state of the payment; an unanswered refund is asked for again. */
  private List<Settlement> settlements(List<PaymentRow> asked, List<Optional<Settlement>> answers) {
    var settlements = new ArrayList<Settlement>(asked.size());
    for (int i = 0; i < asked.size(); i++) {
      var payment = asked.get(i);
      if (answers.get(i).isPresent()) {
        settlements.add(answers.get(i).get());
      } else if (payment.open()) {
        settlements.add(new Settlement.Unanswered(payment.paymentId(), lookAt()));
      }
    }
    return settlements;
  }

  private Instant lookAt() {
    long most = settings.backoffFirst().toMillis();
    return book.now().plusMillis(ThreadLocalRandom.current().nextLong(most + 1));
  }

  private static Fact answer(Fact fact, PaymentRow payment) {
    if (fact instanceof HoldExtended || fact instanceof HoldGone) {
      return payment.charged();
    }
    if (payment.state() == PaymentState.CAPTURED) {
      throw new CheckoutUnavailable(
          "the payment gateway did not answer to the refund of " + payment.paymentId(),
          RETRY_REFUND,
          new Late("the gateway did not answer"));
    }
    return payment.refunded(fact instanceof HoldLost f ? f.resolvedAs() : null);
  }

  /** The gateway spoke by itself: late, or a second time. The first answer stays. */
  private void answered(UUID paymentId, Outcome outcome) {
    try {
      book.settle(List.of(settlement(paymentId, outcome, PaymentRow.NOT_CHARGED)), Duration.ZERO);
    } catch (RuntimeException e) {
      LOG.warn("payment {} is asked about again: {}", paymentId, e.toString());
    }
  }

  @Override
  public List<PaymentRequested> pending(
      Instant from, Instant to, Optional<PaymentRequested> after, int max) {
    return book.pending(from, to, after, max);
  }

  @Override
  public List<AuditRow.Payment> payments(Optional<UUID> after, int max) {
    return book.after(after, max);
  }

  @Override
  public List<AuditRow.Charge> charges(Optional<UUID> after, int max) {
    var statement =
        calls
            .ask(List.of(Question.of(() -> gateway.charges(after, max))))
            .getFirst()
            .orElseThrow(
                () ->
                    new CheckoutUnavailable(
                        "the payment gateway does not tell its statement", RETRY_REFUND, null));
    // Read later than the statement: what the gateway has captured may be booked by now.
    var payments = book.find(statement.stream().map(PaymentGateway.Entry::key).toList());
    return statement.stream().map(e -> charge(e, payments.get(e.key()))).toList();
  }

  private static AuditRow.Charge charge(PaymentGateway.Entry entry, PaymentRow payment) {
    long taken = entry.refunded() ? 0 : entry.amountMinor();
    return new AuditRow.Charge(
        entry.key(),
        entry.orderId(),
        OrderIds.reservationOf(entry.orderId()),
        taken,
        payment == null ? 0 : payment.bookedMinor(taken));
  }
}
