package flashsale.lab;

import flashsale.platform.http.Access;
import flashsale.platform.http.Answer;
import flashsale.platform.http.Call;
import flashsale.platform.http.HttpServer;
import flashsale.platform.http.Problem;
import flashsale.platform.http.Routes;
import flashsale.platform.ids.Ids;
import flashsale.platform.security.Caller;
import java.net.URI;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Supplier;
import java.util.stream.Collectors;

/** A shop just large enough for a crowd, in memory, that can be told to misbehave. */
final class TinyShop implements AutoCloseable {
  /** What it does wrong. */
  enum Fault {
    FORGETS_RESERVATIONS,
    IGNORES_LIMITS,
    IGNORES_KEYS,
    WRONG_TOTALS,
    FORGETS_PAYMENTS,
    LOSES_UNITS,
    FAILS_ITS_AUDIT,
    OVERSELLS,
    SIGN_UPS_BUSY,
    NEVER_DECIDES,
    FAILS_SOMETIMES,
    /** Politely, and for good. */
    KNOWS_NO_ORDERS,
    /** A refusal of the ledger, but by no rule of an open sale. */
    NEVER_OPENS
  }

  record SignUp(String email, String password, String displayName) {}

  record Credentials(String email, String password) {}

  record Line(UUID offerId, int quantity) {}

  record Wanted(UUID cartId, List<Line> lines) {}

  record Quantity(int quantity) {}

  record Pay(UUID orderId, String method) {}

  record NewProduct(String name, String description) {}

  record NewSale(String name, Instant opensAt, Instant closesAt, int holdSeconds) {}

  record NewOffer(
      UUID productId, long unitPriceMinor, String currency, int allocated, int limitPerCustomer) {}

  record Refresh(String refreshToken) {}

  private static final class Offer {
    private final UUID id = Ids.next();
    private final int allocated;
    private final int limit;
    private int available;

    private Offer(int allocated, int limit) {
      this.allocated = allocated;
      this.limit = limit;
      this.available = allocated;
    }
  }

  private static final class Reservation {
    private final UUID id = Ids.next();
    private final UUID orderId = Ids.next();
    private final UUID customer;
    private final List<Line> lines;
    private final Instant expiresAt = Instant.now().plusSeconds(60);
    private long total;
    private String state = "PENDING";
    private String reason = "";
    private String orderState = "PENDING_PAYMENT";

    private Reservation(UUID customer, List<Line> lines) {
      this.customer = customer;
      this.lines = lines;
    }
  }

  private static final class Payment {
    private final UUID id = Ids.next();
    private final Reservation reservation;
    private final String card;
    private String state = "PENDING";

    private Payment(Reservation reservation, String card) {
      this.reservation = reservation;
      this.card = card;
    }
  }

  static final BenchEnvironment.Login OPERATOR =
      new BenchEnvironment.Login("operator@shop.example", "operators only");

  private static final long PRICE = 1_000;
  private static final Set<String> HOLDING = Set.of("HELD", "CONFIRMED");

  final UUID saleId = Ids.next();
  final Map<String, UUID> users = new ConcurrentHashMap<>();
  private final Set<Fault> faults;
  private final Map<UUID, List<Offer>> sales = new LinkedHashMap<>();
  private final Map<UUID, List<Line>> carts = new LinkedHashMap<>();
  private final Map<UUID, Reservation> reservations = new LinkedHashMap<>();
  private final Map<String, Answer> answers = new LinkedHashMap<>();
  private final Map<UUID, Payment> payments = new LinkedHashMap<>();
  private final AtomicInteger calls = new AtomicInteger();
  private HttpServer server;

  TinyShop(Fault... faults) {
    this.faults = Set.of(faults);
    users.put(OPERATOR.email(), Ids.next());
    sales.put(saleId, List.of(new Offer(20, 1), new Offer(400, 2), new Offer(400, 0)));
    start(0);
  }

  URI url() {
    return HttpServer.local(server.port());
  }

  /** The same shop behind a new door, as after a restart on the same port. */
  void start(int port) {
    server =
        new HttpServer(
            new HttpServer.Settings("127.0.0.1", port, 65_536, 4_096, 4_096),
            routes(),
            token -> caller(UUID.fromString(token)),
            (method, route, path, status, nanos, requestId) -> {},
            e -> Optional.empty());
  }

