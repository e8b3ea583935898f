package flashsale.reservations;

import flashsale.contracts.Catalog;
import flashsale.contracts.Checkout;
import flashsale.contracts.CheckoutUnavailable;
import flashsale.contracts.Fact.ReleaseRequested;
import flashsale.contracts.Fact.ReservationRequested;
import flashsale.contracts.Fact.ReservationSettled;
import flashsale.contracts.Fact.StockRefused;
import flashsale.contracts.Inventory;
import flashsale.contracts.Line;
import flashsale.contracts.ReservationState;
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
import flashsale.reservations.ReservationBook.Row;
import java.time.Duration;
import java.time.InstantSource;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Reservations over HTTP. The id of a request with an Idempotency-Key is derived from the customer
 * and the key, so a repeat finds the first outcome without another table; the fingerprint of the
 * body beside it tells a repeat from a misuse.
 */
public final class ReservationApi implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(ReservationApi.class);

  /** Repeats looked up in one statement. */
  static final int LOOKUPS_BATCH_MAX = 256;

  /** Requests taken on in one transaction. */
  private static final int ACCEPTANCES_BATCH_MAX = 256;

  private static final String NO_FINGERPRINT = "";
  private static final Optional<StockRefused> NOT_REFUSED = Optional.empty();
  private static final Duration RETRY_RUNNING = Duration.ofSeconds(1);

  /**
   * Limits.
   *
   * @param linesMax different offers in one reservation
   * @param quantityMax units in one line
   * @param refusalsMax keys that were refused at the gate, and keys whose walk was cut off, of each
   *     that many are remembered
   * @param refusalTtl how long they are remembered
   * @param queueMax repeats waiting to be looked up
   * @param deadline for a look-up
   * @param prefer which requests are answered with 202, and how long they may be held
   */
  public record Settings(
      int linesMax,
      int quantityMax,
      int refusalsMax,
      Duration refusalTtl,
      int queueMax,
      Duration deadline,
      Prefer.Policy prefer) {}

  private final ReservationRequests requests;
  private final Gate gate;
  private final Checkout checkout;
  private final InstantSource clock;
  private final Settings settings;
  private final Coalescer<UUID, Optional<Row>> lookups;
  private final Coalescer<ReservationRequested, Row> acceptances;
  private final Watch<Row> watch;
  private final Set<UUID> underWay = ConcurrentHashMap.newKeySet();

  public ReservationApi(
      ReservationBook book,
      Carts carts,
      Catalog catalog,
      Inventory inventory,
      Checkout checkout,
      InstantSource clock,
      Changes changes,
      Settings settings,
      Meters meters) {
    this.requests = new ReservationRequests(carts, catalog, settings);
    this.gate = new Gate(inventory, settings, meters);
    this.checkout = checkout;
    this.clock = clock;
    this.settings = settings;
    this.lookups =
        meters.coalescer(
            "reservation-lookup",
            LOOKUPS_BATCH_MAX,
            settings.queueMax(),
            ids -> {
              var found = book.look(ids);
              return ids.stream().map(id -> Optional.ofNullable(found.get(id))).toList();
            });
    this.acceptances =
        meters.coalescer(
            "reservation-accept", ACCEPTANCES_BATCH_MAX, settings.queueMax(), book::accept);
    this.watch =
        new Watch<>(
            changes,
            new Watch.Kind<>(
                "reservation",
                this::look,
                row -> row.state().name(),
                row -> ReservationView.of(row.settled()),
                row -> isLast(row.state())));
    meters.gauge(
        "flashsale.watches",
        "Requests and streams that wait for a change",
        "role",
        "reservations",
        changes::watching);
  }

  public void routes(Routes routes) {
    routes
        .classed(
            RouteClass.PURCHASE, "POST", "/api/v1/reservations", Access.CUSTOMER, this::reserve)
        .get("/api/v1/reservations/{reservationId}", Access.CUSTOMER, this::get)
        .get("/api/v1/reservations/{reservationId}/events", Access.CUSTOMER, this::events)
        .delete("/api/v1/reservations/{reservationId}", Access.CUSTOMER, this::release);
  }

  private Answer reserve(Call call) {
    var customerId = call.caller().userId();
    var body = call.body(ReservationRequests.Body.class);
    var key = call.idempotencyKey();
    boolean async = settings.prefer().isAsync(call.prefer());
    if (key.isEmpty()) {
      // What was accepted is asked for at its address, so its refusal has to be written too.
      var fingerprint = async ? ReservationRequests.fingerprint(body) : NO_FINGERPRINT;
      var request = requests.request(Ids.next(), customerId, body, fingerprint, clock.instant());
      return async ? accept(request, gate.refusal(request), call.prefer()) : reserveOnce(request);
    }
    var id = Ids.derive(customerId, "reservation/" + key.get());
    if (!underWay.add(id)) {
      throw Problem.conflict("STILL_RUNNING", "The first request with this key is being answered.")
          .retryAfter(RETRY_RUNNING);
    }
    try {
      return reserveKeyed(id, customerId, body, async, call.prefer());
    } finally {
      underWay.remove(id);
    }
  }

  /**
   * The first outcome again where there is one. The row comes before the remembered refusal: it is
   * what everybody else is told too. A row that is PENDING waits for its outbox, or its walk was
   * interrupted; every step repeats its first outcome, so it may be walked from here as well.
   */
  private Answer reserveKeyed(
      UUID id, UUID customerId, ReservationRequests.Body body, boolean async, Prefer prefer) {
    var fingerprint = ReservationRequests.fingerprint(body);
    var row = look(id);
    row.ifPresent(r -> checkSame(r.fingerprint(), fingerprint));
    if (row.isPresent() && row.get().state() != ReservationState.PENDING) {
      return outcome(row.get().settled());
    }
    if (row.isPresent() && async) {
      return waited(row.get(), prefer);
    }
    var refused = gate.remembered(id);
    if (row.isEmpty() && refused.isPresent()) {
      checkSame(refused.get().fingerprint(), fingerprint);
      throw Refusals.problem(refused.get().refusal());
    }
    var request = requests.request(id, customerId, body, fingerprint, clock.instant());
    var refusal = row.isPresent() ? NOT_REFUSED : gate.refusalWithKey(request);
    return async ? accept(request, refusal, prefer) : walkKeyed(request, refusal);
  }

  /** Durable first, done later: the outbox drives it on. */
  private Answer accept(
      ReservationRequested request, Optional<StockRefused> refused, Prefer prefer) {
    if (refused.isPresent()) {
      throw Refusals.problem(refused.get());
    }
    var row = acceptances.submit(request, settings.deadline());
    checkSame(row.fingerprint(), request.fingerprint());
    return waited(row, prefer);
  }

  /** The final answer if it comes while the client waits; else 202. */
  private Answer waited(Row row, Prefer prefer) {
    var wait = settings.prefer().wait(prefer);
    var seen = watch.await(row.reservationId(), row, ReservationApi::isDecided, wait);
    return seen.asAsked() ? outcome(seen.row().settled()) : accepted(seen.row());
  }

  private static Answer accepted(Row row) {
    return Answer.json(202, ReservationView.of(row.settled()))
        .header("Location", location(row.reservationId()))
        .header("Preference-Applied", "respond-async");
  }

  private static String location(UUID reservationId) {
    return "/api/v1/reservations/" + reservationId;
  }

  private static void checkSame(String first, String second) {
    // A row that was settled without its request (the hold expired first) has no fingerprint.
    if (!first.isEmpty() && !first.equals(second)) {
      throw Problem.unprocessable(
          "IDEMPOTENCY_KEY_REUSED", "This Idempotency-Key came with another body before.");
    }
  }

  private Answer walkKeyed(ReservationRequested request, Optional<StockRefused> refused) {
    if (refused.isPresent()) {
      throw Refusals.problem(refused.get());
    }
    var settled = carry(request);
    if (!sameLines(settled, request)) {
      // The walk went on with an earlier request of this key: of its body, or of the cart before.
      lookups
          .submit(request.reservationId(), settings.deadline())
          .ifPresent(row -> checkSame(row.fingerprint(), request.fingerprint()));
    }
    return outcome(settled);
  }

  /** A walk that stops is left as it is: the client comes back with its key, or it is driven on. */
  private ReservationSettled carry(ReservationRequested request) {
    try {
      return (ReservationSettled) checkout.carry(request);
    } catch (CheckoutUnavailable e) {
      gate.cutOff(request.reservationId());
      throw e;
    }
  }

  /** Prices may have changed since the first request. */
  private static boolean sameLines(ReservationSettled settled, ReservationRequested request) {
    return units(settled.lines()).equals(units(request.lines()));
  }

  private static List<Map.Entry<UUID, Integer>> units(List<Line> lines) {
    return lines.stream().map(line -> Map.entry(line.offerId(), line.quantity())).toList();
  }

  /** Nobody can come back for a request without a key: what its walk took is given back. */
  private Answer reserveOnce(ReservationRequested request) {
    var refused = gate.refusal(request);
    if (refused.isPresent()) {
      throw Refusals.problem(refused.get());
    }
    try {
      return outcome((ReservationSettled) checkout.carry(request));
    } catch (CheckoutUnavailable e) {
      giveBack(request);
      throw e;
    }
  }

  private void giveBack(ReservationRequested request) {
    try {
      checkout.carry(
          new ReleaseRequested(request.reservationId(), request.customerId(), clock.instant()));
    } catch (CheckoutUnavailable e) {
      // The hold, if there is one, expires by itself.
      LOG.debug("{} is given back by its expiry: {}", request.reservationId(), e.getMessage());
    }
  }

  private static Answer outcome(ReservationSettled settled) {
    if (settled.state() == ReservationState.REFUSED) {
      throw Refusals.problem(settled);
    }
    return Answer.created(location(settled.reservationId()), ReservationView.of(settled));
  }

  private Answer get(Call call) {
    return Answer.ok(ReservationView.of(own(call).settled()));
  }

  /** Every change from now on, as it happens. */
  private Answer events(Call call) {
    var row = own(call);
    return watch.events(call, row.reservationId(), row);
  }

  private static boolean isDecided(Row row) {
    return row.state() != ReservationState.PENDING;
  }

  /** Whether a customer has nothing to wait for any more. */
  private static boolean isLast(ReservationState state) {
    return switch (state) {
      case PENDING, HELD -> false;
      case REFUSED, CONFIRMED, RELEASED, EXPIRED -> true;
    };
  }

  private Optional<Row> look(UUID id) {
    return lookups.submit(id, settings.deadline());
  }

  /** The caller's own reservation; anybody else's does not exist for them. */
  private Row own(Call call) {
    var id = call.pathId("reservationId", "reservation");
    return look(id)
        .filter(row -> row.customerId().equals(call.caller().userId()))
        .orElseThrow(() -> Problem.notFound("reservation"));
  }

  private Answer release(Call call) {
    var row = own(call);
    var settled =
        row.state() == ReservationState.HELD || row.state() == ReservationState.PENDING
            ? (ReservationSettled)
                checkout.carry(
                    new ReleaseRequested(row.reservationId(), row.customerId(), clock.instant()))
            : row.settled();
    if (settled.state() != ReservationState.RELEASED) {
      throw Problem.conflict(
              "NOT_RELEASABLE", "The reservation is " + settled.state() + ", not HELD.")
          .with("state", settled.state());
    }
    return Answer.ok(ReservationView.of(settled));
  }

  @Override
  public void close() {
    gate.close();
    acceptances.close();
    lookups.close();
  }
}
