package flashsale.platform.http;

import static flashsale.platform.http.TestServer.assertProblem;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Whatever a client sends wrong, it gets problem+json with 4xx, and nobody else is disturbed. */
final class BadRequestTest {
  private static final String JSON = "Content-Type: application/json";

  private final TestServer server = new TestServer();

  @AfterEach
  void stop() {
    server.close();
  }

  @ParameterizedTest
  @ValueSource(strings = {"/", "/nothing", "/things/", "/things/a/b", "/THINGS", "/%20"})
  void aWrongPathIs404(String path) throws IOException {
    assertProblem(server.ask("GET", path, ""), 404, "NOT_FOUND");
  }

  @Test
  void whatIsNoIdNamesNothing() throws IOException {
    assertProblem(server.ask("GET", "/things/1-1-1-1-1", ""), 404, "NOT_FOUND");
    assertProblem(server.ask("GET", "/things/%00", ""), 404, "NOT_FOUND");
    assertThat(server.ask("GET", "/things/" + TestServer.CUSTOMER, "").member("id"))
        .isEqualTo(TestServer.CUSTOMER.toString());
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
    var response = server.ask(method, path, "");
    assertProblem(response, 405, "METHOD_NOT_ALLOWED");
    assertThat(response.header("Allow")).isEqualTo(allow);
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
        server.ask("POST", "/things", "{\"name\":\"x\",\"count\":1}", header),
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
    var response =
        server.ask("POST", "/things", "{\"name\":\"x\",\"count\":1}", "Content-Type: " + type);
    assertThat(response.status()).isEqualTo(201);
  }

  @Test
  void aTooLargeBodyIs413HoweverItsSizeIsTold() throws IOException {
    var large = "{\"name\":\"" + "x".repeat(TestServer.BODY_MAX_BYTES) + "\",\"count\":1}";
    assertProblem(server.ask("POST", "/things", large, JSON), 413, "REQUEST_ENTITY_TOO_LARGE");
    try (var connection = new RawConnection(server.http.port())) {
      connection.send("POST /things HTTP/1.1\r\nHost: test\r\n" + JSON + "\r\n");
      connection.send("Transfer-Encoding: chunked\r\n\r\n");
      var chunk = "8000\r\n" + "x".repeat(0x8000) + "\r\n";
      connection.send(chunk + chunk);
      connection.send("0\r\n\r\n");
      assertProblem(connection.read(), 413, "REQUEST_ENTITY_TOO_LARGE");
    }
    try (var connection = new RawConnection(server.http.port())) {
      connection.send("POST /things HTTP/1.1\r\nHost: test\r\n" + JSON + "\r\n");
      connection.send("Content-Length: 99999999999\r\n\r\n");
      var refused = connection.read();
      assertProblem(refused, 413, "REQUEST_ENTITY_TOO_LARGE");
      assertThat(refused.header("Connection")).isEqualTo("close");
      assertThat(refused.member("detail")).contains(TestServer.BODY_MAX_BYTES + " bytes");
    }
    assertThat(server.observed)
        .filteredOn(o -> o.status() == 413)
        .containsOnly(new TestServer.Observed("POST", UnroutedAnswers.ROUTE, "/things", 413))
        .hasSize(3);
  }

  @Test
  void whatReachesNoRouteIsObservedToo() throws IOException {
    for (var request : List.of("GARBAGE\r\n\r\n", "GET /things HTTP/1.1\r\n\r\n")) {
      try (var connection = new RawConnection(server.http.port())) {
        var refused = connection.send(request).read();
        assertThat(server.requestIds).containsKey(refused.header("X-Request-Id"));
      }
    }
    assertThat(server.observed).extracting(TestServer.Observed::route).containsOnly("unrouted");
  }

  @Test
  void aBrokenChunkIs400() throws IOException {
    for (var chunk : List.of("zz\r\n", "-1\r\n", "\r\n", "fffffffffffffffff\r\n")) {
      try (var connection = new RawConnection(server.http.port())) {
        connection.send("POST /things HTTP/1.1\r\nHost: test\r\n" + JSON + "\r\n");
        connection.send("Transfer-Encoding: chunked\r\n\r\n").send(chunk);
        assertProblem(connection.read(), 400, "BAD_REQUEST");
      }
    }
  }

