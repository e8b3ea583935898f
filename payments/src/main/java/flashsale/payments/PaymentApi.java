package flashsale.payments;

import flashsale.contracts.Checkout;
import flashsale.contracts.CheckoutUnavailable;
import flashsale.contracts.Fact;
import flashsale.contracts.Fact.PaymentRequested;
import flashsale.contracts.Fact.ReservationSettled;
import flashsale.contracts.Order;
import flashsale.contracts.OrderState;
import flashsale.contracts.Orders;
import flashsale.contracts.PaymentState;
import flashsale.payments.PaymentBook.Opening;
import flashsale.platform.batching.Coalescer;
import flashsale.platform.http.Access;
import flashsale.platform.http.Answer;
import flashsale.platform.http.Call;
import flashsale.platform.http.Prefer;
import flashsale.platform.http.Problem;
import flashsale.platform.http.RouteClass;
import flashsale.platform.http.Routes;
import flashsale.platform.http.Watch;
import flashsale.platform.ids.Ids;
import flashsale.platform.messaging.Changes;
import flashsale.platform.metrics.Meters;
import java.time.Duration;
import java.time.InstantSource;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Payments over HTTP. The payment is PENDING, durably, before the walk begins; however the walk
 * ends, the answer is read from the payment's row. The id of a request with an Idempotency-Key is
 * derived from the customer and the key, so a repeat finds the first outcome, or takes an
 * interrupted walk up again.
 */
