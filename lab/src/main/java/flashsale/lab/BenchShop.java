package flashsale.lab;

import com.fasterxml.jackson.databind.JsonNode;
import flashsale.lab.Accounts.Session;
import flashsale.lab.Client.Answered;
import flashsale.platform.ids.Ids;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.UUID;

/**
 * The shop as the benchmark uses it: as its operator makes sales and asks for audits, as its
 * customers reserve. Used by one thread.
 */
final class BenchShop implements AutoCloseable {
  private static final String API = "/api/v1/";
  private static final int HOLD_SECONDS = 7_200;
  private static final Duration SALE_LASTS = Duration.ofDays(1);
  private static final Duration READY_MAX = Duration.ofSeconds(60);
  private static final Duration SHOWN_MAX = Duration.ofSeconds(5);
  private static final Duration LOOK_AGAIN = Duration.ofMillis(5);
  private static final int SIGN_INS_AT_ONCE = 4;

  /** Will come true by itself; whoever needs it tries until it has. */
  private static final String SAVED = "SAVED_NOT_APPLIED";

  /** The measurement is void. */
  static final class Failed extends RuntimeException {
    private static final long serialVersionUID = 1L;

    Failed(String message) {
      super(message);
    }
  }

  /** An open sale, and the first of its offers. */
  record Open(UUID saleId, UUID offerId, int units) {
    String reservation() {
      return "{\"lines\":[{\"offerId\":\"" + offerId + "\",\"quantity\":1}]}";
    }
  }

  private final BenchEnvironment.Server server;
  private final Client client;
  private final Accounts accounts;
  private List<Session> sessions;

  /**
   * A visit to a running server.
   *
   * @param sessions of its customers
   */
  BenchShop(BenchEnvironment.Server server, List<Session> sessions) {
    this.server = server;
    this.client = new Client(server::url, new Tally());
    this.accounts = new Accounts(server::url, new Tally(), SIGN_INS_AT_ONCE);
    this.sessions = sessions;
  }

  /** A visit that begins when the server says that it is ready. */
  static BenchShop visit(BenchEnvironment.Server server, List<Session> sessions) {
    var shop = new BenchShop(server, sessions);
    shop.awaitReady();
    return shop;
  }

  void awaitReady() {
    long deadline = System.nanoTime() + READY_MAX.toNanos();
    while (!ready()) {
      if (System.nanoTime() > deadline) {
        throw new Failed("the server was not ready within " + READY_MAX);
      }
      requireServer();
      pause();
    }
  }

  private boolean ready() {
    try {
      return client.call("ready", "GET", "/health/ready", null, null, null).ok();
    } catch (IOException e) {
      return false;
    }
  }

  /** Makes accounts and signs them in. */
  void signUp(int customers) {
    var all = Accounts.of(Instant.now().getEpochSecond(), customers);
    accounts.signUp(all, () -> {});
    sessions = accounts.signIn(all);
  }

  List<Session> sessions() {
    return sessions;
  }

  /** The customers' tokens, each valid for half of its lifetime at least. */
  List<String> tokens() {
    if (sessions.stream().anyMatch(Session::halfOver)) {
      sessions = accounts.refresh(sessions);
    }
    return sessions.stream().map(Session::accessToken).toList();
  }

  /** A new sale, open, with so many offers without a limit. */
  Open openSale(String name, int offers, int unitsEach) {
    var token = operatorToken();
    var now = Instant.now();
    var window =
        Map.of(
            "name",
            name,
            "opensAt",
            now.minusSeconds(60).toString(),
            "closesAt",
            now.plus(SALE_LASTS).toString(),
            "holdSeconds",
            HOLD_SECONDS);
    var sale = post(token, "admin/sales", window).path("saleId").asText();
    UUID first = null;
    for (int i = 0; i < offers; i++) {
      var thing = Map.of("name", name + " " + i, "description", "Made for a measurement.");
      var offer =
          Map.of(
              "productId",
              post(token, "admin/products", thing).path("productId").asText(),
              "unitPriceMinor",
              1_000,
              "currency",
              "EUR",
              "allocated",
              unitsEach,
              "limitPerCustomer",
              0);
      var made = post(token, "admin/sales/" + sale + "/offers", offer).path("offerId").asText();
      first = first == null ? UUID.fromString(made) : first;
    }
    post(token, "admin/sales/" + sale + "/open", Map.of());
    return new Open(UUID.fromString(sale), first, unitsEach);
  }

