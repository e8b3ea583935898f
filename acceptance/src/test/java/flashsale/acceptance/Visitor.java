package flashsale.acceptance;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.MissingNode;
import flashsale.platform.json.Json;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublisher;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Executors;

/**
 * Somebody who sends requests: with a token a customer or an operator, without one anybody. Every
 * answer is compared with the interface's document. Thread-safe.
 *
 * @param token goes into {@code Authorization: Bearer}; null for none
 */
record Visitor(URI url, String token) {
  private static final Duration ANSWER_MAX = Duration.ofSeconds(60);

  private static final HttpClient HTTP =
      HttpClient.newBuilder()
          .version(HttpClient.Version.HTTP_1_1)
          .connectTimeout(ANSWER_MAX)
          .executor(Executors.newVirtualThreadPerTaskExecutor())
          .build();

  Reply get(String path) {
    return send("GET", path, null, Map.of());
  }

  Reply delete(String path) {
    return send("DELETE", path, null, Map.of());
  }

  Reply put(String path, Object body) {
    return send("PUT", path, Json.text(body), Map.of());
  }

  Reply patch(String path, Object body) {
    return send("PATCH", path, Json.text(body), Map.of());
  }

  Reply post(String path, Object body) {
    return send("POST", path, Json.text(body), Map.of());
  }

  Reply post(String path, Object body, String idempotencyKey) {
    return send("POST", path, Json.text(body), Map.of("Idempotency-Key", idempotencyKey));
  }

  Reply reserve(String offerId, int quantity) {
    return post("/api/v1/reservations", lines(offerId, quantity));
  }

  Reply reserve(String offerId, int quantity, String idempotencyKey) {
    return post("/api/v1/reservations", lines(offerId, quantity), idempotencyKey);
  }

  Reply pay(String orderId, String card) {
    return post("/api/v1/payments", Map.of("orderId", orderId, "method", card));
  }

  Reply pay(String orderId, String card, String idempotencyKey) {
    return post("/api/v1/payments", Map.of("orderId", orderId, "method", card), idempotencyKey);
  }

  private static Map<String, Object> lines(String offerId, int quantity) {
    return Map.of("lines", List.of(Map.of("offerId", offerId, "quantity", quantity)));
  }

  /**
   * Sends a request as it is given.
   *
   * @param body null for none
   * @param headers {@code Content-Type} is application/json unless it stands here
   * @throws UncheckedIOException if there is no answer
   */
  Reply send(String method, String path, String body, Map<String, String> headers) {
    return publish(
        method,
        path,
        body == null ? BodyPublishers.noBody() : BodyPublishers.ofString(body),
        headers);
  }

  /** Sends the body only after the server has said that it wants it. */
  Reply sendWhenAsked(String method, String path, String body) {
    return exchange(request(method, path, BodyPublishers.ofString(body)).expectContinue(true));
  }

  /** The same with a body that comes from anywhere. */
  Reply publish(String method, String path, BodyPublisher body, Map<String, String> headers) {
    var request = request(method, path, body);
    headers.forEach(request::setHeader);
    return exchange(request);
  }

  private HttpRequest.Builder request(String method, String path, BodyPublisher body) {
    var request =
        HttpRequest.newBuilder(url.resolve(path)).timeout(ANSWER_MAX).method(method, body);
    if (body.contentLength() != 0) {
      request.setHeader("Content-Type", "application/json");
    }
    if (token != null) {
      request.setHeader("Authorization", "Bearer " + token);
    }
    return request;
  }

  private static Reply exchange(HttpRequest.Builder builder) {
    var request = builder.build();
    try {
      var response = HTTP.send(request, BodyHandlers.ofString());
      var reply =
          new Reply(
              request.method() + " " + request.uri().getPath(),
              response.statusCode(),
              json(response.body()),
              response.headers());
      Documented.note(request.method(), request.uri().getRawPath(), reply);
      return reply;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    }
  }

  private static JsonNode json(String text) {
    try {
      return text.isEmpty() ? MissingNode.getInstance() : Json.tolerant().readTree(text);
    } catch (JsonProcessingException e) {
      return MissingNode.getInstance(); // Metrics and the interface's document are no JSON.
    }
  }
}
