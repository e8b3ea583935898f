package flashsale.platform.http;

import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/**
 * An answer that is an error, as RFC 9457 {@code application/problem+json} with a stable {@code
 * code}. It is thrown, and cheap: it carries no stack trace. Not for faults of the program, which
 * stay ordinary exceptions and are answered with 500.
 */
public final class Problem extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final int status;
  private final String code;
  private final transient Map<String, Object> extensions;
  private final transient Duration retryAfter;

  private Problem(
      int status, String code, String detail, Map<String, Object> extensions, Duration retryAfter) {
    super(detail, null, false, false);
    this.status = status;
    this.code = code;
    this.extensions = extensions;
    this.retryAfter = retryAfter;
  }

  /**
   * A problem of any kind.
   *
   * @param status HTTP status, 400 to 599
   * @param code stable, upper case, for programs
   * @param detail one sentence for people: what is wrong and what to do
   */
  public static Problem of(int status, String code, String detail) {
    return new Problem(status, code, detail, Map.of(), null);
  }

  /** 400: the request cannot be understood. */
  public static Problem badRequest(String code, String detail) {
    return of(400, code, detail);
  }

  /** 404: there is no such thing, or it is somebody else's. */
  public static Problem notFound(String what) {
    return of(404, "NOT_FOUND", "There is no such " + what + ".");
  }

  /** 409: the request contradicts the present state. */
  public static Problem conflict(String code, String detail) {
    return of(409, code, detail);
  }

  /** 422: understood, but it cannot be done as it stands. */
  public static Problem unprocessable(String code, String detail) {
    return of(422, code, detail);
  }

  /** 503 with {@code Retry-After}: refused early because something is full or down. */
  public static Problem unavailable(String code, String detail, Duration retryAfter) {
    return new Problem(503, code, detail, Map.of(), retryAfter);
  }

  /** The same problem with one more member in its body. */
  public Problem with(String name, Object value) {
    var more = new LinkedHashMap<>(extensions);
    more.put(name, value);
    return new Problem(status, code, getMessage(), more, retryAfter);
  }

  /** The same problem with a {@code Retry-After} header, in whole seconds, at least 1. */
  public Problem retryAfter(Duration after) {
    return new Problem(status, code, getMessage(), extensions, after);
  }

  public int status() {
    return status;
  }

  public String code() {
    return code;
  }

  public Optional<Duration> retryAfter() {
    return Optional.ofNullable(retryAfter);
  }

  /** The body's members in order. */
  public Map<String, Object> body() {
    var body = new LinkedHashMap<String, Object>();
    body.put("type", "about:blank");
    body.put("title", code.replace('_', ' ').toLowerCase(java.util.Locale.ROOT));
    body.put("status", status);
    body.put("code", code);
    body.put("detail", getMessage());
    body.putAll(extensions);
    return body;
  }
}
