package flashsale.platform.http;

import io.helidon.http.DirectHandler;
import io.helidon.http.DirectHandler.TransportRequest;
import io.helidon.http.DirectHandler.TransportResponse;
import io.helidon.http.HeaderNames;
import io.helidon.http.ServerResponseHeaders;
import io.helidon.http.Status;
import io.helidon.webserver.http.DirectHandlers;
import java.time.Duration;
import java.util.Locale;

/**
 * Problems that the server finds before a request has reached a route, or that an endpoint leaves
 * to it: no HTTP, too large, …
 */
final class UnroutedAnswers {
  /** What the observer is told in the place of a route. */
  static final String ROUTE = "unrouted";

  private static final Duration RETRY_AFTER = Duration.ofSeconds(1);

  private final RequestIds requestIds;
  private final HttpServer.Observer observer;
  private final long bodyMaxBytes;

  private UnroutedAnswers(RequestIds requestIds, HttpServer.Observer observer, long bodyMaxBytes) {
    this.requestIds = requestIds;
    this.observer = observer;
    this.bodyMaxBytes = bodyMaxBytes;
  }

  /** For everything that can go wrong there. */
  static DirectHandlers handlers(
      RequestIds requestIds, HttpServer.Observer observer, long bodyMaxBytes) {
    var answers = new UnroutedAnswers(requestIds, observer, bodyMaxBytes);
    var handlers = DirectHandlers.builder();
    for (var event : DirectHandler.EventType.values()) {
      handlers.addHandler(event, answers::answer);
    }
    return handlers.build();
  }

  private TransportResponse answer(
      TransportRequest request,
      DirectHandler.EventType event,
      Status told,
      ServerResponseHeaders headers,
      String message) {
    // Some garbage in the request line makes the server's parser fail instead of refusing it.
    boolean garbage = event == DirectHandler.EventType.INTERNAL_ERROR && request.path().isEmpty();
    var status = garbage ? Status.BAD_REQUEST_400 : told;
    var answer = Answer.problem(problem(status));
    var requestId = requestIds.of(request.headers());
    var response =
        TransportResponse.builder()
            .status(status)
            // The next request would begin somewhere in the body of this one.
            .keepAlive(false)
            .headers(headers)
            .header(HeaderNames.CONTENT_TYPE, answer.contentType())
            .header(RequestIds.HEADER, requestId)
            .entity(answer.body());
    for (var header : answer.headers()) {
      response.header(HeaderNames.create(header.getKey()), header.getValue());
    }
    // When it began is not known here; what takes time has a route.
    observer.answered(request.method(), ROUTE, request.path(), status.code(), 0, requestId);
    return response.build();
  }

  private Problem problem(Status status) {
    var code = status.reasonPhrase().toUpperCase(Locale.ROOT).replaceAll("[^A-Z]+", "_");
    return switch (status.code()) {
      case 413 ->
          Problem.of(413, code, "A body may have " + bodyMaxBytes + " bytes at most.")
              .with("maxBytes", bodyMaxBytes);
      case 503 ->
          Problem.unavailable(code, "The server cannot answer now; try again.", RETRY_AFTER);
      default ->
          Problem.of(
              status.code(),
              code,
              status.code() >= 500 ? "The server failed." : "The request is not acceptable.");
    };
  }
}
