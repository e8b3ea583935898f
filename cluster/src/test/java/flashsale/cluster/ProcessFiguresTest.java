package flashsale.cluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.awaitility.Awaitility.await;

import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;

/** What processes use, by real ones. */
class ProcessFiguresTest {
  private static final long SELF = ProcessHandle.current().pid();
  private static final double SECOND = 1e9;

  private final HttpClient http = HttpClient.newHttpClient();

  @AfterEach
  void close() {
    http.close();
  }

  @Test
  void ratesAreDifferencesBySeconds() {
    var before = new ProcessFigures(0, 10, 0, 1_000);
    var after = new ProcessFigures((long) (2 * SECOND), 13, 0, 1_500);
    assertThat(after.cpuSince(before)).isEqualTo(1.5);
    assertThat(after.rateSince(before)).isEqualTo(250);
  }

  @Test
  void aProcessThatStartedAgainHasNoNegativeRate() {
    var before = new ProcessFigures(0, 10, 0, 1_000);
    var after = new ProcessFigures((long) SECOND, 1, 0, 5);
    assertThat(after.cpuSince(before)).isZero();
    assertThat(after.rateSince(before)).isZero();
    assertThat(before.rateSince(before)).as("no time between them").isZero();
  }

  @Test
  void aProcessThatIsGoneUsesNothing() {
    var gone = ProcessFigures.of(Integer.MAX_VALUE, null, http);
    assertThat(gone.cpuSeconds()).isZero();
    assertThat(gone.memoryBytes()).isZero();
    assertThat(gone.requests()).isZero();
  }

  /** Elsewhere the memory is not told. */
  @Test
  @EnabledOnOs(OS.LINUX)
  void aProcessIsMeasuredWithItsChildren() throws Exception {
    long heap = Runtime.getRuntime().totalMemory();
    var alone = ProcessFigures.of(SELF, null, http);
    assertThat(alone.memoryBytes()).isBetween(10L << 20, heap + (2L << 30));
    var child = new ProcessBuilder("sh", "-c", "while :; do :; done").start();
    try {
      await()
          .atMost(Duration.ofSeconds(30))
          .until(() -> ProcessFigures.of(child.pid(), null, http).cpuSeconds() >= 0.2);
      double own = ProcessFigures.of(child.pid(), null, http).cpuSeconds();
      var together = ProcessFigures.of(SELF, null, http);
      assertThat(together.cpuSeconds()).isGreaterThanOrEqualTo(alone.cpuSeconds() + own - 0.02);
      assertThat(together.cpuSince(alone)).isPositive();
      assertThat(together.rateSince(alone)).isCloseTo(0, within(0.0));
    } finally {
      child.destroyForcibly();
    }
  }

  @Test
  void requestsAreThoseOfCustomers() throws IOException {
    var metrics =
        """
        # TYPE flashsale_http_requests_seconds histogram
        flashsale_http_requests_seconds_count{route="/api/v1/orders",status="200"} 40
        flashsale_http_requests_seconds_count{route="/api/v1/carts",status="201"} 2.0
        flashsale_http_requests_seconds_sum{route="/api/v1/orders",status="200"} 77
        flashsale_http_requests_seconds_count{route="/health/ready",status="200"} 500
        flashsale_http_requests_seconds_count{route="/metrics",status="200"} 600
        """;
    var server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 10);
    server.createContext(
        "/metrics",
        exchange -> {
          var body = metrics.getBytes(StandardCharsets.UTF_8);
          exchange.sendResponseHeaders(200, body.length);
          exchange.getResponseBody().write(body);
          exchange.close();
        });
    server.start();
    var url = URI.create("http://127.0.0.1:" + server.getAddress().getPort());
    try {
      assertThat(ProcessFigures.of(SELF, url, http).requests()).isEqualTo(42);
    } finally {
      server.stop(0);
    }
    assertThat(ProcessFigures.of(SELF, url, http).requests()).as("nobody answers").isZero();
  }
}