  @Override
  public void close() {
    server.close();
  }

  /** Units taken from the first sale. */
  synchronized int sold() {
    return sales.get(saleId).stream().mapToInt(o -> o.allocated - o.available).sum();
  }

  private Caller caller(UUID user) {
    return new Caller(user, user.equals(users.get(OPERATOR.email())));
  }

  private boolean has(Fault fault) {
    return faults.contains(fault);
  }

  private Routes routes() {
    return new Routes()
        .post("/api/v1/users", Access.PUBLIC, this::signUp)
        .post("/api/v1/sessions", Access.PUBLIC, this::signIn)
        .get("/api/v1/sales/{id}", Access.PUBLIC, this::sale)
        .post("/api/v1/carts", Access.CUSTOMER, this::newCart)
        .put("/api/v1/carts/{id}/items/{offer}", Access.CUSTOMER, this::putItem)
        .post("/api/v1/reservations", Access.CUSTOMER, this::reserve)
        .get("/api/v1/reservations/{id}", Access.CUSTOMER, c -> Answer.ok(view(find(c))))
        .get("/api/v1/reservations/{id}/events", Access.CUSTOMER, c -> events(() -> view(find(c))))
        .delete("/api/v1/reservations/{id}", Access.CUSTOMER, this::release)
        .get("/api/v1/orders/{id}", Access.CUSTOMER, this::order)
        .post("/api/v1/payments", Access.CUSTOMER, this::pay)
        .get("/api/v1/payments/{id}", Access.CUSTOMER, c -> Answer.ok(paymentView(c)))
        .get("/api/v1/payments/{id}/events", Access.CUSTOMER, c -> events(() -> paymentView(c)))
        .post("/api/v1/sessions/refresh", Access.PUBLIC, this::refresh)
        .post("/api/v1/admin/products", Access.OPERATOR, this::newProduct)
        .post("/api/v1/admin/sales", Access.OPERATOR, this::newSale)
        .post("/api/v1/admin/sales/{id}/offers", Access.OPERATOR, this::newOffer)
        .post("/api/v1/admin/sales/{id}/open", Access.OPERATOR, c -> Answer.ok(Map.of()))
        .get("/api/v1/admin/sales/{id}/audit", Access.OPERATOR, this::audit)
        .get("/health/ready", Access.PUBLIC, c -> Answer.ok(Map.of()))
        .get("/bench/noop", Access.PUBLIC, c -> Answer.ok(Map.of()))
        .post("/bench/noop", Access.PUBLIC, c -> Answer.json(201, c.body(Wanted.class)));
  }

  private Answer newProduct(Call call) {
    call.body(NewProduct.class);
    return Answer.json(201, Map.of("productId", Ids.next()));
  }

  private synchronized Answer newSale(Call call) {
    call.body(NewSale.class);
    var id = Ids.next();
    sales.put(id, new ArrayList<>());
    return Answer.json(201, Map.of("saleId", id));
  }

  private synchronized Answer newOffer(Call call) {
    var body = call.body(NewOffer.class);
    var offer = new Offer(body.allocated(), body.limitPerCustomer());
    sales.get(call.pathId("id", "sale")).add(offer);
    return Answer.json(201, Map.of("offerId", offer.id));
  }

  private Answer audit(Call call) {
    var breaches = has(Fault.FAILS_ITS_AUDIT) ? List.of("something") : List.of();
    return Answer.ok(Map.of("verdict", breaches.isEmpty() ? "OK" : "BREACH", "breaches", breaches));
  }

  private Answer signUp(Call call) {
    var body = call.body(SignUp.class);
    if (has(Fault.SIGN_UPS_BUSY) && calls.incrementAndGet() % 2 == 0) {
      throw Problem.unavailable("BUSY", "Later.", Duration.ofSeconds(1));
    }
    if (users.putIfAbsent(body.email(), Ids.next()) != null) {
      throw Problem.conflict("EMAIL_TAKEN", "Taken.");
    }
    return Answer.created("/api/v1/users/me", Map.of("email", body.email()));
  }

  private Answer signIn(Call call) {
    return session(users.get(call.body(Credentials.class).email()).toString());
  }

  private Answer refresh(Call call) {
    return session(call.body(Refresh.class).refreshToken());
  }

