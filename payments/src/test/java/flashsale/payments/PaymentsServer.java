package flashsale.payments;

import com.fasterxml.jackson.databind.JsonNode;
import flashsale.contracts.CheckoutUnavailable;
import flashsale.platform.http.HttpServer;
import flashsale.platform.http.Prefer;
import flashsale.platform.http.Problem;
import flashsale.platform.http.Routes;
import flashsale.platform.ids.Ids;
import flashsale.platform.json.Json;
import flashsale.platform.metrics.Meters;
import flashsale.platform.security.Caller;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.Optional;
import java.util.UUID;

/** The payments role behind a real HTTP server; a customer's token is their id. */
final class PaymentsServer implements AutoCloseable {
  static final UUID OPERATOR = new UUID(0, 1);

  /** What came back. */
  record Reply(int status, JsonNode body, Optional<String> location, Optional<String> retryAfter) {
    String code() {
      return body.path("code").asText();
    }

    String text(String field) {
      return body.path(field).asText();
    }
  }

  final PayingShop shop = new PayingShop();
  private final Meters meters = new Meters();
  private final PaymentApi api =
      new PaymentApi(
          shop.desk,
          shop.neighbours,
          shop::carry,
          shop.clock,
          shop.changes,
          new Prefer.Policy(false, Duration.ofSeconds(30)),
          meters);
  private final HttpServer server;
  private final HttpClient client = HttpClient.newHttpClient();

  PaymentsServer() {
    var routes = new Routes();
    api.routes(routes);
    new PaymentAdminApi(shop.desk, shop.neighbours, shop::carry).routes(routes);
    server =
        new HttpServer(
            new HttpServer.Settings("127.0.0.1", 0, 64 * 1024, 500, 500),
            routes,
            PaymentsServer::caller,
            (method, route, path, status, nanos, requestId) -> {},
            PaymentsServer::problem);
  }

  private static Caller caller(String token) {
    return Ids.parse(token)
        .map(id -> new Caller(id, id.equals(OPERATOR)))
        .orElseThrow(() -> Problem.of(401, "UNAUTHENTICATED", "Unknown token."));
  }

  private static Optional<Problem> problem(Exception failure) {
    return failure instanceof CheckoutUnavailable e
        ? Optional.of(Problem.unavailable("UNAVAILABLE", e.getMessage(), e.retryAfter()))
        : Optional.empty();
  }

  /** Any request; everything but the first two may be null. */
  Reply send(String method, String path, UUID caller, String key, String body) {
    var request = HttpRequest.newBuilder(HttpServer.local(server.port()).resolve(path));
    if (caller != null) {
      request.header("Authorization", "Bearer " + caller);
    }
    if (key != null) {
      request.header("Idempotency-Key", key);
    }
    if (body != null) {
      request.header("Content-Type", "application/json");
    }
    request.method(
        method,
        body == null
            ? HttpRequest.BodyPublishers.noBody()
            : HttpRequest.BodyPublishers.ofString(body));
    try {
      var reply = client.send(request.build(), HttpResponse.BodyHandlers.ofByteArray());
      return new Reply(
          reply.statusCode(),
          Json.tolerant().readTree(reply.body()),
          reply.headers().firstValue("Location"),
          reply.headers().firstValue("Retry-After"));
    } catch (IOException e) {
      throw new UncheckedIOException(method + " " + path + " " + body, e);
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  Reply pay(UUID customer, UUID orderId, SandboxCard card, String key) {
    return pay(customer, body(orderId, card.token()), key);
  }

  Reply pay(UUID customer, String body, String key) {
    return send("POST", "/api/v1/payments", customer, key, body);
  }

  static String body(UUID orderId, String method) {
    return "{\"orderId\":\"%s\",\"method\":\"%s\"}".formatted(orderId, method);
  }

  Reply get(UUID customer, String path) {
    return send("GET", path, customer, null, null);
  }

  Reply refund(UUID caller, UUID orderId) {
    return send("POST", "/api/v1/admin/orders/" + orderId + "/refund", caller, null, null);
  }

  @Override
  public void close() {
    client.close();
    server.close();
    api.close();
    meters.close();
  }
}
