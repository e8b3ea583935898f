package flashsale.server;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.MissingNode;
import flashsale.platform.json.Json;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * Talks to a server as an operator. Every refusal becomes a {@link CommandFailure} that says in
 * words what the server said. Closing ends the session. Used by one thread.
 */
public final class OperatorClient implements AutoCloseable {
  private static final Duration CONNECT_MAX = Duration.ofSeconds(5);

  /** Longer than an audit's patience at any server's settings, and the reading of all its rows. */
  static final Duration ANSWER_MAX = Duration.ofMinutes(5);

  private static final int PAGE = 100;
  private static final int PAGES_MAX = 1000;

  /** What every problem has; other members carry the numbers that one needs to act. */
  private static final Set<String> PROBLEM_MEMBERS =
      Set.of("type", "title", "status", "code", "detail", "instance");

  private final HttpClient http =
      HttpClient.newBuilder()
          .version(HttpClient.Version.HTTP_1_1)
          .connectTimeout(CONNECT_MAX)
          .build();
  private final URI server;
  private String token;

  private OperatorClient(URI server) {
    this.server = server;
  }

  /**
   * Signs in.
   *
   * @param server its address, e.g. {@code http://127.0.0.1:8080}
   * @throws CommandFailure UNREACHABLE, or FAILED if it refuses
   */
  public static OperatorClient signIn(URI server, OperatorAccount account) {
    var client = new OperatorClient(server);
    try {
      var session = client.post("/api/v1/sessions", account);
      if (!session.path("operator").asBoolean()) {
        throw new CommandFailure(ExitCode.FAILED, account + " is a customer, not an operator.");
      }
      client.token = session.path("accessToken").asText();
      return client;
    } catch (RuntimeException e) {
      client.http.close();
      throw e;
    }
  }

  public JsonNode get(String path) {
    return call("GET", path, null);
  }

  /** Posts a record as JSON; null: without a body. */
  public JsonNode post(String path, Object body) {
    return call("POST", path, body);
  }

  /**
   * All elements of a list that is served in pages.
   *
   * @param path may have a query
   * @param member the member of each page that holds its elements
   */
  public List<JsonNode> all(String path, String member) {
    var elements = new ArrayList<JsonNode>();
    var first = path + (path.contains("?") ? "&" : "?") + "limit=" + PAGE;
    var query = "";
    for (int page = 0; page < PAGES_MAX; page++) {
      var answer = get(first + query);
      answer.path(member).forEach(elements::add);
      if (answer.path("next").isNull() || answer.path("next").isMissingNode()) {
        return elements;
      }
      query = "&cursor=" + answer.path("next").asText();
    }
    throw new CommandFailure(ExitCode.FAILED, path + " has more pages than " + PAGES_MAX + ".");
  }

  private JsonNode call(String method, String path, Object body) {
    var request =
        HttpRequest.newBuilder(server.resolve(path))
            .timeout(ANSWER_MAX)
            .method(
                method,
                body == null
                    ? HttpRequest.BodyPublishers.noBody()
                    : HttpRequest.BodyPublishers.ofByteArray(Json.bytes(body)));
    if (body != null) {
      request.header("Content-Type", "application/json");
    }
    if (token != null) {
      request.header("Authorization", "Bearer " + token);
    }
    var response = send(request.build());
    var answer = parse(response);
    if (response.statusCode() >= 400) {
      throw new CommandFailure(ExitCode.FAILED, inWords(response, answer));
    }
    return answer;
  }

  private HttpResponse<byte[]> send(HttpRequest request) {
    try {
      return http.send(request, HttpResponse.BodyHandlers.ofByteArray());
    } catch (IOException e) {
      throw new CommandFailure(
          ExitCode.UNREACHABLE,
          "No server answers at %s: %s. Start one with: flashsale serve"
              .formatted(server, e.getMessage() == null ? "connection refused" : e.getMessage()),
          e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new CommandFailure(ExitCode.FAILED, "Interrupted.", e);
    }
  }

  private JsonNode parse(HttpResponse<byte[]> response) {
    if (response.body().length == 0) {
      return MissingNode.getInstance();
    }
    try {
      return Json.tolerant().readTree(response.body());
    } catch (IOException e) {
      throw notOurs(response, e);
    }
  }

  private CommandFailure notOurs(HttpResponse<byte[]> response, IOException cause) {
    return new CommandFailure(
        ExitCode.UNREACHABLE,
        "What answers at %s is no flash sale (status %d, no JSON)."
            .formatted(server, response.statusCode()),
        cause);
  }

  /** The problem's detail, its numbers, and what to look for in the log. */
  private static String inWords(HttpResponse<byte[]> response, JsonNode problem) {
    var numbers =
        problem.properties().stream()
            .filter(member -> !PROBLEM_MEMBERS.contains(member.getKey()))
            .map(member -> member.getKey() + ": " + member.getValue().asText())
            .collect(Collectors.joining(", "));
    return "%s%s (%d %s%s)"
        .formatted(
            problem.path("detail").asText("The server refused."),
            numbers.isEmpty() ? "" : " [" + numbers + "]",
            response.statusCode(),
            problem.path("code").asText(""),
            response.headers().firstValue("X-Request-Id").map(id -> ", request " + id).orElse(""));
  }

  /** Signs out; a server that has gone meanwhile needs no goodbye. */
  @Override
  public void close() {
    try {
      call("DELETE", "/api/v1/sessions", null);
    } catch (CommandFailure e) {
      // The session ends by itself.
    } finally {
      http.close();
    }
  }
}
