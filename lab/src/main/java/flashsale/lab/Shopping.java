package flashsale.lab;

import com.fasterxml.jackson.core.JsonProcessingException;
import flashsale.lab.Accounts.Account;
import flashsale.lab.Client.Answered;
import flashsale.platform.ids.Ids;
import flashsale.platform.json.Json;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.ThreadLocalRandom;

/**
 * The shop's verbs as one customer uses them. Whatever gets no final answer is sent again with the
 * same key: a limited number of times, or until the crowd is stopped if the plan says so. Safe for
 * use by several threads, as each call names the connection that it uses.
 */
final class Shopping {
  private static final String API = "/api/v1/";
  private static final int TRIES_MAX = 20;
  private static final Duration BACKOFF_FIRST = Duration.ofMillis(50);
  private static final Duration BACKOFF_MAX = Duration.ofMillis(1_600);
  private static final int LOOKS_MAX = 120;
  private static final Duration LOOK_AGAIN = Duration.ofMillis(250);

  /** The crowd's time is over; what was under way is left as it is. */
  static final class Over extends RuntimeException {
    private static final long serialVersionUID = 1L;

    Over() {
      super("over", null, false, false);
    }
  }

  /** Tried too often, or refused where nobody refuses. */
  static final class GaveUp extends RuntimeException {
    private static final long serialVersionUID = 1L;

    GaveUp(String call) {
      super(call, null, false, false);
    }
  }

  private final Crowd crowd;
  private final CrowdPlan plan;
  private final Account account;
  private volatile String token;

  Shopping(Crowd crowd, CrowdPlan plan, Account account) {
    this.crowd = crowd;
    this.plan = plan;
    this.account = account;
  }

  /** Once; later calls do nothing. */
  void signIn(Client client) throws InterruptedException {
    if (token == null) {
      var body = Map.of("email", account.email(), "password", account.password());
      var answered = must("sign in", ask(client, "sign in", "POST", "sessions", null, body));
      token = answered.body().path("accessToken").asText();
    }
  }

  Sale look(Client client) throws InterruptedException {
    var answered = must("look", ask(client, "look", "GET", "sales/" + plan.saleId(), null, null));
    try {
      return Json.tolerant().treeToValue(answered.body(), Sale.class);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("the sale reads otherwise than expected", e);
    }
  }

  /** The new cart's id. */
  UUID fillCart(Client client, Map<UUID, Integer> lines) throws InterruptedException {
    var cart = must("cart", ask(client, "cart", "POST", "carts", null, Map.of())).id("cartId");
    for (var line : lines.entrySet()) {
      var path = "carts/" + cart + "/items/" + line.getKey();
      var body = Map.of("quantity", line.getValue());
      must("cart item", ask(client, "cart item", "PUT", path, null, body));
    }
    return cart;
  }

  /** Where the answer is 202, the reservation is looked at until it is decided. */
  Answered reserve(Client client, UUID key, Object body) throws InterruptedException {
    var answered = ask(client, "reserve", "POST", "reservations", key, body);
    for (int look = 0; answered.status() == 202 && look < LOOKS_MAX; look++) {
      pause(LOOK_AGAIN);
      var path = "reservations/" + answered.id("reservationId");
      var now = ask(client, "reservation", "GET", path, null, null);
      var state = now.body().path("state").asText();
      if (!state.equals("PENDING")) {
        int status = state.equals("REFUSED") ? 409 : 201;
        return new Answered(status, "", now.body(), now.retryAfter());
      }
    }
    return answered;
  }

  Answered release(Client client, UUID reservationId) throws InterruptedException {
    return ask(client, "release", "DELETE", "reservations/" + reservationId, null, null);
  }

  /** Where the answer is 202, the payment is looked at until it is decided, but not for ever. */
  Answered pay(Client client, UUID orderId, String card) throws InterruptedException {
    var body = Map.of("orderId", orderId, "method", card);
    var first = ask(client, "pay", "POST", "payments", Ids.next(), body);
    if (first.status() != 202) {
      return first;
    }
    for (int look = 0; look < LOOKS_MAX; look++) {
      pause(LOOK_AGAIN);
      var now = ask(client, "payment", "GET", "payments/" + first.id("paymentId"), null, null);
      if (now.ok() && !UNDECIDED.contains(now.body().path("state").asText())) {
        return now;
      }
    }
    return first;
  }

  static final List<String> UNDECIDED = List.of("UNKNOWN", "PENDING");

  /** Half to one and a half times as long, so that customers do not walk in step. */
  void pause(Duration mean) throws InterruptedException {
    long nanos = Math.round(mean.toNanos() * ThreadLocalRandom.current().nextDouble(0.5, 1.5));
    Thread.sleep(Duration.ofNanos(nanos));
    if (crowd.over()) {
      throw new Over();
    }
  }

  private static Answered must(String call, Answered answered) {
    if (!answered.ok()) {
      throw new GaveUp(call);
    }
    return answered;
  }

  private Answered ask(
      Client client, String call, String method, String path, UUID key, Object body)
      throws InterruptedException {
    var keyText = key == null ? null : key.toString();
    var backoff = BACKOFF_FIRST;
    for (int attempt = 1; ; attempt++) {
      if (crowd.over()) {
        throw new Over();
      }
      var pause = backoff;
      try {
        var answered = client.call(call, method, API + path, token, keyText, body);
        if (!answered.passing()) {
          return answered;
        }
        pause = answered.retryAfter().orElse(backoff);
      } catch (IOException e) {
        // Counted by the client. The server may be down and come back.
      }
      if (attempt >= TRIES_MAX && !plan.untilStopped()) {
        throw new GaveUp(call);
      }
      pause(pause);
      backoff = backoff.compareTo(BACKOFF_MAX) < 0 ? backoff.multipliedBy(2) : BACKOFF_MAX;
    }
  }
}
