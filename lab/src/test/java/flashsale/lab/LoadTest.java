package flashsale.lab;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import flashsale.platform.http.Access;
import flashsale.platform.http.Answer;
import flashsale.platform.http.HttpServer;
import flashsale.platform.http.Routes;
import java.net.URI;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

class LoadTest {
  private static final Request GET = Request.of("GET", "/", null, null, null);

  private static Load.Plan plan(URI server, Request request, int status, String text) {
    return new Load.Plan(
        server,
        List.of(request),
        8,
        Duration.ofMillis(50),
        Duration.ofMillis(300),
        status,
        text,
        Duration.ofMillis(500));
  }

  private static HttpServer server(Routes routes) {
    return new HttpServer(
        new HttpServer.Settings("127.0.0.1", 0, 65_536, 256, 256),
        routes,
        token -> {
          throw new IllegalStateException("nobody signs in here");
        },
        (method, route, path, status, nanos, requestId) -> {},
        e -> Optional.empty());
  }

  private static void assertFails(Load.Plan plan, String why) {
    assertThatThrownBy(() -> Load.run(plan))
        .isInstanceOf(Load.Failed.class)
        .hasMessageContaining(why);
  }

  @Test
  void itCountsAsManyRequestsAsTheServerAnswered() {
    var served = new AtomicLong();
    var routes =
        new Routes()
            .post(
                "/things",
                Access.PUBLIC,
                call -> {
                  served.incrementAndGet();
                  return Answer.json(201, call.body(Map.class));
                });
    try (var server = server(routes)) {
      var request = Request.of("POST", "/things", null, null, "{\"name\":\"ü\"}");

      var round = Load.run(plan(HttpServer.local(server.port()), request, 201, "\"ü\""));

      assertThat(round.sent()).isEqualTo(served.get()).isGreaterThan(100);
      assertThat(round.answered()).isLessThan(round.sent());
      assertThat(round.statuses()).isEqualTo(Map.of(201, round.answered()));
      assertThat(round.latencies().getTotalCount()).isEqualTo(round.answered());
      assertThat(round.rate()).isCloseTo(round.answered() / 0.3, within(1e-6));
      assertThat(round.generatorCpu()).isPositive();
    }
  }

  @Test
  void itMeasuresTheTimeToTheAnswer() {
    var routes =
        new Routes()
            .get(
                "/",
                Access.PUBLIC,
                call -> {
                  Thread.sleep(Duration.ofMillis(60)); // The slowness that is measured.
                  return Answer.ok(1);
                });
    try (var server = server(routes)) {
      var round = Load.run(plan(HttpServer.local(server.port()), GET, 200, ""));

      assertThat(round.latencies().getMinValue()).isGreaterThanOrEqualTo(59_000);
      assertThat(round.latencies().getValueAtPercentile(50)).isLessThan(300_000);
    }
  }

  @Test
  void inAnOpenLoopTheTimeOfARequestBeginsWhenItIsDue() {
    var served = new AtomicLong();
    var routes =
        new Routes()
            .get(
                "/",
                Access.PUBLIC,
                call -> {
                  served.incrementAndGet();
                  Thread.sleep(Duration.ofMillis(60)); // The slowness that is measured.
                  return Answer.ok(1);
                });
    try (var server = server(routes)) {
      var plan = plan(HttpServer.local(server.port()), GET, 200, "");
      var kept = Load.run(plan.paced(40)); // Eight connections could do twice as much.
      assertThat(kept.sent()).isEqualTo(14).isEqualTo(served.get());
      assertThat(kept.answered()).isEqualTo(12);
      assertThat(kept.latencies().getMinValue()).isGreaterThanOrEqualTo(59_000);
      assertThat(kept.latencies().getValueAtPercentile(50)).isLessThan(200_000);

      // Twice as much as they can do: in the end each waits for a free one as long as it all
      // lasted.
      var late = Load.run(plan.paced(270));
      assertThat(late.sent()).isEqualTo(95);
      assertThat(late.latencies().getMaxValue()).isGreaterThan(250_000);
    }
  }

  @Test
  void aRoundEndsAfterAsManyRequestsAsItMayHave() {
    var served = new AtomicLong();
    var routes = new Routes().get("/", Access.PUBLIC, call -> Answer.ok(served.incrementAndGet()));
    try (var server = server(routes)) {
      var round = Load.run(plan(HttpServer.local(server.port()), GET, 200, "").atMost(21));

      assertThat(round.sent()).isEqualTo(21).isEqualTo(served.get());
    }
  }

  @Test
  void anUnexpectedStatusFailsTheRoundAndIsShownWithItsBody() {
    try (var server = server(new Routes().get("/", Access.PUBLIC, call -> Answer.ok("fine")))) {
      var url = HttpServer.local(server.port());
      assertFails(plan(url, GET, 201, ""), "expected 201, got 200: \"fine\"");
      var elsewhere = Request.of("GET", "/elsewhere", null, null, null);
      assertFails(plan(url, elsewhere, 200, ""), "got 404: {");
    }
  }