  private static Answer session(String token) {
    return Answer.json(
        201, Map.of("accessToken", token, "refreshToken", token, "expiresInSeconds", 900));
  }

  private synchronized Answer sale(Call call) {
    var id = call.pathId("id", "sale");
    var offers = sales.get(id);
    var list =
        offers.stream()
            .map(
                o ->
                    Map.of(
                        "offerId",
                        o.id,
                        "productName",
                        "Thing " + offers.indexOf(o),
                        "unitPriceMinor",
                        PRICE,
                        "currency",
                        "EUR",
                        "limitPerCustomer",
                        o.limit,
                        "allocated",
                        o.allocated,
                        "available",
                        o.available,
                        "soldOut",
                        o.available == 0))
            .toList();
    return Answer.ok(Map.of("saleId", id, "name", "Tiny", "state", "OPEN", "offers", list));
  }

  private synchronized Answer newCart(Call call) {
    var id = Ids.next();
    carts.put(id, new ArrayList<>());
    return Answer.json(201, Map.of("cartId", id, "items", List.of()));
  }

  private synchronized Answer putItem(Call call) {
    var line = new Line(call.pathId("offer", "offer"), call.body(Quantity.class).quantity());
    carts.get(call.pathId("id", "cart")).add(line);
    return Answer.ok(Map.of("cartId", call.path("id")));
  }

  private synchronized Answer reserve(Call call) {
    if (has(Fault.FAILS_SOMETIMES) && calls.incrementAndGet() % 7 == 0) {
      throw Problem.of(500, "INTERNAL_ERROR", "Failed.");
    }
    var key = call.caller().userId() + call.idempotencyKey().orElseGet(() -> "" + Ids.next());
    var known = has(Fault.IGNORES_KEYS) ? null : answers.get(key);
    if (known == null) {
      var wanted = call.body(Wanted.class);
      var lines = wanted.cartId() == null ? wanted.lines() : carts.get(wanted.cartId());
      var made = new Reservation(call.caller().userId(), List.copyOf(lines));
      if (accepts(call)) {
        reservations.put(made.id, made);
        known = accepted("reservations/" + made.id, view(made), () -> decide(made));
      } else {
        decide(made);
        known =
            made.state.equals("HELD")
                ? Answer.json(201, view(made))
                : Answer.json(409, Map.of("code", made.reason));
        if (!has(Fault.FORGETS_RESERVATIONS)) {
          reservations.put(made.id, made);
        }
      }
      answers.put(key, known);
    }
    return known;
  }

  /** Whether the answer is to be 202; who waits is answered at once, as deciding takes no time. */
  private static boolean accepts(Call call) {
    return call.prefer().respondAsync() && call.prefer().waitMax().isEmpty();
  }

  private Answer accepted(String path, Map<String, Object> view, Runnable decision) {
    if (!has(Fault.NEVER_DECIDES)) {
      Thread.startVirtualThread(decision);
    }
    return Answer.json(202, view).header("Location", "/api/v1/" + path);
  }

  /** Every state from now on. */
  private Answer events(Supplier<Map<String, Object>> view) {
    var first = view.get();
    return Answer.events(
        stream -> {
          var told = "";
          for (var now = first; !stream.ending(); now = view.get()) {
            var state = now.get("state").toString();
            if (!state.equals(told)) {
              stream.send(state, "change", now);
              told = state;
            } else {
              stream.heartbeat(); // Which tells that the client has gone, too.
            }
            LockSupport.parkNanos(Duration.ofMillis(5).toNanos());
          }
        });
  }

  private synchronized void decide(Reservation made) {
    made.reason = refusal(made);
    made.state = made.reason.isEmpty() ? "HELD" : "REFUSED";
    if (made.reason.isEmpty()) {
      made.total = has(Fault.WRONG_TOTALS) ? 1 : 0;
      for (var line : made.lines) {
        offer(line).available -= line.quantity() + (has(Fault.LOSES_UNITS) ? 1 : 0);
        made.total += PRICE * line.quantity();
      }
    }
  }