  /**
   * Reserves one unit as the first customer, and tries until it is accepted.
   *
   * @return its order
   */
  UUID reserve(Open open) {
    return reserve(open, true).id("orderId");
  }

  /** The same without an Idempotency-Key; the reservation, whose id is then one of the time. */
  UUID reserveWithoutKey(Open open) {
    return reserve(open, false).id("reservationId");
  }

  private Answered reserve(Open open, boolean keyed) {
    var body = Map.of("lines", List.of(Map.of("offerId", open.offerId(), "quantity", 1)));
    var token = sessions.getFirst().accessToken();
    long deadline = System.nanoTime() + READY_MAX.toNanos();
    while (true) {
      var answered = tryPost("reservations", token, keyed, body);
      if (answered != null && answered.status() == 201) {
        return answered;
      }
      if (System.nanoTime() > deadline) {
        throw new Failed("no reservation was accepted within " + READY_MAX + ": " + answered);
      }
      requireServer();
      pause();
    }
  }

  /** Nobody needs to wait for one that has ended. */
  private void requireServer() {
    if (ProcessHandle.of(server.pid()).isEmpty()) {
      throw new Failed("the server has ended");
    }
  }

  /** Reserves and pays the only unit there is. */
  void sellOut(Open open) {
    var body = Map.of("orderId", reserve(open), "method", "tok_ok");
    var answered = tryPost("payments", sessions.getFirst().accessToken(), true, body);
    if (answered == null || answered.status() != 201) {
      throw new Failed("the last unit was not paid: " + answered);
    }
  }

  /**
   * Fails unless exactly so many units were taken from the offer, and the audit finds nothing: a
   * round that oversold or lost something is void, however fast it was.
   */
  void check(Open open, long taken) {
    awaitTaken(open, taken, SHOWN_MAX);
    audit(open);
  }

  /** Returns when exactly so many units were taken from the offer, and fails after this time. */
  void awaitTaken(Open open, long taken, Duration most) {
    long deadline = System.nanoTime() + most.toNanos();
    for (long left = left(open); left != open.units() - taken; left = left(open)) {
      // Nobody gives anything back: what is missing now will be missing later.
      if (left < open.units() - taken || System.nanoTime() > deadline) {
        throw new Failed(
            "%d reservations were accepted, but of %d units %d are left"
                .formatted(taken, open.units(), left));
      }
      pause();
    }
  }

  /** Fails if the audit of this sale finds anything. */
  void audit(Open open) {
    var path = "admin/sales/" + open.saleId() + "/audit";
    var audit = must(call("GET", path, operatorToken(), null), "audit").body();
    if (!audit.path("verdict").asText().equals("OK")) {
      throw new Failed("the audit found: " + audit);
    }
  }

  private long left(Open open) {
    var sale = must(call("GET", "sales/" + open.saleId(), null, null), "sale").body();
    for (var offer : sale.path("offers")) {
      if (offer.path("offerId").asText().equals(open.offerId().toString())) {
        return offer.path("available").asLong();
      }
    }
    throw new Failed("the sale does not show its offer: " + sale);
  }

  private String operatorToken() {
    var login = server.operator();
    var body = Map.of("email", login.email(), "password", login.password());
    return post(null, "sessions", body).path("accessToken").asText();
  }

  private JsonNode post(String token, String path, Object body) {
    return must(call("POST", path, token, body), path).body();
  }

  private static Answered must(Answered answered, String what) {
    if (!answered.ok() && !answered.code().equals(SAVED)) {
      throw new Failed(what + " was refused: " + answered);
    }
    return answered;
  }

  private Answered call(String method, String path, String token, Object body) {
    try {
      return client.call(path, method, API + path, token, null, body);
    } catch (IOException e) {
      throw new Failed(method + " " + path + ": " + e.getMessage());
    }
  }

  /** Null when there was no answer. */
  private Answered tryPost(String path, String token, boolean keyed, Object body) {
    var key = keyed ? Ids.next().toString() : null;
    try {
      return client.call(path, "POST", API + path, token, key, body);
    } catch (IOException e) {
      return null;
    }
  }

  private static void pause() {
    try {
      Thread.sleep(LOOK_AGAIN);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new Failed("interrupted");
    }
  }

  @Override
  public void close() {
    client.close();
  }
}
