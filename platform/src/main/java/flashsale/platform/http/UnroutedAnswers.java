package flashsale.platform.http;

import io.helidon.http.DirectHandler;
import io.helidon.http.DirectHandler.TransportRequest;
import io.helidon.http.DirectHandler.TransportResponse;
import io.helidon.http.HeaderNames;
import io.helidon.http.ServerResponseHeaders;
import io.helidon.http.Status;
import io.helidon.webserver.http.DirectHandlers;
import java.util.Locale;

/** Problems that the server finds before a request has reached a route: no HTTP, too large, … */
final class UnroutedAnswers {
  private final RequestIds requestIds;

  private UnroutedAnswers(RequestIds requestIds) {
    this.requestIds = requestIds;
  }

  /** For everything that can go wrong there. */
  static DirectHandlers handlers(RequestIds requestIds) {
    var answers = new UnroutedAnswers(requestIds);
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
    var answer =
        Answer.problem(
            Problem.of(
                status.code(),
                status.reasonPhrase().toUpperCase(Locale.ROOT).replaceAll("[^A-Z]+", "_"),
                status.code() >= 500 ? "The server failed." : "The request is not acceptable."));
    return TransportResponse.builder()
        .status(status)
        .headers(headers)
        .header(HeaderNames.CONTENT_TYPE, answer.contentType())
        .header(RequestIds.HEADER, requestIds.of(request.headers()))
        .entity(answer.body())
        .build();
  }
}