public final class PaymentApi implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(PaymentApi.class);
  private static final Duration RETRY_RUNNING = Duration.ofSeconds(1);
  private static final int METHOD_MAX_CHARS = 255;

  /** A payment that was only accepted is in the outbox; for so long nobody takes it for lost. */
  static final Duration ACCEPTED_LOOK_AFTER = Duration.ofMinutes(15);

  /** The body of {@code POST /payments}: what to pay, and the gateway's token to pay it with. */
  record Body(UUID orderId, String method) {}

  private final PaymentDesk desk;
  private final PaymentBook book;
  private final Orders orders;
  private final Checkout checkout;
  private final InstantSource clock;
  private final Prefer.Policy policy;
  private final Watch<PaymentRow> watch;
  private final Coalescer<UUID, Optional<PaymentRow>> lookups;
  private final Coalescer<PaymentRow, Opening> openings;
  private final Coalescer<PaymentRow, Opening> acceptances;

  /** Payments whose request is being answered by this process; no more than there are requests. */
  private final Set<UUID> underWay = ConcurrentHashMap.newKeySet();

  /**
   * Over the desk.
   *
   * @param changes is told of every payment about which something became known
   * @param policy which requests are answered with 202, and how long they may be held
   */
  public PaymentApi(
      PaymentDesk desk,
      Orders orders,
      Checkout checkout,
      InstantSource clock,
      Changes changes,
      Prefer.Policy policy,
      Meters meters) {
    this.policy = policy;
    this.watch =
        new Watch<>(
            changes,
            new Watch.Kind<>(
                "payment",
                this::watched,
                row -> row.state().name(),
                PaymentView::of,
                this::isFinal));
    meters.gauge(
        "flashsale.watches",
        "Requests and streams that wait for a change",
        "role",
        "payments",
        changes::watching);
    this.desk = desk;
    this.book = desk.book();
    this.orders = orders;
    this.checkout = checkout;
    this.clock = clock;
    var settings = desk.settings();
    this.lookups =
        meters.coalescer(
            "payment-lookup",
            settings.openBatchMax(),
            settings.openQueueMax(),
            ids -> {
              var found = book.find(ids);
              return ids.stream().map(id -> Optional.ofNullable(found.get(id))).toList();
            });
    this.openings =
        meters.coalescer(
            "payment-open", settings.openBatchMax(), settings.openQueueMax(), book::open);
    this.acceptances =
        meters.coalescer(
            "payment-accept", settings.openBatchMax(), settings.openQueueMax(), book::accept);
  }

  public void routes(Routes routes) {
    routes
        .classed(RouteClass.PURCHASE, "POST", "/api/v1/payments", Access.CUSTOMER, this::pay)
        .get("/api/v1/payments/{paymentId}", Access.CUSTOMER, this::get)
        .get("/api/v1/payments/{paymentId}/events", Access.CUSTOMER, this::events);
  }

  private Answer get(Call call) {
    return Answer.ok(PaymentView.of(own(call)));
  }

  /** Every change from now on, as it happens. */
  private Answer events(Call call) {
    var row = own(call);
    return watch.events(call, row.paymentId(), row);
  }

  /** All who watch a payment look at the same time, twice a second. */
  private Optional<PaymentRow> watched(UUID paymentId) {
    return lookups.submit(paymentId, desk.settings().openTimeout());
  }

  private PaymentRow own(Call call) {
    return book.look(call.pathId("paymentId", "payment"))
        .filter(row -> row.customerId().equals(call.caller().userId()))
        .orElseThrow(() -> Problem.notFound("payment"));
  }

  private Answer pay(Call call) {
    var customerId = call.caller().userId();
    var body = checked(call.body(Body.class));
    var key = call.idempotencyKey();
    if (key.isEmpty()) {
      return beginKeyless(customerId, body, call.prefer());
    }
    var id = Ids.derive(customerId, "payment/" + key.get());
    if (!underWay.add(id)) {
      throw Problem.conflict("STILL_RUNNING", "The first request with this key is being answered.")
          .retryAfter(RETRY_RUNNING);
    }
    try {
      var first = book.find(id);
      return first.isPresent()
          ? again(first.get(), body, call.prefer())
          : begin(id, customerId, body, call.prefer());
    } finally {
      underWay.remove(id);
    }
  }

  private Body checked(Body body) {
    if (body.orderId() == null || body.method() == null) {
      throw Problem.unprocessable("ORDER_AND_METHOD", "Send orderId and method.");
    }
    // What is no token may be a card number, so it is neither kept nor repeated anywhere.
    if (body.method().length() > METHOD_MAX_CHARS || !desk.knows(body.method())) {
      throw Problem.unprocessable("METHOD_UNKNOWN", "The payment gateway knows no such method.");
    }
    return body;
  }

  private static String fingerprint(Body body) {
    return Ids.derive(body.orderId(), body.method()).toString();
  }

  /** Nobody can take a payment without a key up again: it must not lock the order for nothing. */
  private Answer beginKeyless(UUID customerId, Body body, Prefer prefer) {
    var id = Ids.next();
    try {
      return begin(id, customerId, body, prefer);
    } catch (CheckoutUnavailable e) {
      if (e.stoppedAt().filter(PaymentRequested.class::isInstance).isPresent()) {
        giveUp(id);
      }
      throw e;
    }
  }

  /** The gateway has never heard of this payment and never will. */
  private void giveUp(UUID paymentId) {
    try {
      book.settle(
          List.of(new Settlement.Declined(paymentId, PaymentRow.NOT_CHARGED)), Duration.ZERO);
    } catch (RuntimeException e) {
      LOG.warn("payment {} is left to the resolver: {}", paymentId, e.toString());
    }
  }

  private Answer begin(UUID id, UUID customerId, Body body, Prefer prefer) {
    var order = payable(body.orderId(), customerId);
    var now = clock.instant().truncatedTo(ChronoUnit.MICROS);
    boolean async = policy.isAsync(prefer);
    var lookAt = now.plus(async ? ACCEPTED_LOOK_AFTER : desk.settings().pendingLookAfter());
    var row = PaymentRow.requested(id, order, body.method(), fingerprint(body), now, lookAt);
    var opening = (async ? acceptances : openings).submit(row, desk.settings().openTimeout());
    return switch (opening) {
      case Opening.Opened o -> async ? waited(o.row(), prefer) : walk(o.row(), o.row().request());
      case Opening.Known o -> again(o.row(), body, prefer);
      case Opening.OrderTaken o ->
          throw Problem.conflict(
                  "PAYMENT_IN_PROGRESS",
                  "Another payment of this order is still being processed or has been charged.")
              .retryAfter(RETRY_RUNNING);
      case Opening.TooMany o ->
          throw Problem.conflict(
              "TOO_MANY_PAYMENTS",
              "This order has had its %d payment attempts."
                  .formatted(desk.settings().paymentsPerOrderMax()));
    };
  }

  private Order payable(UUID orderId, UUID customerId) {
    var order =
        orders
            .order(orderId)
            .filter(o -> o.customerId().equals(customerId))
            .orElseThrow(() -> Problem.notFound("order"));
    if (order.state() == OrderState.CANCELLED) {
      // The same answer as a moment earlier, when the hold was gone and the order not yet
      // cancelled.
      throw Problem.of(
              410, "HOLD_GONE", "The hold is gone and the order cancelled; nothing was charged.")
          .with("state", order.state());
    }
    if (order.state() != OrderState.PENDING_PAYMENT) {
      throw Problem.conflict(
              "ORDER_NOT_PAYABLE", "The order is " + order.state() + ", not PENDING_PAYMENT.")
          .with("state", order.state());
    }
    return order;
  }

  /** The first outcome again; an interrupted walk goes on from where the payment's row is. */
  private Answer again(PaymentRow row, Body body, Prefer prefer) {
    if (!row.fingerprint().equals(fingerprint(body))) {
      throw Problem.unprocessable(
          "IDEMPOTENCY_KEY_REUSED", "This Idempotency-Key came with another body before.");
    }
    if (policy.isAsync(prefer)) {
      return waited(row, prefer);
    }
    return switch (row.state()) {
      case PENDING -> walk(row, row.request());
      case CAPTURED -> walked(row) ? answer(row) : walk(row, row.captured());
      case UNKNOWN, DECLINED, REFUNDED -> answer(row);
    };
  }

  /** The final answer if it comes while the client waits; else 202: the outbox drives it on. */
  private Answer waited(PaymentRow row, Prefer prefer) {
    var seen = watch.await(row.paymentId(), row, this::isFinal, policy.wait(prefer));
    return seen.asAsked()
        ? answer(seen.row())
        : accepted(seen.row()).header("Preference-Applied", "respond-async");
  }

  private boolean isFinal(PaymentRow row) {
    return switch (row.state()) {
      case PENDING, UNKNOWN -> false;
      case CAPTURED -> walked(row);
      case DECLINED, REFUNDED -> true;
    };
  }

  private boolean walked(PaymentRow row) {
    return orders
        .order(row.orderId())
        .filter(order -> order.state() != OrderState.PENDING_PAYMENT)
        .isPresent();
  }

  private Answer walk(PaymentRow row, Fact first) {
    Fact end;
    try {
      end = checkout.carry(first);
    } catch (CheckoutUnavailable e) {
      return stopped(current(row), e);
    }
    var now = current(row);
    if (end instanceof ReservationSettled) {
      book.walked(row.paymentId());
      return answer(now);
    }
    // The gateway may have answered by itself since the walk ended without its answer.
    return now.state() == PaymentState.CAPTURED ? accepted(now) : answer(now);
  }

  private Answer stopped(PaymentRow row, CheckoutUnavailable why) {
    return switch (row.state()) {
      // Nothing is known to be charged; the key, or the resolver, takes it up again.
      case PENDING -> throw why;
      case CAPTURED -> {
        book.driveOn(row.paymentId());
        yield accepted(row);
      }
      case UNKNOWN, DECLINED, REFUNDED -> answer(row);
    };
  }

  private PaymentRow current(PaymentRow row) {
    return book.find(row.paymentId()).orElseThrow();
  }

  private static Answer accepted(PaymentRow row) {
    return Answer.json(202, PaymentView.of(row)).header("Location", location(row));
  }

  private static String location(PaymentRow row) {
    return "/api/v1/payments/" + row.paymentId();
  }

  private static Answer answer(PaymentRow row) {
    return switch (row.state()) {
      case PENDING, UNKNOWN -> accepted(row);
      case CAPTURED -> Answer.created(location(row), PaymentView.of(row));
      case REFUNDED -> {
        if (row.holdLost()) {
          throw holdGone(row, "The hold was gone; the charge was refunded.");
        }
        yield Answer.created(location(row), PaymentView.of(row));
      }
      case DECLINED -> throw declined(row);
    };
  }

  private static Problem declined(PaymentRow row) {
    return row.declineReason().equals(PaymentRow.HOLD_GONE)
        ? holdGone(row, "The hold was gone; nothing was charged.")
        : Problem.of(402, "PAYMENT_DECLINED", "Nothing was charged; the hold stays for its time.")
            .with("reason", row.declineReason())
            .with("paymentId", row.paymentId());
  }

  private static Problem holdGone(PaymentRow row, String detail) {
    return Problem.of(410, "HOLD_GONE", detail).with("paymentId", row.paymentId());
  }

  @Override
  public void close() {
    acceptances.close();
    openings.close();
    lookups.close();
  }
}
