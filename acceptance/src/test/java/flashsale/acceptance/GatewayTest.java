package flashsale.acceptance;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import flashsale.cluster.GatewayConfig;
import flashsale.cluster.NginxNode;
import flashsale.platform.http.RawConnection;
import flashsale.platform.net.LoopbackPorts;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Stream;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The gateway's configuration in a real nginx, before two small servers for each role. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class GatewayTest {
  private static final int RATE = 50;
  private static final int HEADERS_MAX_BYTES = 16 * 1024;

  private final GatewayRig rig = new GatewayRig();

  @AfterAll
  void close() {
    rig.close();
  }

  /** A new path fails here until the gateway knows it. */
  @Test
  void everyPathOfTheInterfaceGoesToItsRole() throws IOException {
    JsonNode document;
    try (var file = GatewayTest.class.getResourceAsStream("/openapi.yaml")) {
      document = new YAMLMapper().readTree(file);
    }
    var paths = new ArrayList<String>();
    document.path("paths").fieldNames().forEachRemaining(paths::add);
    assertThat(paths).hasSizeGreaterThan(30);
    for (var path : paths) {
      var role = role(path);
      var response = rig.get(path.replaceAll("\\{[^}]*}", "0195a3c0-0000-7000-8000-000000000001"));
      if (role.equals("gateway")) {
        assertThat(response.statusCode()).as(path).isEqualTo(200);
      } else if (role.equals("nobody")) {
        assertThat(response.statusCode()).as(path).isEqualTo(404);
      } else {
        assertThat(GatewayRig.json(response).path("role").asText()).as(path).isEqualTo(role);
      }
    }
  }

  private static String role(String path) {
    if (path.startsWith("/health/")) {
      return "gateway";
    }
    if (path.equals("/metrics")) {
      return "nobody";
    }
    if (path.endsWith("/audit") || path.contains("dead-letters")) {
      return "reservations";
    }
    var word = path.replaceFirst("^/(api/v1/(admin/)?)?", "").replaceFirst("/.*", "");
    return switch (word) {
      case "users", "sessions", ".well-known" -> "users";
      case "sales", "products", "offers", "openapi" -> "catalog";
      case "carts", "reservations" -> "reservations";
      case "orders" -> path.contains("/admin/") ? "payments" : "orders";
      case "payments" -> "payments";
      default -> throw new AssertionError(path + " has no role yet");
    };
  }

  @Test
  void whatIsNotForOutsideIsNotThere() {
    for (var path : List.of("/doors/inventory/apply", "/metrics", "/", "/bench/noop", "/nowhere")) {
      var response = rig.send(rig.url.resolve(path), "POST", "[]");
      assertThat(response.statusCode()).as(path).isEqualTo(404);
      assertThat(GatewayRig.json(response).path("code").asText()).isEqualTo("NOT_FOUND");
      assertThat(response.headers().firstValue("Content-Type"))
          .contains("application/problem+json");
    }
  }

  @Test
  void synchronousRequestsGoRoundInTurn() {
    var orders = rig.roles.get("orders");
    int before = orders.getFirst().asked.size();
    for (int i = 0; i < 40; i++) {
      rig.get("/api/v1/orders");
    }
    // Each worker process of nginx takes turns for itself, in memory that they share.
    assertThat(orders.getFirst().asked.size() - before).isBetween(15, 25);
  }

  @Test
  void whoDoesNotWaitGoesToAPoolOfItsOwn() {
    var text = rig.config(rig.url, "gateway", 0).text();
    assertThat(text).contains("least_conn").contains("~*respond-async");
    assertThat(rig.get("/api/v1/orders", "Prefer", "respond-async, wait=5").statusCode())
        .isEqualTo(200);
  }

  @Test
  void eventsComeAsTheyAre() throws Exception {
    var request =
        HttpRequest.newBuilder(rig.url.resolve("/api/v1/reservations/1/events"))
            .header("Accept", "text/event-stream")
            .build();
    try (var events = rig.http.send(request, BodyHandlers.ofInputStream()).body();
        var lines = new BufferedReader(new InputStreamReader(events, StandardCharsets.UTF_8))) {
      assertThat(CompletableFuture.supplyAsync(() -> line(lines)))
          .succeedsWithin(Duration.ofSeconds(10))
          .isEqualTo("data: first");
      rig.nextEvent.countDown();
      assertThat(CompletableFuture.supplyAsync(() -> line(lines)))
          .succeedsWithin(Duration.ofSeconds(10))
          .isEqualTo("data: second");
    } finally {
      rig.nextEvent.countDown();
      rig.endOfEvents.countDown();
    }
  }

  private static String line(BufferedReader lines) {
    try {
      return lines.readLine();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Test
  void whatAClientSaysOfItselfIsNotBelieved() {
    var told =
        GatewayRig.json(
            rig.get("/api/v1/orders", "X-Forwarded-For", "10.9.8.7", "X-Request-Id", "mine-1"));
    assertThat(told.path("forwarded").asText()).isEqualTo("127.0.0.1");
    assertThat(told.path("id").asText()).isEqualTo("mine-1");
    var strange = GatewayRig.json(rig.get("/api/v1/orders", "X-Request-Id", "a b\"c"));
    assertThat(strange.path("id").asText()).matches("[0-9a-f]{32}");
  }

  @Test
  void aBodyThatIsTooLongIsRefused() {
    var body = "x".repeat((int) GatewayConfig.BODY_MAX_BYTES + 1);
    var response = rig.send(rig.url.resolve("/api/v1/carts"), "POST", body);
    assertThat(response.statusCode()).isEqualTo(413);
    assertThat(GatewayRig.json(response).path("code").asText())
        .isEqualTo("REQUEST_ENTITY_TOO_LARGE");
  }

  @ParameterizedTest
  @CsvSource({
    "GET /%s HTTP/1.1, Host: here, 414, REQUEST_URI_TOO_LONG",
    "GET / HTTP/1.1, Host: %s, 431, REQUEST_HEADER_FIELDS_TOO_LARGE",
    "TRACE / HTTP/1.1, Host: here, 400, BAD_REQUEST",
    "GET / HTTP/9.9, Host: here, 400, BAD_REQUEST",
    "JUNK, Host: here, 400, BAD_REQUEST",
    "GET /problems/malformed HTTP/1.1, Host: here, 404, NOT_FOUND",
    "GET / HTTP/1.1, NoHost: here, 400, BAD_REQUEST",
  })
  void whatNginxRefusesItselfIsAProblemToo(String line, String header, int status, String code)
      throws IOException {
    var tooLong = "x".repeat(HEADERS_MAX_BYTES);
    try (var connection = new RawConnection(rig.url.getPort())) {
      var request = (line + "\r\n" + header + "\r\n\r\n").formatted(tooLong);
      var response = connection.send(request).read();
      assertThat(response.status()).isEqualTo(status);
      assertThat(response.header("Content-Type")).isEqualTo("application/problem+json");
      assertThat(response.member("code")).isEqualTo(code);
    }
  }

  @Test
  void whoAsksTooOftenIsToldSo() {
    var url = GatewayRig.free();
    try (var strict = NginxNode.start(rig.config(url, "strict", RATE))) {
      assertThat(strict.pid()).isPositive();
      var refused =
          Stream.generate(() -> rig.send(url.resolve("/api/v1/sales"), "GET", null))
              .limit(RATE * 4)
              .filter(response -> response.statusCode() == 429)
              .findFirst();
      assertThat(refused).isPresent();
      assertThat(GatewayRig.json(refused.get()).path("code").asText()).isEqualTo("RATE_LIMITED");
      assertThat(refused.get().headers().firstValue("Retry-After")).contains("1");
    }
  }

  @Test
  void junkIsAnswered() throws IOException {
    for (var junk : List.of("\0\0\0\r\n\r\n", "GET\r\n\r\n", "GET / HTTP/9.9\r\n\r\n")) {
      try (var socket = new Socket(rig.url.getHost(), rig.url.getPort())) {
        socket.getOutputStream().write(junk.getBytes(StandardCharsets.ISO_8859_1));
        socket.shutdownOutput();
        socket.getInputStream().readAllBytes();
      }
    }
    assertThat(rig.get("/health/live").statusCode()).isEqualTo(200);
  }

  /** With a certificate of its own making, and one instance of a role that is about to stop. */
  @Test
  void httpsIsSpokenToo() throws Exception {
    var tls =
        new GatewayConfig.Tls(rig.folder.resolve("certificate.pem"), rig.folder.resolve("key.pem"));
    makeCertificate(tls);
    int port = LoopbackPorts.free();
    var plain = rig.config(URI.create("http://127.0.0.1:" + port), "tls", 10);
    var leaving = rig.roles.get("orders").getFirst();
    var config =
        new GatewayConfig(
            plain.listen(),
            plain.roles(),
            Set.of(leaving.url()),
            plain.folder(),
            plain.ratePerAddress(),
            plain.bodyMaxBytes(),
            Optional.of(tls),
            Optional.of(rig.folder));
    assertThat(NginxNode.complaints(NginxNode.write(config))).isEmpty();
    try (var node = NginxNode.start(config);
        var client = HttpClient.newBuilder().sslContext(trusting(tls.certificate())).build()) {
      assertThat(node.pid()).isPositive();
      int before = leaving.asked.size();
      var orders = URI.create("https://127.0.0.1:" + port + "/api/v1/orders");
      for (int i = 0; i < 4; i++) {
        var answer = client.send(HttpRequest.newBuilder(orders).build(), BodyHandlers.ofString());
        assertThat(answer.statusCode()).isEqualTo(200);
        assertThat(GatewayRig.json(answer).path("scheme").asText()).isEqualTo("https");
      }
      assertThat(leaving.asked).as("gets nothing new").hasSize(before);
      var unencrypted = rig.send(URI.create("http://" + plain.listen()), "GET", null);
      assertThat(unencrypted.statusCode()).isEqualTo(400);
      assertThat(GatewayRig.json(unencrypted).path("code").asText()).isEqualTo("BAD_REQUEST");
    }
  }

  private static SSLContext trusting(Path certificate) throws Exception {
    var store = KeyStore.getInstance(KeyStore.getDefaultType());
    store.load(null, null);
    try (var file = Files.newInputStream(certificate)) {
      store.setCertificateEntry(
          "gateway", CertificateFactory.getInstance("X.509").generateCertificate(file));
    }
    var trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
    trust.init(store);
    var context = SSLContext.getInstance("TLS");
    context.init(null, trust.getTrustManagers(), null);
    return context;
  }

  private static void makeCertificate(GatewayConfig.Tls tls) throws Exception {
    var made =
        new ProcessBuilder(
                "openssl",
                "req",
                "-x509",
                "-newkey",
                "rsa:2048",
                "-nodes",
                "-days",
                "1",
                "-subj",
                "/CN=localhost",
                "-addext",
                "subjectAltName=IP:127.0.0.1",
                "-keyout",
                tls.key().toString(),
                "-out",
                tls.certificate().toString())
            .redirectErrorStream(true)
            .start();
    made.getInputStream().readAllBytes();
    assertThat(made.waitFor()).isZero();
  }
}
