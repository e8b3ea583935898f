package flashsale.lab;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
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
import java.util.function.BooleanSupplier;

/**
 * The shop's verbs as one customer uses them. Whatever gets no final answer is sent again with the
 * same key: a limited number of times, or until the crowd is stopped if the plan says so. Safe for
 * use by several threads, as each call names the connection that it uses.
 */
final class Shopping {
  private static final String API = "/api/v1/";
  private static final String EVENTS = "/events";
  private static final String NOWHERE = "accepted with 202, and no Location to look at";
  private static final int TRIES_MAX = 20;
  private static final Duration BACKOFF_FIRST = Duration.ofMillis(50);
  private static final Duration BACKOFF_MAX = Duration.ofMillis(1_600);
  private static final Duration LISTEN_AGAIN = Duration.ofMillis(250);

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

  /** The final answer; 202 only if there was none in time. */
  Answered reserve(Client client, UUID key, Object body) throws InterruptedException {
    return order(client, "reserve", "reservations", key, body);
  }

  Answered release(Client client, UUID reservationId) throws InterruptedException {
    return ask(client, "release", "DELETE", "reservations/" + reservationId, null, null);
  }

  /** The same for a payment. */
  Answered pay(Client client, UUID orderId, String card) throws InterruptedException {
    var body = Map.of("orderId", orderId, "method", card);
    return order(client, "pay", "payments", Ids.next(), body);
  }

  private Answered order(Client client, String call, String path, UUID key, Object body)
      throws InterruptedException {
    var prefer = plan.async() ? Request.ASYNC : null;
    var request = Request.of("POST", API + path, token, key.toString(), prefer, Json.text(body));
    var answered = persist(() -> client.send(call, request), call);
    return answered.status() == 202 ? followed(client, call, answered) : answered;
  }

  /**
   * What became of an accepted request: the events at its Location tell as soon as it is known,
   * with one request and no polling; a browser's EventSource does the same.
   */
  private Answered followed(Client client, String call, Answered accepted)
      throws InterruptedException {
    var events = accepted.location().orElseThrow(() -> new IllegalStateException(NOWHERE)) + EVENTS;
    BooleanSupplier enough = () -> crowd.sentHome() || age(accepted) > plan.finalMax().toNanos();
    while (!enough.getAsBoolean()) {
      var pause = LISTEN_AGAIN;
      try {
        var told = client.follow("events", events, token, Shopping::isFinal, enough);
        if (isFinal(told.body())) {
          var end = end(accepted, told.body());
          crowd.reachedItsEnd(call, end.status(), end.code(), age(accepted));
          return end;
        }
        if (!told.ok() && !told.passing()) {
          break; // There is no such thing where it was said to be.
        }
        pause = told.retryAfter().orElse(pause);
      } catch (IOException e) {
        // Counted by the client. The server may be down and come back.
      }
      if (!enough.getAsBoolean()) {
        Thread.sleep(pause);
      }
    }
    if (crowd.sentHome()) {
      throw new Over();
    }
    crowd.reachedItsEnd(call, Tally.NO_ANSWER, "NEVER_FINAL", age(accepted));
    return accepted;
  }

  private static long age(Answered accepted) {
    return System.nanoTime() - accepted.sentAt();
  }

  private static boolean isFinal(JsonNode told) {
    return told.has("state") && !UNDECIDED.contains(told.path("state").asText());
  }

  /** As it would have been answered at once. */
  private static Answered end(Answered accepted, JsonNode told) {
    return switch (told.path("state").asText()) {
      case "REFUSED" -> accepted.ended(409, told.path("reason").asText(), told);
      case "DECLINED" -> accepted.ended(402, "PAYMENT_DECLINED", told);
      case "REFUNDED" -> accepted.ended(410, "HOLD_GONE", told);
      default -> accepted.ended(201, "", told);
    };
  }

  private static final List<String> UNDECIDED = List.of("UNKNOWN", "PENDING");

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
    return persist(() -> client.call(call, method, API + path, token, keyText, body), call);
  }

  @FunctionalInterface
  private interface Sending {
    Answered send() throws IOException;
  }

  private Answered persist(Sending sending, String call) throws InterruptedException {
    var backoff = BACKOFF_FIRST;
    for (int attempt = 1; ; attempt++) {
      if (crowd.over()) {
        throw new Over();
      }
      var pause = backoff;
      try {
        var answered = sending.send();
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
