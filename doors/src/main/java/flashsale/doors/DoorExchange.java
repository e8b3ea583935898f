package flashsale.doors;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import flashsale.platform.batching.Late;
import flashsale.platform.batching.Overloaded;
import flashsale.platform.json.Json;
import flashsale.platform.messaging.FailedElsewhere;
import flashsale.platform.messaging.FailureCategory;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicLong;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One attempt of a call at one process of a role: sends it, and tells by the kind of exception what
 * a failure says of that process. What follows from that is the {@link Peer}'s. Thread-safe.
 */
final class DoorExchange {
  /** How many milliseconds the caller still waits. */
  static final String DEADLINE = "Deadline-Millis";

  private static final Logger LOG = LoggerFactory.getLogger(DoorExchange.class);

  /**
   * Larger bodies are sent after the head was answered: who refuses one while it is being sent
   * resets the connection, and why is lost. Every door takes smaller ones.
   */
  private static final int ASK_FIRST_BYTES = 64 * 1_024;

  /** Every call meets a wrong secret; a line for each would bury all others. */
  private static final Duration LOG_EVERY = Duration.ofMinutes(1);

  /** The call did not come through, or the process there is on its way out. */
  static final class Unreachable extends RuntimeException {
    private static final long serialVersionUID = 1L;

    Unreachable(String message) {
      super(message, null, false, false);
    }
  }

  /** It is there and has no room: asking again would press harder, asking less helps. */
  static final class Full extends RuntimeException {
    private static final long serialVersionUID = 1L;

    Full(String message) {
      super(message, null, false, false);
    }
  }

  /** The process there has no such method; others may. */
  static final class UnknownThere extends RuntimeException {
    private static final long serialVersionUID = 1L;

    UnknownThere(String message) {
      super(message, null, false, false);
    }
  }

  private final String role;
  private final ServiceToken token;
  private final HttpClient http;
  private final AtomicLong refusalLoggedNanoTime =
      new AtomicLong(System.nanoTime() - LOG_EVERY.toNanos());

  DoorExchange(String role, ServiceToken token, HttpClient http) {
    this.role = role;
    this.token = token;
    this.http = http;
  }

  /**
   * Sends the call and waits for its answer.
   *
   * @param left for all of it
   * @param hurried whether that is so little that a missing answer says nothing of the process
   * @return the answer's body
   * @throws Unreachable if there was none
   * @throws Full if the process has no room for it at present
   * @throws UnknownThere if it is of a version without this method
   * @throws Overloaded if it is there and could not do it
   * @throws FailedElsewhere if it failed at it
   * @throws Late if the time was up and the caller in a hurry
   */
  byte[] send(URI url, String method, byte[] body, Duration left, boolean hurried) {
    var request =
        HttpRequest.newBuilder(url.resolve(DoorRoutes.path(role, method)))
            .header("Authorization", "Bearer " + token.text())
            .header("Content-Type", "application/json")
            .header(DEADLINE, Long.toString(Math.max(1, left.toMillis())))
            .expectContinue(body.length >= ASK_FIRST_BYTES)
            .POST(BodyPublishers.ofByteArray(body))
            .build();
    try {
      return read(url, exchange(request, left));
    } catch (TimeoutException e) {
      var said = role + " at " + url + " gave no answer in " + left.toMillis() + " ms";
      throw hurried ? new Late(said) : new Unreachable(said);
    } catch (IOException e) {
      throw new Unreachable(role + " at " + url + " does not answer: " + said(e));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new Late("interrupted while asking " + role);
    }
  }

  /** The time is for all of it: connecting, the answer's head and its body. */
  private HttpResponse<byte[]> exchange(HttpRequest request, Duration left)
      throws IOException, InterruptedException, TimeoutException {
    var answer = http.sendAsync(request, BodyHandlers.ofByteArray());
    try {
      return answer.get(left.toNanos(), TimeUnit.NANOSECONDS);
    } catch (TimeoutException | InterruptedException e) {
      answer.cancel(true);
      throw e;
    } catch (ExecutionException e) {
      throw e.getCause() instanceof IOException io ? io : new IOException(e.getCause());
    }
  }

  private static String said(IOException e) {
    return e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
  }

  private byte[] read(URI url, HttpResponse<byte[]> response) {
    int status = response.statusCode();
    if (status == 200) {
      return response.body();
    }
    var problem = problem(response.body());
    var said = role + ": " + problem.path("detail").asText("status " + status);
    var code = problem.path("code").asText();
    throw switch (status) {
      case 400, 409, 500 -> new FailedElsewhere(category(code), said);
      case 413 -> new FailedElsewhere(FailureCategory.BAD_INPUT, said);
      case 404 -> {
        LOG.debug("{} at {} does not know the method", role, url);
        yield new UnknownThere(said);
      }
      case 401, 403 -> {
        logRefusal(url);
        yield new Overloaded(role + " refuses this process");
      }
      case 503 ->
          switch (code) {
            case "OVERLOADED" -> new Full(said);
            // It is there, and trying at once would only press harder.
            case "DEPENDENCY_DOWN" -> new Overloaded(said);
            default -> new Unreachable(said);
          };
      default -> new Unreachable(said); // A proxy's own answer, for example.
    };
  }

  private void logRefusal(URI url) {
    long now = System.nanoTime();
    long before = refusalLoggedNanoTime.get();
    if (now - before >= LOG_EVERY.toNanos() && refusalLoggedNanoTime.compareAndSet(before, now)) {
      LOG.error("{} at {} does not accept this process's doors.token", role, url);
    }
  }

  private static FailureCategory category(String code) {
    try {
      return FailureCategory.valueOf(code);
    } catch (IllegalArgumentException e) {
      return FailureCategory.BUG;
    }
  }

  private static JsonNode problem(byte[] body) {
    try {
      return Json.tolerant().readTree(new String(body, StandardCharsets.UTF_8));
    } catch (JsonProcessingException e) {
      return Json.tolerant().createObjectNode();
    }
  }
}
