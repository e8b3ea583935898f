package flashsale.platform.http;

import static flashsale.platform.http.TestServer.assertProblem;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import flashsale.platform.http.RawConnection.Response;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class HttpServerTest {
  private static final String JSON = "Content-Type: application/json";

  private final TestServer server = new TestServer();
  private final ExecutorService clients = Executors.newVirtualThreadPerTaskExecutor();

  @AfterEach
  void stop() {
    server.close();
    clients.shutdownNow();
  }

  @Test
  void smallAnswersDoNotWaitForDelayedAcknowledgements() throws IOException {
    var times = new ArrayList<Duration>();
    try (var connection = new RawConnection(server.http.port())) {
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
    var created = server.ask("POST", "/things", "{\"name\":\"Jäger ☔\",\"count\":1}", JSON);
    assertThat(created.status()).isEqualTo(201);
    assertThat(created.header("Location")).isEqualTo("/things/1");
    assertThat(created.header("Content-Type")).isEqualTo("application/json");
    assertThat(created.body()).isEqualTo("{\"name\":\"Jäger ☔\",\"count\":1}");
    var deleted = server.ask("DELETE", "/things/1", "");
    assertThat(deleted.status()).isEqualTo(204);
    assertThat(deleted.body()).isEmpty();
    assertThat(server.ask("GET", "/things?limit=7", "").body()).isEqualTo("7");
    await()
        .until(
            () ->
                server.observed.contains(
                    new TestServer.Observed("DELETE", "/things/{id}", "/things/1", 204)));
  }

  @Test
  void whatTheClientHasIsNotSentAgain() throws IOException {
    assertThat(server.ask("GET", "/etag", "").header("ETag")).isEqualTo("\"v1\"");
    for (var header : List.of("\"v1\"", "W/\"v1\"", "\"v0\", \"v1\"", "*")) {
      var response = server.ask("GET", "/etag", "", "If-None-Match: " + header);
      assertThat(response.status()).as(header).isEqualTo(304);
      assertThat(response.body()).isEmpty();
    }
    assertThat(server.ask("GET", "/etag", "", "If-None-Match: \"v2\"").status()).isEqualTo(200);
  }

  @Test
  void whatIsReadHasATagWithoutTheEndpointsDoing() throws IOException {
    var tag = server.ask("GET", "/query?q=a", "").header("ETag");
    assertThat(tag).matches("\"[A-Za-z0-9_-]{16}\"");
    var same = server.ask("GET", "/query?q=a", "", "If-None-Match: " + tag);
    assertThat(same.status()).isEqualTo(304);
    assertThat(same.header("ETag")).isEqualTo(tag);
    assertThat(same.body()).isEmpty();
    var other = server.ask("GET", "/query?q=b", "", "If-None-Match: " + tag);
    assertThat(other.status()).isEqualTo(200);
    assertThat(other.header("ETag")).isNotEqualTo(tag);
    assertThat(server.ask("GET", "/alive", "").header("ETag")).isNull();
    assertThat(server.ask("GET", "/nothing", "").header("ETag")).isNull();
    assertThat(server.ask("DELETE", "/things/1", "").header("ETag")).isNull();
  }

  @Test
  void anAnswerToHeadIsTheOneToGetWithoutItsBody() throws IOException {
    try (var connection = new RawConnection(server.http.port())) {
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

  @Test
  void onlyTheRightPeopleComeIn() throws IOException {
    for (var header :
        List.of("X: x", "Authorization: Basic eDp5", "Authorization: Bearer", "Authorization: ")) {
      var response = server.ask("GET", "/mine", "", header);
      assertProblem(response, 401, "UNAUTHENTICATED");
      assertThat(response.header("WWW-Authenticate")).isEqualTo("Bearer");
    }
    assertProblem(
        server.ask("GET", "/mine", "", "Authorization: Bearer forged"), 401, "TOKEN_INVALID");
    assertThat(server.ask("GET", "/mine", "", "Authorization: bearer customer").body())
        .isEqualTo("\"" + TestServer.CUSTOMER + "\"");
    assertProblem(
        server.ask("GET", "/admin", "", "Authorization: Bearer customer"), 403, "FORBIDDEN");
    assertThat(server.ask("GET", "/admin", "", "Authorization: Bearer operator").status())
        .isEqualTo(200);
  }

  @Test
  void aFaultOfTheProgramTellsNothingButWhereToLook() throws IOException {
    for (var path : List.of("/bug", "/error")) {
      var response = server.ask("GET", path, "", "X-Request-Id: look-here");
      assertProblem(response, 500, "INTERNAL_ERROR");
      assertThat(response.member("detail")).contains("look-here");
      assertThat(response.body()).doesNotContain("secret").doesNotContain("Exception");
    }
    assertProblem(server.ask("GET", "/known", ""), 409, "KNOWN");
  }

  @Test
  void aRequestIdIsEchoedWhereItIsHarmless() throws IOException {
    assertThat(server.ask("GET", "/things", "", "X-Request-Id: abc-123").header("X-Request-Id"))
        .isEqualTo("abc-123");
    assertThat(server.ask("GET", "/nothing", "", "X-Request-Id: abc-124").header("X-Request-Id"))
        .isEqualTo("abc-124");
    await().until(() -> server.requestIds.keySet().containsAll(List.of("abc-123", "abc-124")));
    assertThat(server.requestIds)
        .containsEntry("abc-123", "/things")
        .containsEntry("abc-124", "/nothing");
    var made = new HashSet<String>();
    for (var hostile : List.of("", "a b", "<script>", "x".repeat(65), "ä", "a\"b", "a;b")) {
      var id = server.ask("GET", "/things", "", "X-Request-Id: " + hostile).header("X-Request-Id");
      assertThat(id).isNotEqualTo(hostile).matches("[0-9a-z-]+");
      made.add(id);
    }
    assertThat(made).hasSize(7);
  }

  @Test
  void moreRequestsThanAllowedAreRefusedAtOnce() throws Exception {
    var slow = new ArrayList<Future<Response>>();
    for (int i = 0; i < TestServer.REQUESTS_MAX; i++) {
      slow.add(clients.submit(() -> server.ask("GET", "/slow", "")));
    }
    await().until(() -> server.http.running() == TestServer.REQUESTS_MAX);
    var refused = server.ask("GET", "/things", "");
    assertProblem(refused, 503, "OVERLOADED");
    assertThat(refused.header("Retry-After")).isEqualTo("1");
    assertThat(server.ask("GET", "/alive", "").status()).as("a probe").isEqualTo(200);
    server.release.countDown();
    for (var one : slow) {
      assertThat(one.get().status()).isEqualTo(200);
    }
    await().until(() -> server.http.running() == 0);
    assertThat(server.ask("GET", "/things", "").status()).isEqualTo(200);
  }

  @Test
  void drainingFinishesWhatIsBeingAnsweredAndRefusesTheRest() throws Exception {
    try (var open = new RawConnection(server.http.port())) {
      assertThat(open.ask("GET", "/things", "").status()).isEqualTo(200);
      var slow = clients.submit(() -> server.ask("GET", "/slow", ""));
      await().until(() -> server.http.running() == 1);
      var drained = clients.submit(() -> server.http.drain(Duration.ofSeconds(30)));

      await()
          .untilAsserted(
              () -> {
                var refused = server.ask("GET", "/things", "");
                assertProblem(refused, 503, "STOPPING");
                assertThat(refused.header("Connection")).isEqualTo("close");
              });
      assertThat(server.ask("GET", "/alive", "").status()).as("a probe").isEqualTo(200);
      assertThat(drained.isDone()).isFalse();
      server.release.countDown();
      assertThat(slow.get().body()).isEqualTo("\"slow\"");
      drained.get();
      assertThat(open.isAtEnd()).isTrue();
    }
  }

  @Test
  void whoLeavesAnswersAndKeepsNoConnection() throws Exception {
    try (var kept = new RawConnection(server.http.port())) {
      assertThat(kept.ask("GET", "/things", "").header("Connection")).isNotEqualTo("close");
      server.http.leave();
      var last = kept.ask("POST", "/length", "abc");
      assertThat(last.body()).isEqualTo("3");
      assertThat(last.header("Connection")).isEqualTo("close");
      assertThat(kept.isAtEnd()).isTrue();
    }
    for (var path : List.of("/things", "/alive", "/nothing")) {
      var answer = server.ask("GET", path, "");
      assertThat(answer.status()).as(path).isNotEqualTo(503);
      assertThat(answer.header("Connection")).as(path).isEqualTo("close");
    }
  }

  @ParameterizedTest
  @CsvSource({
    "127.0.0.1,http://127.0.0.1:80",
    "10.0.0.7,http://10.0.0.7:80",
    "shop.example.com,http://shop.example.com:80",
    "0.0.0.0,http://127.0.0.1:80",
    "'',http://127.0.0.1:80",
    "::,http://[::1]:80",
    "[::],http://[::1]:80",
    "fe80::7,http://[fe80::7]:80",
    "[fe80::7],http://[fe80::7]:80"
  })
  void theAddressIsTheOneThatIsListenedOn(String host, String url) {
    assertThat(HttpServer.url(host, 80)).hasToString(url);
  }

  @Test
  void drainingEndsWhenItsTimeIsOver() throws Exception {
    var slow = clients.submit(() -> server.ask("GET", "/slow", ""));
    await().until(() -> server.http.running() == 1);
    long from = System.nanoTime();
    server.http.drain(Duration.ofMillis(200));
    assertThat(Duration.ofNanos(System.nanoTime() - from)).isLessThan(Duration.ofSeconds(10));
    await().until(slow::isDone);
    assertThat(server.http.running()).isZero();
  }
}