  @Test
  void oneWrongAnswerAmongManyFailsTheRound() {
    try (var server =
        new RawServer(
            n ->
                List.of(
                    n == 200
                        ? "HTTP/1.1 500 X\r\nContent-Length: 0\r\n\r\n"
                        : "HTTP/1.1 200 X\r\nContent-Length: 0\r\n\r\n"))) {
      assertFails(plan(server.url(), GET, 200, ""), "expected 200, got 500");
    }
  }

  @Test
  void aBodyWithoutTheExpectedTextFailsTheRound() {
    try (var server = RawServer.always("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nHELL")) {
      assertFails(plan(server.url(), GET, 200, "HELD"), "expected 'HELD' in: HELL");
    }
  }

  @Test
  void chunkedAnswersInPiecesAreReadWhole() {
    try (var server =
        RawServer.always(
            "HTTP/1.1 200 OK\r\nTransfer-",
            "Encoding: chunked\r\n\r\n3\r\nHE",
            "L\r\n1;x=y\r\nD\r\n",
            "0\r\n",
            "\r\n")) {
      var round = Load.run(plan(server.url(), GET, 200, "HELD"));

      assertThat(round.sent()).isEqualTo(server.requests()).isPositive();
    }
  }

  @Test
  void malformedAnswersFailTheRound() {
    var malformed =
        Map.of(
            "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", "not HTTP/1.1",
            "HTTP/1.1 200 OK\r\n\r\n", "neither Content-Length nor chunked",
            "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "not a number",
            "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nmore", "after the end",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n0\r\n\r\n",
                "longer than it says",
            "SSH-2.0-OpenSSH\r\n\r\n", "not HTTP/1.1");
    malformed.forEach(
        (bytes, why) -> {
          try (var server = RawServer.always(bytes)) {
            assertFails(plan(server.url(), GET, 200, ""), why);
          }
        });
  }

  @Test
  void aDroppedConnectionFailsTheRound() {
    try (var server =
        new RawServer(
            n -> List.of(n == 100 ? "" : "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"))) {
      assertFails(plan(server.url(), GET, 200, ""), "dropped a connection");
    }
  }

  @Test
  void anAnswerThatAnnouncesTheEndOfItsConnectionFailsTheRound() {
    try (var server =
        RawServer.always("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")) {
      assertFails(plan(server.url(), GET, 200, ""), "closes a connection");
    }
  }

  @Test
  void silenceFailsTheRound() {
    try (var server = new RawServer(n -> List.of("HTTP/1.1 200 OK\r\n"))) {
      assertFails(plan(server.url(), GET, 200, ""), "no answer within 500 ms");
    }
  }

  @Test
  void noServerFailsTheRound() {
    int port;
    try (var server = RawServer.always("")) {
      port = server.url().getPort();
    }
    var plan = plan(URI.create("http://localhost:" + port), GET, 200, "");
    // The port of a server that has just gone may still reset a connection or two.
    assertThatThrownBy(() -> Load.run(plan))
        .isInstanceOf(Load.Failed.class)
        .hasMessageMatching("(?s).*(refused|reset).*");
  }

  @Test
  void eachSendingHasAKeyOfItsOwnAndTokensTakeTurns() {
    try (var server = RawServer.always("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")) {
      var requests =
          List.of(
              Request.freshlyKeyed("POST", "/", "one", "{}"),
              Request.freshlyKeyed("POST", "/", "two", "{}"));
      Load.run(
          new Load.Plan(server.url(), requests, 4, Duration.ZERO, Duration.ofMillis(100), 200, ""));

      var keys = ConcurrentHashMap.newKeySet();
      assertThat(server.heads)
          .isNotEmpty()
          .allMatch(head -> keys.add(head.lines().filter(l -> l.startsWith("Idem")).findFirst()));
      var tokens =
          server.heads.stream()
              .flatMap(String::lines)
              .filter(l -> l.startsWith("Authorization"))
              .collect(Collectors.groupingBy(l -> l, Collectors.counting()));
      assertThat(tokens.keySet())
          .containsExactlyInAnyOrder("Authorization: Bearer one", "Authorization: Bearer two");
    }
  }

  @Test
  void anythingButThisMachineIsRefused() {
    for (var host :
        List.of("shop.example", "10.0.0.1", "[2001:db8::1]", "0.0.0.0", "localhost.example")) {
      assertThatThrownBy(() -> Load.run(plan(URI.create("http://" + host + ":80"), GET, 200, "")))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("this machine only");
    }
    assertThatThrownBy(() -> Loopback.address(URI.create("https://localhost:443")))
        .isInstanceOf(IllegalArgumentException.class);
    assertThat(Loopback.address(URI.create("http://localhost:1")).getPort()).isOne();
    assertThat(Loopback.address(URI.create("http://127.0.0.1:2")).getPort()).isEqualTo(2);
    assertThat(Loopback.address(URI.create("http://[::1]:3")).getPort()).isEqualTo(3);
  }
}
