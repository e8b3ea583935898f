package flashsale.payments;

import flashsale.contracts.CheckoutUnavailable;
import flashsale.contracts.Fact;
import flashsale.contracts.Fact.HoldExtended;
import flashsale.contracts.Fact.HoldGone;
import flashsale.contracts.Fact.HoldLost;
import flashsale.contracts.Fact.PaymentDeclined;
import flashsale.contracts.Fact.PaymentUnanswered;
import flashsale.contracts.Fact.RefundRequested;
import flashsale.contracts.Fact.ReservationSettled;
import flashsale.contracts.HoldState;
import flashsale.contracts.Order;
import flashsale.contracts.PaymentState;
import flashsale.platform.ids.Ids;
import flashsale.platform.messaging.Changes;
import flashsale.platform.messaging.DeadLetters;
import flashsale.platform.messaging.Envelopes;
import flashsale.platform.messaging.Outbox;
import flashsale.platform.messaging.Relay;
import flashsale.platform.metrics.Meters;
import flashsale.platform.persistence.Database;
import flashsale.platform.persistence.TestPostgres;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.UUID;

/**
 * The payments role over real databases, with the sandbox gateway behind a line that can be cut,
 * and a real walk through it and its neighbours.
 */
final class PayingShop {
  static final Instant NOON = Instant.parse("2026-11-27T12:00:00Z");
  static final Duration PATIENCE = Duration.ofSeconds(1);
  static final SandboxGateway.Settings SANDBOX =
      new SandboxGateway.Settings(
          Duration.ofMillis(1), Duration.ofMillis(100), Duration.ofMillis(1_500), 0);

  final MovableClock clock = new MovableClock(NOON);
  final Neighbours neighbours = new Neighbours();
  final Database database = Databases.PAYMENTS;
  final SandboxGateway sandbox = new SandboxGateway(Databases.GATEWAY, clock, SANDBOX);
  final UnreliableGateway line = new UnreliableGateway(sandbox);
  final Outbox outbox = new Outbox(database);
  final Changes changes = new Changes(100);
  final Meters meters = new Meters();
  final Envelopes<Fact> envelopes = new Envelopes<>(Fact.TYPES);
  final PaymentDesk desk;
  private volatile Class<? extends Fact> blocked;

  /** One pair for all tests, which run one after the other; each begins with empty tables. */
  private static final class Databases {
    static final Database PAYMENTS = TestPostgres.open("payments");
    static final Database GATEWAY = TestPostgres.open("gateway");

    static void empty() {
      PAYMENTS.with(
          c ->
              c.createStatement()
                  .execute("DELETE FROM stray; DELETE FROM payment; DELETE FROM outbox"));
      GATEWAY.with(c -> c.createStatement().execute("DELETE FROM charge"));
    }
  }

  PayingShop() {
    this(settings(256));
  }

  PayingShop(PaymentDesk.Settings settings) {
    Databases.empty();
    desk = another(settings);
  }

  /** Another process's payments on the same database and the same line. */
  PaymentDesk another(PaymentDesk.Settings settings) {
    return new PaymentDesk(database, outbox, envelopes, line, changes, clock, settings, meters);
  }

  /** The defaults, with the patience of a test. */
  static PaymentDesk.Settings settings(int gatewayCallsMax) {
    return settings(gatewayCallsMax, PaymentDesk.Settings.defaults().breakerDelay());
  }

  static PaymentDesk.Settings settings(int gatewayCallsMax, Duration breakerDelay) {
    var defaults = PaymentDesk.Settings.defaults();
    return new PaymentDesk.Settings(
        PATIENCE,
        gatewayCallsMax,
        breakerDelay,
        5,
        defaults.openQueueMax(),
        defaults.openBatchMax(),
        Duration.ofSeconds(10),
        defaults.walkLease(),
        defaults.pendingLookAfter(),
        defaults.cancelAfter(),
        Duration.ofMillis(10),
        defaults.looksMax(),
        defaults.backoffFirst(),
        defaults.backoffMax());
  }

  /** The walk from a fact to its end. */
  Fact carry(Fact first) {
    var fact = first;
    while (true) {
      if (fact.getClass().equals(blocked)) {
        throw new CheckoutUnavailable("a role is down", Duration.ofSeconds(1), null, fact);
      }
      switch (fact) {
        case ReservationSettled f -> {
          return f;
        }
        case PaymentDeclined f -> {
          return f;
        }
        case PaymentUnanswered f -> {
          return f;
        }
        case HoldExtended f -> fact = apply(f);
        case HoldGone f -> fact = apply(f);
        case HoldLost f -> fact = apply(f);
        case RefundRequested f -> fact = apply(f);
        default -> fact = neighbours.hop(fact);
      }
    }
  }

  /** From now on every walk stops before this fact is taken; null: none does. */
  void block(Class<? extends Fact> before) {
    blocked = before;
  }

  Fact apply(Fact fact) {
    return desk.apply(List.of(fact)).getFirst();
  }

  Relay relay() {
    return new Relay(
        "payments",
        outbox,
        clock,
        message -> carry(envelopes.open(message.envelope()).message()),
        new DeadLetters(database, outbox, clock));
  }

  Order order() {
    return neighbours.place(Ids.next(), clock.instant());
  }

  /** A payment of this order that is PENDING. */
  PaymentRow open(Order order, SandboxCard card) {
    var row =
        PaymentRow.requested(
            Ids.next(),
            order,
            card.token(),
            "print",
            clock.instant(),
            clock.instant().plus(desk.settings().pendingLookAfter()));
    if (!(desk.book().open(List.of(row)).getFirst() instanceof PaymentBook.Opening.Opened)) {
      throw new AssertionError("the order has a payment already");
    }
    return row;
  }

  PaymentRow open(SandboxCard card) {
    return open(order(), card);
  }

  /** A payment that is CAPTURED, with its walk not gone on. */
  PaymentRow captured() {
    var row = open(SandboxCard.OK);
    apply(extended(row));
    return current(row);
  }

  PaymentRow current(PaymentRow row) {
    return desk.book().find(row.paymentId()).orElseThrow();
  }

  PaymentState state(PaymentRow row) {
    return current(row).state();
  }

  static HoldExtended extended(PaymentRow row) {
    return new HoldExtended(
        row.paymentId(),
        row.orderId(),
        row.reservationId(),
        row.customerId(),
        row.amountMinor(),
        row.currency(),
        row.method(),
        NOON.plusSeconds(120));
  }

  static HoldGone gone(PaymentRow row) {
    return new HoldGone(row.paymentId(), row.orderId(), row.reservationId(), row.customerId());
  }

  static HoldLost lost(PaymentRow row) {
    return new HoldLost(
        row.reservationId(),
        row.customerId(),
        row.orderId(),
        row.paymentId(),
        NOON,
        HoldState.RELEASED);
  }

  static RefundRequested refund(PaymentRow row) {
    return new RefundRequested(
        row.orderId(), row.reservationId(), row.customerId(), new UUID(0, 1), NOON);
  }

  /** What the gateway took for the order of this payment. */
  SandboxGateway.Statement statement(PaymentRow row) {
    return sandbox.statement(row.orderId());
  }
}