  /** Empty: none. */
  private String refusal(Reservation made) {
    if (has(Fault.NEVER_OPENS)) {
      return "SALE_NOT_OPEN";
    }
    for (var line : made.lines) {
      var offer = offer(line);
      boolean limited = offer.limit > 0 && !has(Fault.IGNORES_LIMITS);
      int units = limited ? unitsOf(made.customer, line.offerId()) : 0;
      if (offer.available == 0 && !has(Fault.OVERSELLS)) {
        return "SOLD_OUT";
      }
      if (limited && units + line.quantity() > offer.limit) {
        return "LIMIT_EXCEEDED";
      }
      if (offer.available < line.quantity() && !has(Fault.OVERSELLS)) {
        return "INSUFFICIENT_STOCK";
      }
    }
    return "";
  }

  /** How many of its reservations with an id between these are in which state. */
  synchronized Map<String, Long> states(UUID from, UUID to) {
    return reservations.values().stream()
        .filter(r -> r.id.toString().compareTo(from.toString()) >= 0)
        .filter(r -> r.id.toString().compareTo(to.toString()) <= 0)
        .collect(Collectors.groupingBy(r -> r.state, Collectors.counting()));
  }

  private Offer offer(Line line) {
    return sales.values().stream()
        .flatMap(List::stream)
        .filter(o -> o.id.equals(line.offerId()))
        .findFirst()
        .orElseThrow();
  }

  private int unitsOf(UUID customer, UUID offer) {
    return reservations.values().stream()
        .filter(r -> r.customer.equals(customer) && HOLDING.contains(r.state))
        .flatMap(r -> r.lines.stream())
        .filter(l -> l.offerId().equals(offer))
        .mapToInt(Line::quantity)
        .sum();
  }

  private static Map<String, Object> view(Reservation r) {
    return Map.of(
        "reservationId", r.id,
        "orderId", r.orderId,
        "state", r.state,
        "reason", r.reason,
        "totalMinor", r.total,
        "currency", "EUR",
        "expiresAt", r.expiresAt);
  }

  private synchronized Reservation find(Call call) {
    return Optional.ofNullable(reservations.get(call.pathId("id", "reservation")))
        .orElseThrow(() -> Problem.notFound("reservation"));
  }

  private synchronized Answer release(Call call) {
    var found = find(call);
    if (!found.state.equals("HELD")) {
      throw Problem.conflict("NOT_RELEASABLE", "No.");
    }
    found.state = "RELEASED";
    found.orderState = "CANCELLED";
    found.lines.forEach(line -> offer(line).available += line.quantity());
    return Answer.ok(view(found));
  }

  private synchronized Reservation byOrder(UUID orderId) {
    return reservations.values().stream()
        .filter(r -> r.orderId.equals(orderId))
        .findFirst()
        .orElseThrow(() -> Problem.notFound("order"));
  }

  private synchronized Answer order(Call call) {
    var r = byOrder(call.pathId("id", "order"));
    return Answer.ok(
        Map.of(
            "orderId", r.orderId,
            "reservationId", r.id,
            "state", r.orderState,
            "totalMinor", r.total));
  }

  private synchronized Answer pay(Call call) {
    var body = call.body(Pay.class);
    if (has(Fault.KNOWS_NO_ORDERS)) {
      throw Problem.notFound("order");
    }
    var r = byOrder(body.orderId());
    var payment = new Payment(r, body.method());
    if (!has(Fault.FORGETS_PAYMENTS)) {
      payments.put(payment.id, payment);
    }
    if (accepts(call) || body.method().startsWith("tok_timeout")) {
      return accepted("payments/" + payment.id, view(payment), () -> charge(payment));
    }
    charge(payment);
    if (payment.state.equals("DECLINED")) {
      throw Problem.of(402, "PAYMENT_DECLINED", "No.").with("paymentId", payment.id);
    }
    return Answer.json(201, view(payment));
  }

  private synchronized void charge(Payment payment) {
    boolean declined = payment.card.equals("tok_declined");
    payment.state = declined ? "DECLINED" : "CAPTURED";
    if (!declined) {
      payment.reservation.state = "CONFIRMED";
      payment.reservation.orderState = "PAID";
    }
  }

  private synchronized Map<String, Object> paymentView(Call call) {
    var found = payments.get(call.pathId("id", "payment"));
    if (found == null) {
      throw Problem.notFound("payment");
    }
    return view(found);
  }

  private static Map<String, Object> view(Payment payment) {
    return Map.of(
        "paymentId",
        payment.id,
        "orderId",
        payment.reservation.orderId,
        "state",
        payment.state,
        "amountMinor",
        payment.reservation.total);
  }
}
