package flashsale.platform.http;

import flashsale.platform.json.Json;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * A response: status, headers, body bytes. Immutable.
 *
 * @param contentType of the body; null when there is none
 * @param events what is written instead of a body, while it happens; else null
 */
public record Answer(
    int status,
    List<Map.Entry<String, String>> headers,
    String contentType,
    byte[] body,
    EventStream.Source events) {
  static final String JSON = "application/json";
  private static final byte[] NOTHING = {};

  /** The second one is what nginx listens to. */
  private static final List<Map.Entry<String, String>> UNBUFFERED =
      List.of(Map.entry("Cache-Control", "no-store"), Map.entry("X-Accel-Buffering", "no"));

  /** One that is complete. */
  public Answer(
      int status, List<Map.Entry<String, String>> headers, String contentType, byte[] body) {
    this(status, headers, contentType, body, null);
  }

  /** 200 and server-sent events. */
  public static Answer events(EventStream.Source source) {
    return new Answer(200, UNBUFFERED, "text/event-stream", NOTHING, source);
  }

  /** 200 with a JSON body. */
  public static Answer ok(Object body) {
    return json(200, body);
  }

  /** 201 with {@code Location} and a JSON body. */
  public static Answer created(String location, Object body) {
    return json(201, body).header("Location", location);
  }

  /** A JSON body with any status. */
  public static Answer json(int status, Object body) {
    return new Answer(status, List.of(), JSON, Json.bytes(body));
  }

  /** 204. */
  public static Answer noContent() {
    return new Answer(204, List.of(), null, NOTHING);
  }

  /** 304: what the caller has is still true. */
  public static Answer notModified(String etag) {
    return new Answer(304, List.of(Map.entry("ETag", etag)), null, NOTHING);
  }

  /** 200 with bytes that were made before. */
  public static Answer bytes(String contentType, byte[] body) {
    return new Answer(200, List.of(), contentType, body);
  }

  static Answer problem(Problem problem) {
    var answer =
        new Answer(
            problem.status(), List.of(), "application/problem+json", Json.bytes(problem.body()));
    return problem
        .retryAfter()
        .map(
            d ->
                answer.header(
                    "Retry-After", Long.toString(Math.max(1, (d.toMillis() + 999) / 1000))))
        .orElse(answer);
  }

  /** The same answer with one more header. */
  public Answer header(String name, String value) {
    var more = new ArrayList<>(headers);
    more.add(Map.entry(name, value));
    return new Answer(status, List.copyOf(more), contentType, body, events);
  }
}
