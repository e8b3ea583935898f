package flashsale.platform.http;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import flashsale.platform.http.RawConnection.Response;
import flashsale.platform.security.Caller;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

final class HttpServerTest {
  private static final UUID CUSTOMER = UUID.fromString("0195a3c0-0000-7000-8000-000000000001");
  private static final String JSON = "Content-Type: application/json";
  private static final int BODY_MAX_BYTES = 1_000;
  private static final int REQUESTS_MAX = 4;

  private record Thing(String name, int count) {}

  private record Observed(String method, String route, String path, int status) {}

  private static final class Known extends RuntimeException {
    private static final long serialVersionUID = 1L;
  }

  private final List<Observed> observed = Collections.synchronizedList(new ArrayList<>());
  private final Map<String, String> requestIds = new ConcurrentHashMap<>();
  private final CountDownLatch release = new CountDownLatch(1);
  private final ExecutorService clients = Executors.newVirtualThreadPerTaskExecutor();
  private final HttpServer server = start();

  private HttpServer start() {
    var routes =
        new Routes()
            .get(
                "/things/{id}",
                Access.PUBLIC,
                c -> Answer.ok(Map.of("id", c.pathId("id", "thing"))))
            .delete("/things/{id}", Access.PUBLIC, c -> Answer.noContent())
            .post("/things", Access.PUBLIC, c -> Answer.created("/things/1", c.body(Thing.class)))
            .get("/things", Access.PUBLIC, c -> Answer.ok(c.queryInt("limit", 20, 1, 100)))
            .get("/query", Access.PUBLIC, c -> Answer.ok(c.query("q").orElse("none")))
            .get("/mine", Access.CUSTOMER, c -> Answer.ok(c.caller().userId()))
            .post("/mine", Access.CUSTOMER, c -> Answer.ok(c.body(Thing.class)))
            .get("/admin", Access.OPERATOR, c -> Answer.ok(c.caller().operator()))
            .get("/slow", Access.PUBLIC, this::slow)
            .get("/bug", Access.PUBLIC, c -> Answer.ok(List.of().getFirst()))
            .get("/error", Access.PUBLIC, HttpServerTest::error)
            .get("/known", Access.PUBLIC, HttpServerTest::known)
            .get("/key", Access.PUBLIC, c -> Answer.ok(c.idempotencyKey().orElse("none")))
            .get("/etag", Access.PUBLIC, HttpServerTest::etag);
    return new HttpServer(
        new HttpServer.Settings("127.0.0.1", 0, BODY_MAX_BYTES, 64, REQUESTS_MAX),
        routes,
        HttpServerTest::authenticate,
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

  @AfterEach
  void stop() {
    release.countDown();
    server.close();
    clients.shutdownNow();
  }

  @Test
  void smallAnswersDoNotWaitForDelayedAcknowledgements() throws IOException {
    var times = new ArrayList<Duration>();
    try (var connection = new RawConnection(server.port())) {
      for (int i = 0; i < 300; i++) {
        long from = System.nanoTime();
        var response = connection.ask("POST", "/things", "{\"name\":\"x\",\"count\":1}", JSON);
        times.add(Duration.ofNanos(System.nanoTime() - from));
        assertThat(response.status()).isEqualTo(201);
      }
    }
    Collections.sort(times);
    // Without TCP_NODELAY the median is the 40 ms of the delayed acknowledgement.
    assertThat(times.get(times.size() / 2)).isLessThan(Duration.ofMillis(20));
  }

  @Test
  void anAnswerHasItsStatusHeadersAndBody() throws IOException {
    var created = ask("POST", "/things", "{\"name\":\"Jäger ☔\",\"count\":1}", JSON);
    assertThat(created.status()).isEqualTo(201);
    assertThat(created.header("Location")).isEqualTo("/things/1");
    assertThat(created.header("Content-Type")).isEqualTo("application/json");
    assertThat(created.body()).isEqualTo("{\"name\":\"Jäger ☔\",\"count\":1}");
    var deleted = ask("DELETE", "/things/1", "");
    assertThat(deleted.status()).isEqualTo(204);
    assertThat(deleted.body()).isEmpty();
    assertThat(ask("GET", "/things?limit=7", "").body()).isEqualTo("7");
    await()
        .until(() -> observed.contains(new Observed("DELETE", "/things/{id}", "/things/1", 204)));
  }

  @Test
  void whatTheClientHasIsNotSentAgain() throws IOException {
    assertThat(ask("GET", "/etag", "").header("ETag")).isEqualTo("\"v1\"");
    for (var header : List.of("\"v1\"", "W/\"v1\"", "\"v0\", \"v1\"", "*")) {
      var response = ask("GET", "/etag", "", "If-None-Match: " + header);
      assertThat(response.status()).as(header).isEqualTo(304);
      assertThat(response.body()).isEmpty();
    }
    assertThat(ask("GET", "/etag", "", "If-None-Match: \"v2\"").status()).isEqualTo(200);
  }

  @ParameterizedTest
  @ValueSource(strings = {"/", "/nothing", "/things/", "/things/a/b", "/THINGS", "/%20"})
  void aWrongPathIs404(String path) throws IOException {
    assertProblem(ask("GET", path, ""), 404, "NOT_FOUND");
  }

  @Test
  void whatIsNoIdNamesNothing() throws IOException {
    assertProblem(ask("GET", "/things/1-1-1-1-1", ""), 404, "NOT_FOUND");
    assertProblem(ask("GET", "/things/%00", ""), 404, "NOT_FOUND");
    assertThat(ask("GET", "/things/" + CUSTOMER, "").member("id")).isEqualTo(CUSTOMER.toString());
  }

  @ParameterizedTest
  @CsvSource({
    "PUT,/things,'GET, HEAD, POST'",
    "DELETE,/things,'GET, HEAD, POST'",
    "POST,/things/1,'DELETE, GET, HEAD'",
    "PATCH,/mine,'GET, HEAD, POST'",
    "OPTIONS,/things,'GET, HEAD, POST'",
    "TRACE,/things,'GET, HEAD, POST'",
    "BREW,/things,'GET, HEAD, POST'"
  })
  void aWrongMethodIs405AndTellsTheRightOnes(String method, String path, String allow)
      throws IOException {
    var response = ask(method, path, "");
    assertProblem(response, 405, "METHOD_NOT_ALLOWED");
    assertThat(response.header("Allow")).isEqualTo(allow);
  }

  @Test
  void anAnswerToHeadIsTheOneToGetWithoutItsBody() throws IOException {
    try (var connection = new RawConnection(server.port())) {
      for (var path : List.of("/things", "/nothing", "/etag", "/mine")) {
        var get = connection.ask("GET", path, "");
        var head = connection.ask("HEAD", path, "");
        assertThat(head.status()).as(path).isEqualTo(get.status());
        for (var header : List.of("Content-Length", "Content-Type", "ETag")) {
          assertThat(head.header(header)).as(path + header).isEqualTo(get.header(header));
        }
      }
      // A body that nobody reads would be taken for the next answer.
      assertThat(connection.ask("GET", "/things", "").body()).isEqualTo("20");
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "X-Nothing: x",
        "Content-Type: text/plain",
        "Content-Type: application/jsonx",
        "Content-Type: application/xml",
        "Content-Type: application/problem+json",
        "Content-Type: */*",
        "Content-Type: json",
        "Content-Type: ;;;",
        "Content-Type: application/",
        "Content-Type: multipart/form-data; boundary=x"
      })
  void anotherMediaTypeIs415(String header) throws IOException {
    assertProblem(
        ask("POST", "/things", "{\"name\":\"x\",\"count\":1}", header),
        415,
        "UNSUPPORTED_MEDIA_TYPE");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "application/json",
        "Application/JSON",
        "application/json;charset=utf-8",
        "application/json; charset=UTF-8"
      })
  void jsonIsTakenHoweverItIsSpelt(String type) throws IOException {
    var response = ask("POST", "/things", "{\"name\":\"x\",\"count\":1}", "Content-Type: " + type);
    assertThat(response.status()).isEqualTo(201);
  }

  @Test
  void aTooLargeBodyIs413HoweverItsSizeIsTold() throws IOException {
    var large = "{\"name\":\"" + "x".repeat(BODY_MAX_BYTES) + "\",\"count\":1}";
    assertProblem(ask("POST", "/things", large, JSON), 413, "REQUEST_ENTITY_TOO_LARGE");
    try (var connection = new RawConnection(server.port())) {
      connection.send("POST /things HTTP/1.1\r\nHost: test\r\n" + JSON + "\r\n");
      connection.send("Transfer-Encoding: chunked\r\n\r\n");
      connection.send("200\r\n" + "x".repeat(0x200) + "\r\n200\r\n" + "x".repeat(0x200) + "\r\n");
      connection.send("0\r\n\r\n");
      assertProblem(connection.read(), 413, "REQUEST_ENTITY_TOO_LARGE");
    }
    try (var connection = new RawConnection(server.port())) {
      connection.send("POST /things HTTP/1.1\r\nHost: test\r\n" + JSON + "\r\n");
      connection.send("Content-Length: 99999999999\r\n\r\n");
      assertProblem(connection.read(), 413, "REQUEST_ENTITY_TOO_LARGE");
    }
  }

  @Test
  void aBrokenChunkIs400() throws IOException {
    for (var chunk : List.of("zz\r\n", "-1\r\n", "\r\n", "fffffffffffffffff\r\n")) {
      try (var connection = new RawConnection(server.port())) {
        connection.send("POST /things HTTP/1.1\r\nHost: test\r\n" + JSON + "\r\n");
        connection.send("Transfer-Encoding: chunked\r\n\r\n").send(chunk);
        assertProblem(connection.read(), 400, "BAD_REQUEST");
      }
    }
  }

  @Test
  void aBodyInChunksIsTaken() throws IOException {
    try (var connection = new RawConnection(server.port())) {
      connection.send("POST /things HTTP/1.1\r\nHost: test\r\n" + JSON + "\r\n");
      connection.send("Transfer-Encoding: chunked\r\n\r\n");
      connection.send("8\r\n{\"name\":\r\n").send("f\r\n\"y\",\"count\":12}\r\n0\r\n\r\n");
      assertThat(connection.read().body()).isEqualTo("{\"name\":\"y\",\"count\":12}");
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{",
        "{\"name\":",
        "[]",
        "null",
        "7",
        "{\"name\":\"x\",\"count\":\"1\"}",
        "{\"name\":\"x\",\"count\":1}{}",
        "{\"name\":\"x\",\"count\":99999999999}",
        "{\"name\":\"x\",\"price\":1,\"count\":1}",
        "{\"name\":\"\\u0000\",\"count\":1}",
        "{\"name\":\"\\ud800\",\"count\":1}",
        "{\"\\ud800\":1}",
        "\u0000"
      })
  void aMalformedBodyIs400(String body) throws IOException {
    assertProblem(ask("POST", "/things", body, JSON), 400, "MALFORMED_BODY");
  }

  @Test
  void noBodyWhereOneIsNeededIs400() throws IOException {
    assertProblem(ask("POST", "/things", "", JSON), 400, "MALFORMED_BODY");
    assertProblem(ask("POST", "/things", "", JSON, "Content-Length: 0"), 400, "MALFORMED_BODY");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "GARBAGE\r\n\r\n",
        "\r\n\r\n",
        "GET\r\n\r\n",
        "GET /things\r\n\r\n",
        "GET  HTTP/1.1\r\nHost: test\r\n\r\n",
        "GET /things HTTP/9.9\r\nHost: test\r\n\r\n",
        "GET /things FTP/1.1\r\nHost: test\r\n\r\n",
        "G\u0000T /things HTTP/1.1\r\nHost: test\r\n\r\n",
        "GET /things HTTP/1.1\r\n\r\n",
        "GET /things HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        "GET /things HTTP/1.1\r\nHost: test:x\r\n\r\n",
        "GET /things HTTP/1.1\r\nHost: test\r\nno colon\r\n\r\n",
        "GET /things HTTP/1.1\r\nHost: test\r\nX: a\u0000b\r\n\r\n",
        "GET /th\u0000ings HTTP/1.1\r\nHost: test\r\n\r\n",
        "GET /%zz HTTP/1.1\r\nHost: test\r\n\r\n",
        "GET /% HTTP/1.1\r\nHost: test\r\n\r\n",
        "GET /things/%f HTTP/1.1\r\nHost: test\r\n\r\n",
        "GET /things?limit=%zz HTTP/1.1\r\nHost: test\r\n\r\n",
        "GET /things?limit=% HTTP/1.1\r\nHost: test\r\n\r\n",
        "GET /query?q=<> HTTP/1.1\r\nHost: test\r\n\r\n",
        "POST /things HTTP/1.1\r\nHost: test\r\nContent-Length: x\r\n\r\n",
        "POST /things HTTP/1.1\r\nHost: test\r\nContent-Length: -1\r\n\r\n",
        "POST /things HTTP/1.1\r\nHost: test\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}"
      })
  void whatIsNoHttpIs400(String request) throws IOException {
    try (var connection = new RawConnection(server.port())) {
      assertProblem(connection.send(request).read(), 400, "BAD_REQUEST");
    }
    assertThat(ask("GET", "/things", "").status()).as("the server lives on").isEqualTo(200);
  }

  @Test
  void anEndlessRequestLineOrHeaderIsRefused() throws IOException {
    try (var connection = new RawConnection(server.port())) {
      connection.send("GET /" + "x".repeat(20_000) + " HTTP/1.1\r\nHost: test\r\n\r\n");
      assertProblem(connection.read(), 414, null);
    }
    try (var connection = new RawConnection(server.port())) {
      connection.send(
          "GET /things HTTP/1.1\r\nHost: test\r\nX: " + "x".repeat(40_000) + "\r\n\r\n");
      var response = connection.read();
      assertThat(response.status()).isIn(400, 431);
      assertProblem(response, response.status(), null);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"0", "101", "-1", "x", "", "7.0", "99999999999", "1%00", "%F0%9F%A6%8C"})
  void aQueryOutOfBoundsIs400(String limit) throws IOException {
    assertProblem(ask("GET", "/things?limit=" + limit, ""), 400, "INVALID_QUERY");
  }

  @Test
  void aQueryIsDecodedAndNoHostileTextComesThrough() throws IOException {
    assertThat(ask("GET", "/query?q=a%20b%26%C3%A4", "").body()).isEqualTo("\"a b&ä\"");
    assertThat(ask("GET", "/query?other=1", "").body()).isEqualTo("\"none\"");
    assertProblem(ask("GET", "/query?q=a%00b", ""), 400, "INVALID_QUERY");
    assertThat(ask("GET", "/query?q=%ff%fe", "").status()).isBetween(200, 400);
    assertThat(ask("GET", "/query?q=%ed%a0%80", "").status()).isBetween(200, 400);
  }

  @Test
  void anIdempotencyKeyIsPrintableAndShort() throws IOException {
    assertThat(ask("GET", "/key", "", "Idempotency-Key: 8e03978e-40d5").body())
        .isEqualTo("\"8e03978e-40d5\"");
    assertThat(ask("GET", "/key", "").body()).isEqualTo("\"none\"");
    for (var key : List.of("", "a b", "ä", "x".repeat(256))) {
      assertProblem(
          ask("GET", "/key", "", "Idempotency-Key: " + key), 400, "INVALID_IDEMPOTENCY_KEY");
    }
  }

  @Test
  void onlyTheRightPeopleComeIn() throws IOException {
    for (var header :
        List.of("X: x", "Authorization: Basic eDp5", "Authorization: Bearer", "Authorization: ")) {
      var response = ask("GET", "/mine", "", header);
      assertProblem(response, 401, "UNAUTHENTICATED");
      assertThat(response.header("WWW-Authenticate")).isEqualTo("Bearer");
    }
    assertProblem(ask("GET", "/mine", "", "Authorization: Bearer forged"), 401, "TOKEN_INVALID");
    assertThat(ask("GET", "/mine", "", "Authorization: bearer customer").body())
        .isEqualTo("\"" + CUSTOMER + "\"");
    assertProblem(ask("GET", "/admin", "", "Authorization: Bearer customer"), 403, "FORBIDDEN");
    assertThat(ask("GET", "/admin", "", "Authorization: Bearer operator").status()).isEqualTo(200);
  }

  @Test
  void aConnectionLivesOnAfterARefusedRequestWithABody() throws IOException {
    try (var connection = new RawConnection(server.port())) {
      var body = "{\"name\":\"x\",\"count\":1}";
      assertProblem(connection.ask("POST", "/mine", body, JSON), 401, "UNAUTHENTICATED");
      assertProblem(connection.ask("POST", "/nothing", body, JSON), 404, "NOT_FOUND");
      assertProblem(connection.ask("PUT", "/things", body, JSON), 405, "METHOD_NOT_ALLOWED");
      assertProblem(
          connection.ask("POST", "/things", body, "Content-Type: text/plain"),
          415,
          "UNSUPPORTED_MEDIA_TYPE");
      assertProblem(connection.ask("POST", "/things", "{", JSON), 400, "MALFORMED_BODY");
      assertThat(connection.ask("POST", "/things", body, JSON).status()).isEqualTo(201);
    }
  }

  @Test
  void aFaultOfTheProgramTellsNothingButWhereToLook() throws IOException {
    for (var path : List.of("/bug", "/error")) {
      var response = ask("GET", path, "", "X-Request-Id: look-here");
      assertProblem(response, 500, "INTERNAL_ERROR");
      assertThat(response.member("detail")).contains("look-here");
      assertThat(response.body()).doesNotContain("secret").doesNotContain("Exception");
    }
    assertProblem(ask("GET", "/known", ""), 409, "KNOWN");
  }

  @Test
  void aRequestIdIsEchoedWhereItIsHarmless() throws IOException {
    assertThat(ask("GET", "/things", "", "X-Request-Id: abc-123").header("X-Request-Id"))
        .isEqualTo("abc-123");
    assertThat(ask("GET", "/nothing", "", "X-Request-Id: abc-124").header("X-Request-Id"))
        .isEqualTo("abc-124");
    await().until(() -> requestIds.keySet().containsAll(List.of("abc-123", "abc-124")));
    assertThat(requestIds).containsEntry("abc-123", "/things").containsEntry("abc-124", "/nothing");
    var made = new HashSet<String>();
    for (var hostile : List.of("", "a b", "<script>", "x".repeat(65), "ä", "a\"b", "a;b")) {
      var id = ask("GET", "/things", "", "X-Request-Id: " + hostile).header("X-Request-Id");
      assertThat(id).isNotEqualTo(hostile).matches("[0-9a-z-]+");
      made.add(id);
    }
    assertThat(made).hasSize(7);
  }

  @Test
  void moreRequestsThanAllowedAreRefusedAtOnce() throws Exception {
    var slow = new ArrayList<Future<Response>>();
    for (int i = 0; i < REQUESTS_MAX; i++) {
      slow.add(clients.submit(() -> ask("GET", "/slow", "")));
    }
    await().until(() -> server.running() == REQUESTS_MAX);
    var refused = ask("GET", "/things", "");
    assertProblem(refused, 503, "OVERLOADED");
    assertThat(refused.header("Retry-After")).isEqualTo("1");
    release.countDown();
    for (var one : slow) {
      assertThat(one.get().status()).isEqualTo(200);
    }
    await().until(() -> server.running() == 0);
    assertThat(ask("GET", "/things", "").status()).isEqualTo(200);
  }

  @Test
  void drainingFinishesWhatIsBeingAnsweredAndRefusesTheRest() throws Exception {
    try (var open = new RawConnection(server.port())) {
      assertThat(open.ask("GET", "/things", "").status()).isEqualTo(200);
      var slow = clients.submit(() -> ask("GET", "/slow", ""));
      await().until(() -> server.running() == 1);
      var drained = clients.submit(() -> server.drain(Duration.ofSeconds(30)));

      await()
          .untilAsserted(
              () -> {
                var refused = ask("GET", "/things", "");
                assertProblem(refused, 503, "STOPPING");
                assertThat(refused.header("Connection")).isEqualTo("close");
              });
      assertThat(drained.isDone()).isFalse();
      release.countDown();
      assertThat(slow.get().body()).isEqualTo("\"slow\"");
      drained.get();
      assertThat(open.isAtEnd()).isTrue();
    }
  }

  @Test
  void drainingEndsWhenItsTimeIsOver() throws Exception {
    var slow = clients.submit(() -> ask("GET", "/slow", ""));
    await().until(() -> server.running() == 1);
    long from = System.nanoTime();
    server.drain(Duration.ofMillis(200));
    assertThat(Duration.ofNanos(System.nanoTime() - from)).isLessThan(Duration.ofSeconds(10));
    await().until(slow::isDone);
    assertThat(server.running()).isZero();
  }

  @Test
  void aClientThatLeavesInTheMiddleOfItsBodyDisturbsNobody() throws IOException {
    try (var connection = new RawConnection(server.port())) {
      connection.send("POST /things HTTP/1.1\r\nHost: test\r\n" + JSON + "\r\n");
      connection.send("Content-Length: 100\r\n\r\n{\"name\":");
    }
    await().until(() -> server.running() == 0);
    assertThat(ask("GET", "/things", "").status()).isEqualTo(200);
    assertThat(observed).noneMatch(o -> o.status() >= 500);
  }

  private Response ask(String method, String path, String body, String... headers)
      throws IOException {
    try (var connection = new RawConnection(server.port())) {
      return connection.ask(method, path, body, headers);
    }
  }

  private static void assertProblem(Response response, int status, String code) throws IOException {
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
