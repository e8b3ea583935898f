package flashsale.reservations;

import flashsale.contracts.Catalog;
import flashsale.contracts.Checkout;
import flashsale.contracts.CheckoutUnavailable;
import flashsale.contracts.Fact.ReleaseRequested;
import flashsale.contracts.Fact.ReservationRequested;
import flashsale.contracts.Fact.ReservationSettled;
import flashsale.contracts.Inventory;
import flashsale.contracts.Line;
import flashsale.contracts.ReservationState;
import flashsale.platform.batching.Coalescer;
import flashsale.platform.http.Access;
import flashsale.platform.http.Answer;
import flashsale.platform.http.Call;
import flashsale.platform.http.Problem;
import flashsale.platform.http.Routes;
import flashsale.platform.ids.Ids;
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

  private static final String NO_FINGERPRINT = "";
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
   */
  public record Settings(
      int linesMax,
      int quantityMax,
      int refusalsMax,
      Duration refusalTtl,
      int queueMax,
      Duration deadline) {}

  private final ReservationBook book;
  private final ReservationRequests requests;
  private final Gate gate;
  private final Checkout checkout;
  private final InstantSource clock;
  private final Settings settings;
  private final Coalescer<UUID, Optional<Row>> lookups;
  private final Set<UUID> underWay = ConcurrentHashMap.newKeySet();

  public ReservationApi(
      ReservationBook book,
      Carts carts,
      Catalog catalog,
      Inventory inventory,
      Checkout checkout,
      InstantSource clock,
      Settings settings,
      Meters meters) {
    this.book = book;
    this.requests = new ReservationRequests(carts, catalog, settings);
    this.gate = new Gate(inventory, settings, meters);
    this.checkout = checkout;
    this.clock = clock;
    this.settings = settings;
    this.lookups =
        new Coalescer<>(
            "reservation-lookup",
            LOOKUPS_BATCH_MAX,
            settings.queueMax(),
            ids -> {
              var found = book.find(ids);
              return ids.stream().map(id -> Optional.ofNullable(found.get(id))).toList();
            },
            meters.batches("reservation-lookup"));
  }

  public void routes(Routes routes) {
    routes
        .post("/api/v1/reservations", Access.CUSTOMER, this::reserve)
        .get("/api/v1/reservations/{reservationId}", Access.CUSTOMER, this::get)
        .delete("/api/v1/reservations/{reservationId}", Access.CUSTOMER, this::release);
  }

  private Answer reserve(Call call) {
    var customerId = call.caller().userId();
    var body = call.body(ReservationRequests.Body.class);
    var key = call.idempotencyKey();
    if (key.isEmpty()) {
      return reserveOnce(
          requests.request(Ids.next(), customerId, body, NO_FINGERPRINT, clock.instant()));
    }
    var id = Ids.derive(customerId, "reservation/" + key.get());
    if (!underWay.add(id)) {
      throw Problem.conflict("STILL_RUNNING", "The first request with this key is being answered.")
          .retryAfter(RETRY_RUNNING);
    }
    try {
      var fingerprint = ReservationRequests.fingerprint(body);
      var first = firstOutcome(id, fingerprint);
      return first.isPresent()
          ? first.get()
          : reserveKeyed(requests.request(id, customerId, body, fingerprint, clock.instant()));
    } finally {
      underWay.remove(id);
    }
  }

  /**
   * What the first request with this key was answered, if there was one. The row comes before the
   * remembered refusal: it is what everybody else is told too.
   */
  private Optional<Answer> firstOutcome(UUID id, String fingerprint) {
    var row = lookups.submit(id, settings.deadline());
    if (row.isPresent() && row.get().state() != ReservationState.PENDING) {
      checkSame(row.get().fingerprint(), fingerprint);
      return Optional.of(outcome(row.get().settled()));
    }
    var refused = gate.remembered(id);
    if (refused.isPresent()) {
      checkSame(refused.get().fingerprint(), fingerprint);
      throw Refusals.problem(refused.get().refusal());
    }
    return Optional.empty(); // Nothing yet, or interrupted: every step repeats its first outcome.
  }

  private static void checkSame(String first, String second) {
    // A row that was settled without its request (the hold expired first) has no fingerprint.
    if (!first.isEmpty() && !first.equals(second)) {
      throw Problem.unprocessable(
          "IDEMPOTENCY_KEY_REUSED", "This Idempotency-Key came with another body before.");
    }
  }

  private Answer reserveKeyed(ReservationRequested request) {
    var refused = gate.refusalWithKey(request);
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
    return Answer.created(
        "/api/v1/reservations/" + settled.reservationId(), ReservationView.of(settled));
  }

  private Answer get(Call call) {
    return Answer.ok(ReservationView.of(own(call).settled()));
  }

  /** The caller's own reservation; anybody else's does not exist for them. */
  private Row own(Call call) {
    var id = call.pathId("reservationId", "reservation");
    return Optional.ofNullable(book.find(List.of(id)).get(id))
        .filter(row -> row.customerId().equals(call.caller().userId()))
        .orElseThrow(() -> Problem.notFound("reservation"));
  }

  private Answer release(Call call) {
    var row = own(call);
    var settled =
        row.state() == ReservationState.HELD
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
    lookups.close();
  }
}
