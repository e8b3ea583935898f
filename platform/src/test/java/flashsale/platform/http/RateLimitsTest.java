package flashsale.platform.http;

import static org.assertj.core.api.Assertions.assertThat;

import flashsale.platform.http.RawConnection.Response;
import flashsale.platform.ratelimit.LocalPermits;
import flashsale.platform.ratelimit.Permits.Limit;
import flashsale.platform.security.Caller;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

final class RateLimitsTest {
  /** Long enough that nothing comes back while a test runs. */
  private static final Duration WINDOW = Duration.ofHours(1);

  private final List<String> refused = Collections.synchronizedList(new ArrayList<>());
  private final AtomicInteger verified = new AtomicInteger();
  private final HttpServer server = start();

  private HttpServer start() {
    var routes =
        new Routes()
            .get("/things", Access.PUBLIC, c -> Answer.ok("things"))
            .get("/mine", Access.CUSTOMER, c -> Answer.ok("mine"))
            .classed(
                RouteClass.PURCHASE, "POST", "/mine", Access.CUSTOMER, c -> Answer.ok("bought"))
            .post("/sessions", Access.PUBLIC, c -> Answer.ok(c.body(Map.class)))
            .probe("/alive", c -> Answer.ok("alive"));
    var limits =
        new RateLimits(
            new LocalPermits(1_000),
            Proxies.parse("127.0.0.1"),
            Map.of(
                RouteClass.READ, new Limit("customer-read", 3, WINDOW),
                RouteClass.PURCHASE, new Limit("customer-purchase", 2, WINDOW)),
            Map.of(
                RouteClass.READ, new Limit("address-read", 5, WINDOW),
                RouteClass.SIGN_IN, new Limit("address-sign-in", 2, WINDOW)),
            limit -> refused.add(limit.name()));
    return new HttpServer(
        new HttpServer.Settings("127.0.0.1", 0, 1_000_000, 64, 64),
        routes,
        this::authenticate,
        limits,
        (method, route, path, status, nanos, requestId) -> {},
        e -> Optional.empty());
  }

  private Caller authenticate(String bearer) {
    verified.incrementAndGet();
    return new Caller(
        UUID.nameUUIDFromBytes(bearer.getBytes(StandardCharsets.UTF_8)), bearer.equals("operator"));
  }

  @AfterEach
  void close() {
    server.close();
  }

  private Response ask(String method, String path, String who, String from) throws IOException {
    try (var connection = new RawConnection(server.port())) {
      return connection.ask(
          method, path, "", "Authorization: Bearer " + who, "X-Forwarded-For: " + from);
    }
  }

  private List<Integer> asked(int times, String method, String path, String who, String from)
      throws IOException {
    var statuses = new ArrayList<Integer>();
    for (int i = 0; i < times; i++) {
      statuses.add(ask(method, path, who, from).status());
    }
    return statuses;
  }

  @Test
  void oneCustomerIsLimitedAndAnotherIsNot() throws IOException {
    assertThat(asked(3, "POST", "/mine", "one", "127.0.0.1")).containsExactly(200, 200, 429);
    assertThat(asked(2, "POST", "/mine", "another", "127.0.0.1")).containsExactly(200, 200);
    assertThat(asked(3, "GET", "/mine", "one", "127.0.0.1")).containsExactly(200, 200, 200);
    assertThat(refused).containsExactly("customer-purchase");
  }

  @Test
  void anAddressIsLimitedWhoeverAsksFromThere() throws IOException {
    assertThat(asked(2, "GET", "/mine", "one", "192.0.2.1")).containsExactly(200, 200);
    assertThat(asked(4, "GET", "/things", "-", "192.0.2.1")).containsExactly(200, 200, 200, 429);
    assertThat(asked(1, "GET", "/mine", "a third", "192.0.2.1")).containsExactly(429);
    assertThat(asked(1, "GET", "/mine", "a third", "192.0.2.2")).containsExactly(200);
  }

  @Test
  void operatorsAreNot() throws IOException {
    assertThat(asked(9, "GET", "/mine", "operator", "192.0.2.1")).containsOnly(200);
    assertThat(refused).isEmpty();
  }

  @Test
  void neitherAreProbes() throws IOException {
    assertThat(asked(9, "GET", "/alive", "-", "192.0.2.1")).containsOnly(200);
  }

  @Test
  void answersTellOfTheLimit() throws IOException {
    var first = ask("POST", "/mine", "one", "127.0.0.1");
    assertThat(first.header("RateLimit-Policy")).isEqualTo("\"customer-purchase\";q=2;w=3600");
    assertThat(first.header("RateLimit")).isEqualTo("\"customer-purchase\";r=1;t=1800");
    ask("POST", "/mine", "one", "127.0.0.1");
    var third = ask("POST", "/mine", "one", "127.0.0.1");
    assertThat(third.status()).isEqualTo(429);
    assertThat(third.header("Content-Type")).isEqualTo("application/problem+json");
    assertThat(third.header("RateLimit")).isEqualTo("\"customer-purchase\";r=0;t=1800");
    assertThat(third.header("Retry-After")).isEqualTo("1800");
    assertThat(third.body())
        .contains("\"code\":\"RATE_LIMITED\"", "\"limit\":\"customer-purchase\"");
  }

  @Test
  void anAddressWithoutALimitIsToldOfNone() throws IOException {
    assertThat(ask("GET", "/things", "-", "127.0.0.1").header("RateLimit")).isNull();
  }

  @Test
  void forgedAddressesDoNotHelp() throws IOException {
    for (int i = 0; i < 5; i++) {
      assertThat(ask("GET", "/things", "-", "203.0.113." + i + ", 192.0.2.1").status())
          .isEqualTo(200);
    }
    assertThat(ask("GET", "/things", "-", "203.0.113.9, 192.0.2.1").status()).isEqualTo(429);
  }

  /** The connection goes on, and the bytes of the body are not taken for the next request. */
  @Test
  void aBodyThatNobodyReadsIsNoNextRequest() throws IOException {
    var body = "{\"a\":\"" + "x".repeat(10_000) + "\"}";
    try (var connection = new RawConnection(server.port())) {
      for (int i = 0; i < 2; i++) {
        assertThat(post(connection, body).status()).isEqualTo(200);
      }
      for (int i = 0; i < 3; i++) {
        assertThat(post(connection, body).status()).isEqualTo(429);
      }
      assertThat(connection.ask("GET", "/alive", "").status()).isEqualTo(200);
    }
  }

  private static Response post(RawConnection connection, String body) throws IOException {
    return connection.ask(
        "POST", "/sessions", body, "Content-Type: application/json", "X-Forwarded-For: 192.0.2.1");
  }
}
