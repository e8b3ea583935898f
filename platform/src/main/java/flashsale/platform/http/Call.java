package flashsale.platform.http;

import com.fasterxml.jackson.core.JsonProcessingException;
import flashsale.platform.ids.Ids;
import flashsale.platform.json.Json;
import flashsale.platform.security.Caller;
import io.helidon.common.buffers.DataReader;
import io.helidon.http.DirectHandler;
import io.helidon.http.HeaderName;
import io.helidon.http.HeaderNames;
import io.helidon.http.RequestException;
import io.helidon.http.Status;
import io.helidon.webserver.CloseConnectionException;
import io.helidon.webserver.http.DirectTransportRequest;
import io.helidon.webserver.http.ServerRequest;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.regex.Pattern;

/** One request as an endpoint sees it. Used by the request's own thread only. */
public final class Call {
  private static final int KEY_MAX_CHARS = 255;
  private static final Pattern PARAMETERS = Pattern.compile("\\s*(;.*)?$");
  private static final HeaderName IDEMPOTENCY_KEY = HeaderNames.create("Idempotency-Key");

  /** Where the client does not tell how long its body is. */
  private static final long USUAL_BODY_BYTES = 1_000;

  /** What is told may be a lie. */
  private static final long BODY_BUFFER_MAX = 16_000;

  private static final HeaderName PREFER = HeaderNames.create("Prefer");
  private static final Prefer NO_PREFERENCE = Prefer.of(List.of());

  private final ServerRequest request;
  private final Caller caller;
  private final String requestId;

  Call(ServerRequest request, Caller caller, String requestId) {
    this.request = request;
    this.caller = caller;
    this.requestId = requestId;
  }

  /** Who calls; throws on a route that is PUBLIC. */
  public Caller caller() {
    if (caller == null) {
      throw new IllegalStateException("a public route has no caller");
    }
    return caller;
  }

  public String requestId() {
    return requestId;
  }

  /** A variable part of the path. */
  public String path(String name) {
    return request.path().pathParameters().get(name);
  }

  /** A variable part of the path that is an id; what is no id names nothing: 404. */
  public UUID pathId(String name, String what) {
    return Ids.parse(path(name)).orElseThrow(() -> Problem.notFound(what));
  }

  /** The first value of a query parameter; 400 if it has control characters. */
  public Optional<String> query(String name) {
    if (!request.query().contains(name)) {
      return Optional.empty();
    }
    var value = request.query().get(name);
    if (value.chars().anyMatch(Character::isISOControl)) {
      throw Problem.badRequest("INVALID_QUERY", name + " has control characters.");
    }
    return Optional.of(value);
  }

  /** A query parameter that is a whole number within bounds, or 400. */
  public int queryInt(String name, int otherwise, int min, int max) {
    var text = query(name).orElse(null);
    if (text == null) {
      return otherwise;
    }
    try {
      int value = Integer.parseInt(text);
      if (value >= min && value <= max) {
        return value;
      }
    } catch (NumberFormatException e) {
      // Said below, with the bounds.
    }
    throw Problem.badRequest(
        "INVALID_QUERY", name + " must be a whole number from " + min + " to " + max + ".");
  }

  /** The first value of a header. */
  public Optional<String> header(String name) {
    return request.headers().first(HeaderNames.create(name));
  }

  /** The key that makes a repeat recognisable: 1 to 255 printable ASCII characters, or 400. */
  public Optional<String> idempotencyKey() {
    var key = request.headers().first(IDEMPOTENCY_KEY);
    if (key.isPresent()
        && (key.get().isEmpty()
            || key.get().length() > KEY_MAX_CHARS
            || !key.get().chars().allMatch(c -> c > 0x20 && c < 0x7f))) {
      throw Problem.badRequest(
          "INVALID_IDEMPOTENCY_KEY",
          "Idempotency-Key must be 1 to 255 printable ASCII characters without spaces.");
    }
    return key;
  }

  /** How the client would like to be answered. */
  public Prefer prefer() {
    return request.headers().contains(PREFER)
        ? Prefer.of(request.headers().get(PREFER).allValues())
        : NO_PREFERENCE;
  }

  /** The address the connection came from. */
  public String remoteHost() {
    return request.remotePeer().host();
  }

  /**
   * The JSON body as a record.
   *
   * @throws Problem 415 for another media type, 400 for what is not such a record
   */
  public <T> T body(Class<T> type) {
    if (!isJson(request.headers().first(HeaderNames.CONTENT_TYPE).orElse(""))) {
      throw Problem.of(
          415, "UNSUPPORTED_MEDIA_TYPE", "The body must be application/json, and say so.");
    }
    try {
      T value = Json.strict().readValue(bytes(), type);
      if (value == null) {
        throw Problem.badRequest("MALFORMED_BODY", "The body must be a JSON object.");
      }
      return value;
    } catch (JsonProcessingException e) {
      throw Problem.badRequest("MALFORMED_BODY", Json.explain(e));
    } catch (IOException e) {
      throw new UncheckedIOException("bytes in memory could not be read", e);
    }
  }

  /** The body as it came; for what is no client's JSON. */
  public byte[] content() {
    return bytes();
  }

  /** Not with the server's own parser: what that one cannot read it answers with 400, not 415. */
  private static boolean isJson(String contentType) {
    return contentType.equals(Answer.JSON)
        || PARAMETERS.matcher(contentType).replaceFirst("").equalsIgnoreCase(Answer.JSON);
  }

  private byte[] bytes() {
    try {
      // Not closed: closing reads on to the end of the body, which broken chunks do not have.
      return bytes(request.content().inputStream());
    } catch (IOException | UncheckedIOException | DataReader.InsufficientDataAvailableException e) {
      throw new CloseConnectionException("the client left in the middle of its body", e);
    } catch (RequestException e) {
      throw unreadable(e.status(), e);
    } catch (IllegalArgumentException e) {
      throw unreadable(Status.BAD_REQUEST_400, e); // The size of a chunk is no number.
    }
  }

  /**
   * All there is. To ask for one byte more than the client has told finds the end as well; not
   * knowing a length, readAllBytes() would clear 16 KiB of memory for each request.
   */
  private byte[] bytes(InputStream body) throws IOException {
    long told = request.headers().contentLength().orElse(USUAL_BODY_BYTES);
    int asked = (int) Math.min(told, BODY_BUFFER_MAX) + 1;
    var first = body.readNBytes(asked);
    if (first.length < asked) {
      return first;
    }
    var all = new ByteArrayOutputStream();
    all.writeBytes(first);
    body.transferTo(all);
    return all.toByteArray();
  }

  /** Without keeping the connection: looking for the end of such a body could take for ever. */
  private RequestException unreadable(Status status, Exception cause) {
    return RequestException.builder()
        .type(DirectHandler.EventType.BAD_REQUEST)
        .request(DirectTransportRequest.create(request.prologue(), request.headers()))
        .status(status)
        .setKeepAlive(false)
        .message("unreadable body")
        .cause(cause)
        .build();
  }

  /** Whether the caller already has the representation with this ETag. */
  public boolean has(String etag) {
    return request
        .headers()
        .first(HeaderNames.IF_NONE_MATCH)
        .filter(v -> v.equals("*") || v.contains(etag))
        .isPresent();
  }
}