  @Test
  void aBodyInChunksIsTaken() throws IOException {
    try (var connection = new RawConnection(server.http.port())) {
      connection.send("POST /things HTTP/1.1\r\nHost: test\r\n" + JSON + "\r\n");
      connection.send("Transfer-Encoding: chunked\r\n\r\n");
      connection.send("8\r\n{\"name\":\r\n").send("f\r\n\"y\",\"count\":12}\r\n0\r\n\r\n");
      assertThat(connection.read().body()).isEqualTo("{\"name\":\"y\",\"count\":12}");
    }
  }

  /** Below, at and above the sizes of the buffers on the way, and each in two chunks. */
  @ParameterizedTest
  @ValueSource(ints = {1, 999, 1_000, 1_001, 1_002, 15_999, 16_000, 16_001, 40_000, 50_000})
  void aBodyIsReadToItsEnd(int length) throws IOException {
    var body = "x".repeat(length);
    try (var connection = new RawConnection(server.http.port())) {
      assertThat(connection.ask("POST", "/length", body).body()).isEqualTo("" + length);
      connection.send("POST /length HTTP/1.1\r\nHost: test\r\n");
      connection.send("Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n");
      connection.send(Integer.toHexString(length) + "\r\n" + body + "\r\n0\r\n\r\n");
      var answer = connection.read();
      assertThat(answer.status()).isEqualTo(length < TestServer.BODY_MAX_BYTES ? 200 : 413);
      if (answer.status() == 200) {
        assertThat(answer.body()).isEqualTo("" + (length + 1));
      }
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
    assertProblem(server.ask("POST", "/things", body, JSON), 400, "MALFORMED_BODY");
  }

  @Test
  void noBodyWhereOneIsNeededIs400() throws IOException {
    assertProblem(server.ask("POST", "/things", "", JSON), 400, "MALFORMED_BODY");
    assertProblem(
        server.ask("POST", "/things", "", JSON, "Content-Length: 0"), 400, "MALFORMED_BODY");
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
    try (var connection = new RawConnection(server.http.port())) {
      assertProblem(connection.send(request).read(), 400, "BAD_REQUEST");
    }
    assertThat(server.ask("GET", "/things", "").status()).as("the server lives on").isEqualTo(200);
  }

  @Test
  void anEndlessRequestLineOrHeaderIsRefused() throws IOException {
    try (var connection = new RawConnection(server.http.port())) {
      connection.send("GET /" + "x".repeat(20_000) + " HTTP/1.1\r\nHost: test\r\n\r\n");
      assertProblem(connection.read(), 414, null);
    }
    try (var connection = new RawConnection(server.http.port())) {
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
    assertProblem(server.ask("GET", "/things?limit=" + limit, ""), 400, "INVALID_QUERY");
  }

  @Test
  void aQueryIsDecodedAndNoHostileTextComesThrough() throws IOException {
    assertThat(server.ask("GET", "/query?q=a%20b%26%C3%A4", "").body()).isEqualTo("\"a b&ä\"");
    assertThat(server.ask("GET", "/query?other=1", "").body()).isEqualTo("\"none\"");
    assertProblem(server.ask("GET", "/query?q=a%00b", ""), 400, "INVALID_QUERY");
    assertThat(server.ask("GET", "/query?q=%ff%fe", "").status()).isBetween(200, 400);
    assertThat(server.ask("GET", "/query?q=%ed%a0%80", "").status()).isBetween(200, 400);
  }

  @Test
  void anIdempotencyKeyIsPrintableAndShort() throws IOException {
    assertThat(server.ask("GET", "/key", "", "Idempotency-Key: 8e03978e-40d5").body())
        .isEqualTo("\"8e03978e-40d5\"");
    assertThat(server.ask("GET", "/key", "").body()).isEqualTo("\"none\"");
    for (var key : List.of("", "a b", "ä", "x".repeat(256))) {
      assertProblem(
          server.ask("GET", "/key", "", "Idempotency-Key: " + key), 400, "INVALID_IDEMPOTENCY_KEY");
    }
  }

  @Test
  void aConnectionLivesOnAfterARefusedRequestWithABody() throws IOException {
    try (var connection = new RawConnection(server.http.port())) {
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
  void aClientThatLeavesInTheMiddleOfItsBodyDisturbsNobody() throws IOException {
    try (var connection = new RawConnection(server.http.port())) {
      connection.send("POST /things HTTP/1.1\r\nHost: test\r\n" + JSON + "\r\n");
      connection.send("Content-Length: 100\r\n\r\n{\"name\":");
    }
    await().until(() -> server.http.running() == 0);
    assertThat(server.ask("GET", "/things", "").status()).isEqualTo(200);
    assertThat(server.observed).noneMatch(o -> o.status() >= 500);
  }
}
