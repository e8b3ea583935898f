package flashsale.platform.http;

import static org.assertj.core.api.Assertions.assertThat;

import flashsale.platform.http.RawConnection.Response;
import flashsale.platform.security.Caller;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;

/** A server with a few routes of every kind. */
final class TestServer implements AutoCloseable {
  static final UUID CUSTOMER = UUID.fromString("0195a3c0-0000-7000-8000-000000000001");
  static final int BODY_MAX_BYTES = 50_000;
  static final int REQUESTS_MAX = 4;

  private record Thing(String name, int count) {}

  record Observed(String method, String route, String path, int status) {}

  private static final class Known extends RuntimeException {
    private static final long serialVersionUID = 1L;
  }

  final List<Observed> observed = Collections.synchronizedList(new ArrayList<>());
  final Map<String, String> requestIds = new ConcurrentHashMap<>();
  final CountDownLatch release = new CountDownLatch(1);
  final HttpServer http = start();

  private HttpServer start() {
    var routes =
        new Routes()
            .get(
                "/things/{id}",
                Access.PUBLIC,
                c -> Answer.ok(Map.of("id", c.pathId("id", "thing"))))
            .delete("/things/{id}", Access.PUBLIC, c -> Answer.noContent())
            .post("/things", Access.PUBLIC, c -> Answer.created("/things/1", c.body(Thing.class)))
            .post("/length", Access.PUBLIC, c -> Answer.ok(c.content().length))
            .get("/things", Access.PUBLIC, c -> Answer.ok(c.queryInt("limit", 20, 1, 100)))
            .get("/query", Access.PUBLIC, c -> Answer.ok(c.query("q").orElse("none")))
            .get("/mine", Access.CUSTOMER, c -> Answer.ok(c.caller().userId()))
            .post("/mine", Access.CUSTOMER, c -> Answer.ok(c.body(Thing.class)))
            .get("/admin", Access.OPERATOR, c -> Answer.ok(c.caller().operator()))
            .get("/slow", Access.PUBLIC, this::slow)
            .get("/bug", Access.PUBLIC, c -> Answer.ok(List.of().getFirst()))
            .get("/error", Access.PUBLIC, TestServer::error)
            .get("/known", Access.PUBLIC, TestServer::known)
            .get("/key", Access.PUBLIC, c -> Answer.ok(c.idempotencyKey().orElse("none")))
            .probe("/alive", c -> Answer.ok("alive"))
            .get("/etag", Access.PUBLIC, TestServer::etag);
    return new HttpServer(
        new HttpServer.Settings("127.0.0.1", 0, BODY_MAX_BYTES, 64, REQUESTS_MAX),
        routes,
        TestServer::authenticate,
        (method, route, path, status, nanos, requestId) -> {
          observed.add(new Observed(method, route, path, status));
          requestIds.put(requestId, path);
        },
        e ->
            e instanceof Known
                ? Optional.of(Problem.conflict("KNOWN", "It is known."))
                : Optional.empty());
  }

  private static Caller authenticate(String bearer) {
    return switch (bearer) {
      case "customer" -> new Caller(CUSTOMER, false);
      case "operator" -> new Caller(CUSTOMER, true);
      default -> throw Problem.of(401, "TOKEN_INVALID", "The access token is not valid.");
    };
  }

  private Answer slow(Call call) throws InterruptedException {
    release.await();
    return Answer.ok("slow");
  }

  private static Answer error(Call call) {
    throw new StackOverflowError("secret");
  }

  private static Answer known(Call call) {
    throw new Known();
  }

  private static Answer etag(Call call) {
    var etag = "\"v1\"";
    return call.has(etag) ? Answer.notModified(etag) : Answer.ok("x").header("ETag", etag);
  }

  @Override
  public void close() {
    release.countDown();
    http.close();
  }

  /** Asks on a connection of its own. */
  Response ask(String method, String path, String body, String... headers) throws IOException {
    try (var connection = new RawConnection(http.port())) {
      return connection.ask(method, path, body, headers);
    }
  }

  /**
   * Asserts that it is a whole problem+json.
   *
   * @param code null: any
   */
  static void assertProblem(Response response, int status, String code) throws IOException {
    assertThat(response.status()).as(response.toString()).isEqualTo(status);
    assertThat(response.header("Content-Type")).isEqualTo("application/problem+json");
    assertThat(response.header("X-Request-Id")).as("request id").isNotBlank();
    for (var member : List.of("type", "title", "detail", "code")) {
      assertThat(response.member(member)).as(member).isNotBlank();
    }
    assertThat(response.member("status")).isEqualTo(Integer.toString(status));
    if (code != null) {
      assertThat(response.member("code")).isEqualTo(code);
    }
  }
}
