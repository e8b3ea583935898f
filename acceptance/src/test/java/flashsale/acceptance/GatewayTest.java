package flashsale.acceptance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import flashsale.cluster.GatewayConfig;
import flashsale.cluster.NginxNode;
import flashsale.platform.http.RawConnection;
import flashsale.platform.json.Json;
import flashsale.platform.net.LoopbackPorts;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Stream;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The gateway's configuration in a real nginx, before two small servers for each role. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class GatewayTest {
  private static final int RATE = 50;
  private static final int HEADERS_MAX_BYTES = 16 * 1024;

  /** A role's instance that says who it is and what it got. */
  private final class Instance implements AutoCloseable {
    final List<String> asked = Collections.synchronizedList(new ArrayList<>());
    private final HttpServer server;
    private volatile boolean dies;
    private volatile int status = 200;
    private volatile CountDownLatch hangsUntil = new CountDownLatch(0);

    Instance(String name) {
      try {
        server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 100);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
      server.setExecutor(Executors.newVirtualThreadPerTaskExecutor());
      server.createContext("/", exchange -> answer(name, exchange));
      server.start();
    }

    private void answer(String name, HttpExchange exchange) throws IOException {
      exchange.getRequestBody().readAllBytes();
      asked.add(exchange.getRequestMethod() + " " + exchange.getRequestURI());
      if (dies) {
        exchange.close(); // In the middle of the work, without an answer.
        return;
      }
      await(hangsUntil);
      hold();
      var headers = exchange.getRequestHeaders();
      if ("text/event-stream".equals(headers.getFirst("Accept"))) {
        stream(exchange);
        return;
      }
      var told =
          Json.bytes(
              Map.of(
                  "role", name,
                  "madeAt", System.currentTimeMillis(),
                  "forwarded", String.valueOf(headers.getFirst("X-Forwarded-For")),
                  "scheme", String.valueOf(headers.getFirst("X-Forwarded-Proto")),
                  "id", String.valueOf(headers.getFirst("X-Request-Id"))));
      exchange.getResponseHeaders().add("Content-Type", "application/json");
      exchange.getResponseHeaders().add("Cache-Control", "no-cache");
      exchange.getResponseHeaders().add("ETag", "\"" + name + "\"");
      exchange.getResponseHeaders().add("RateLimit", "\"address-read\";r=9;t=1");
      exchange.getResponseHeaders().add("X-Request-Id", headers.getFirst("X-Request-Id"));
      exchange.sendResponseHeaders(status, told.length);
      exchange.getResponseBody().write(told);
      exchange.close();
    }

    /** One event at once, the next when the test says so, and no end before it says so again. */
    private void stream(HttpExchange exchange) throws IOException {
      exchange.getResponseHeaders().add("Content-Type", "text/event-stream");
      exchange.sendResponseHeaders(200, 0);
      try (var out = exchange.getResponseBody()) {
        out.write("data: first\n".getBytes(StandardCharsets.UTF_8));
        out.flush();
        await(nextEvent);
        out.write("data: second\n".getBytes(StandardCharsets.UTF_8));
        out.flush();
        await(endOfEvents);
      }
    }

    private void hold() throws IOException {
      var latch = holdsNext.getAndSet(null);
      if (latch != null) {
        await(latch);
      }
    }

    private static void await(CountDownLatch latch) throws IOException {
      try {
        latch.await();
      } catch (InterruptedException e) {
        throw new IOException("the test is over", e);
      }
    }

    int reads() {
      return (int) asked.stream().filter(request -> request.startsWith("GET")).count();
    }

    URI url() {
      return URI.create("http://127.0.0.1:" + server.getAddress().getPort());
    }

    @Override
    public void close() {
      server.stop(0);
    }
  }

  private final HttpClient http = HttpClient.newHttpClient();
  private final Path folder = TemporaryFolder.make();

  /** For which the next request waits that comes to any instance. */
  private final AtomicReference<CountDownLatch> holdsNext = new AtomicReference<>();

  private final CountDownLatch nextEvent = new CountDownLatch(1);
  private final CountDownLatch endOfEvents = new CountDownLatch(1);

  private final Map<String, List<Instance>> roles = new LinkedHashMap<>();
  private NginxNode nginx;
  private NginxNode strict;
  private URI url;
  private URI strictUrl;

  @BeforeAll
  void start() {
    for (var role : GatewayConfig.ROLES) {
      roles.put(role, List.of(new Instance(role), new Instance(role)));
    }
    url = URI.create("http://127.0.0.1:" + LoopbackPorts.free());
    nginx = NginxNode.start(config(url, "gateway", 0));
    strictUrl = URI.create("http://127.0.0.1:" + LoopbackPorts.free());
    strict = NginxNode.start(config(strictUrl, "strict", RATE));
  }

  private GatewayConfig config(URI at, String name, int rate) {
    var urls = new LinkedHashMap<String, List<URI>>();
    roles.forEach((role, all) -> urls.put(role, all.stream().map(Instance::url).toList()));
    return new GatewayConfig(
        at.getAuthority(),
        urls,
        Set.of(),
        folder.resolve(name),
        rate,
        GatewayConfig.BODY_MAX_BYTES,
        Optional.empty(),
        Optional.empty());
  }

  @AfterAll
  void close() {
    strict.close();
    nginx.close();
    roles.values().forEach(all -> all.forEach(Instance::close));
    http.close();
    TemporaryFolder.delete(folder);
  }

  private HttpResponse<String> send(URI to, String method, String body, String... headers) {
    var request =
        HttpRequest.newBuilder(to)
            .method(method, body == null ? BodyPublishers.noBody() : BodyPublishers.ofString(body));
    if (headers.length > 0) {
      request.headers(headers);
    }
    try {
      return http.send(request.build(), BodyHandlers.ofString());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  private HttpResponse<String> get(String path, String... headers) {
    return send(url.resolve(path), "GET", null, headers);
  }

  private static JsonNode json(HttpResponse<String> response) {
    return Json.read(response.body(), JsonNode.class);
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
      var response = get(path.replaceAll("\\{[^}]*}", "0195a3c0-0000-7000-8000-000000000001"));
      if (role.equals("gateway")) {
        assertThat(response.statusCode()).as(path).isEqualTo(200);
      } else if (role.equals("nobody")) {
        assertThat(response.statusCode()).as(path).isEqualTo(404);
      } else {
        assertThat(json(response).path("role").asText()).as(path).isEqualTo(role);
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
      var response = send(url.resolve(path), "POST", "[]");
      assertThat(response.statusCode()).as(path).isEqualTo(404);
      assertThat(json(response).path("code").asText()).isEqualTo("NOT_FOUND");
      assertThat(response.headers().firstValue("Content-Type"))
          .contains("application/problem+json");
    }
  }

  @Test
  void synchronousRequestsGoRoundInTurn() {
    var orders = roles.get("orders");
    int before = orders.getFirst().asked.size();
    for (int i = 0; i < 40; i++) {
      get("/api/v1/orders");
    }
    // Each worker process of nginx takes turns for itself, in memory that they share.
    assertThat(orders.getFirst().asked.size() - before).isBetween(15, 25);
  }

  @Test
  void whoDoesNotWaitGoesToAPoolOfItsOwn() {
    var text = config(url, "gateway", 0).text();
    assertThat(text).contains("least_conn").contains("~*respond-async");
    assertThat(get("/api/v1/orders", "Prefer", "respond-async, wait=5").statusCode())
        .isEqualTo(200);
  }

  @Test
  void aReadIsRepeatedElsewhereAndAnOrderIsNot() {
    var payments = roles.get("payments");
    var sick = payments.getFirst();
    sick.dies = true;
    try {
      for (int i = 0; i < 10; i++) {
        assertThat(get("/api/v1/payments/1?n=" + i).statusCode()).isEqualTo(200);
      }
      int before = asked("POST");
      for (int i = 0; i < 10; i++) {
        send(url.resolve("/api/v1/payments?n=" + i), "POST", "{}");
      }
      assertThat(asked("POST") - before).as("each at one instance only").isEqualTo(10);
    } finally {
      sick.dies = false;
    }
  }

  /** As a password: an instance may have changed it before it died, and then the old is wrong. */
  @ParameterizedTest
  @CsvSource({
    "users, PUT, /api/v1/users/me/password",
    "orders, DELETE, /api/v1/orders/1",
  })
  void whatIsPutOrDeletedIsNotRepeatedEither(String role, String method, String path) {
    var sick = roles.get(role).getFirst();
    sick.dies = true;
    try {
      var answers = Stream.generate(() -> send(url.resolve(path), method, "{}")).limit(10).toList();
      assertThat(answers)
          .filteredOn(answer -> answer.statusCode() == 503)
          .as("those that the instance died with")
          .isNotEmpty()
          .allMatch(answer -> json(answer).path("code").asText().equals("UNAVAILABLE"));
      assertThat(asked(role, method + " " + path)).as("each at one instance only").isEqualTo(10);
    } finally {
      sick.dies = false;
    }
  }

  /** For reasons of their own, such as a second audit, and one that stops says the same. */
  @Test
  void whoIsRefusedAReadMakesNobodyUnavailable() {
    var reservations = roles.get("reservations");
    reservations.forEach(instance -> instance.status = 503);
    try {
      for (var path : List.of("/api/v1/reservations/7", "/api/v1/admin/audit")) {
        for (int i = 0; i < 10; i++) {
          var refused = get(path);
          assertThat(refused.statusCode()).isEqualTo(503);
          assertThat(json(refused).path("role").asText()).isEqualTo("reservations");
        }
      }
    } finally {
      reservations.forEach(instance -> instance.status = 200);
    }
    assertThat(send(url.resolve("/api/v1/reservations"), "POST", "{}").statusCode()).isEqualTo(200);
    assertThat(get("/api/v1/reservations/7").statusCode()).isEqualTo(200);
  }

  @Test
  void whoReadsGoesRoundAnInstanceThatHangs() throws Exception {
    var hung = roles.get("catalog").getFirst();
    var release = new CountDownLatch(1);
    hung.hangsUntil = release;
    try {
      int writes = asked("catalog", "POST");
      var request =
          HttpRequest.newBuilder(url.resolve("/api/v1/admin/products"))
              .POST(BodyPublishers.ofString("{}"))
              .build();
      var written =
          Stream.generate(() -> http.sendAsync(request, BodyHandlers.ofString())).limit(2).toList();
      await().until(() -> asked("catalog", "POST") == writes + 2);

      int reads = hung.reads();
      for (int i = 0; hung.reads() < reads + 2; i++) {
        var from = System.nanoTime();
        assertThat(get("/api/v1/products?hangs=" + i).statusCode()).isEqualTo(200);
        assertThat(Duration.ofNanos(System.nanoTime() - from)).isLessThan(Duration.ofSeconds(10));
        assertThat(i).as("each in turn").isLessThan(10);
      }
      var from = System.nanoTime();
      for (int i = 0; i < 10; i++) {
        assertThat(get("/api/v1/products?goneRound=" + i).statusCode()).isEqualTo(200);
      }
      assertThat(Duration.ofNanos(System.nanoTime() - from)).isLessThan(Duration.ofSeconds(2));

      assertThat(asked("catalog", "POST")).as("waits, and is not repeated").isEqualTo(writes + 2);
      assertThat(written).filteredOn(Future::isDone).hasSize(1);
      release.countDown();
      for (var one : written) {
        assertThat(one.get().statusCode()).isEqualTo(200);
      }
    } finally {
      release.countDown();
    }
  }

  @Test
  void eventsComeAsTheyAre() throws Exception {
    var request =
        HttpRequest.newBuilder(url.resolve("/api/v1/reservations/1/events"))
            .header("Accept", "text/event-stream")
            .build();
    try (var events = http.send(request, BodyHandlers.ofInputStream()).body();
        var lines = new BufferedReader(new InputStreamReader(events, StandardCharsets.UTF_8))) {
      assertThat(CompletableFuture.supplyAsync(() -> line(lines)))
          .succeedsWithin(Duration.ofSeconds(10))
          .isEqualTo("data: first");
      nextEvent.countDown();
      assertThat(CompletableFuture.supplyAsync(() -> line(lines)))
          .succeedsWithin(Duration.ofSeconds(10))
          .isEqualTo("data: second");
    } finally {
      nextEvent.countDown();
      endOfEvents.countDown();
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
  void aPageIsAskedForOnceASecond() {
    var path = "/api/v1/sales/0195a3c0-0000-7000-8000-000000000002";
    int reads = 500;
    long from = System.nanoTime();
    for (int i = 0; i < reads; i++) {
      var response = get(path, "X-Request-Id", "reader-" + i);
      assertThat(response.statusCode()).isEqualTo(200);
      assertThat(response.headers().allValues("X-Request-Id")).containsExactly("reader-" + i);
      assertThat(response.headers().firstValue("RateLimit")).isEmpty();
      assertThat(response.headers().allValues("Cache-Control")).containsExactly("no-cache");
    }
    long secondsBegun = (System.nanoTime() - from) / 1_000_000_000 + 2;
    assertThat(asked("catalog", "GET " + path)).isBetween(1, (int) secondsBegun);
  }

  /** With a lifetime of a second, nginx would keep one for up to two. */
  @Test
  void noPageOutlivesItsSecond() {
    var ages = new ArrayList<Double>();
    await()
        .pollInterval(Duration.ofMillis(10))
        .atMost(Duration.ofSeconds(30))
        .until(
            () -> {
              var page = get("/api/v1/products?limit=7");
              var now = Double.parseDouble(header(page, "X-Server-Time"));
              ages.add(now - json(page).path("madeAt").asLong() / 1e3);
              return ages.size() > 300;
            });
    var oldest = Collections.max(ages);
    assertThat(oldest).as("it is kept for a while").isGreaterThan(0.3).isLessThan(1.1);
  }

  @Test
  void whoShowsATokenAsksTheCatalogueItself() {
    var path = "/api/v1/products/0195a3c0-0000-7000-8000-000000000003";
    get(path);
    int before = asked("catalog", "GET " + path);
    for (int i = 0; i < 10; i++) {
      var response = get(path, "Authorization", "Bearer whoever");
      assertThat(header(response, "RateLimit")).startsWith("\"address-read\"");
    }
    assertThat(asked("catalog", "GET " + path) - before).isEqualTo(10);
  }

  /** Who comes in the same second waits for the page that is being made, but not for long. */
  @Test
  void aPageThatTakesLongHoldsNobodyUp() throws Exception {
    var path = "/api/v1/products/0195a3c0-0000-7000-8000-000000000007";
    var release = new CountDownLatch(1);
    holdsNext.set(release);
    try {
      var request = HttpRequest.newBuilder(url.resolve(path)).build();
      var first = http.sendAsync(request, BodyHandlers.ofString());
      await().until(() -> holdsNext.get() == null);
      long from = System.nanoTime();
      for (int i = 0; i < 4; i++) {
        assertThat(get(path).statusCode()).isEqualTo(200);
      }
      assertThat(Duration.ofNanos(System.nanoTime() - from)).isLessThan(Duration.ofSeconds(3));
      assertThat(first).isNotDone();
      release.countDown();
      assertThat(first.get().statusCode()).isEqualTo(200);
    } finally {
      release.countDown();
    }
  }

  @Test
  void whoIsRefusedIsToldTheirLimit() {
    roles.get("catalog").forEach(instance -> instance.status = 429);
    try {
      var refused = get("/api/v1/products/0195a3c0-0000-7000-8000-000000000006");
      assertThat(refused.statusCode()).isEqualTo(429);
      assertThat(header(refused, "RateLimit")).startsWith("\"address-read\"");
    } finally {
      roles.get("catalog").forEach(instance -> instance.status = 200);
    }
  }

  @Test
  void whatWhoShowsATokenGetsIsNobodyElses() {
    var path = "/api/v1/products/0195a3c0-0000-7000-8000-000000000005";
    get(path, "Authorization", "Bearer whoever");
    get(path);
    assertThat(asked("catalog", "GET " + path)).isEqualTo(2);
  }

  @Test
  void whoHasThePageIsToldThatNothingHasChanged() {
    var path = "/api/v1/sales?limit=3";
    assertThat(get(path).statusCode()).isEqualTo(200);
    assertThat(get(path, "If-None-Match", "\"catalog\"").statusCode()).isEqualTo(304);
    assertThat(get(path, "If-None-Match", "\"older\"").statusCode()).isEqualTo(200);
  }

  @Test
  void whatIsNotThereIsAskedForAgain() {
    for (var instance : roles.get("catalog")) {
      instance.status = 404;
    }
    var path = "/api/v1/products/0195a3c0-0000-7000-8000-000000000004";
    try {
      assertThat(get(path).statusCode()).isEqualTo(404);
    } finally {
      roles.get("catalog").forEach(instance -> instance.status = 200);
    }
    assertThat(get(path).statusCode()).isEqualTo(200);
  }

  private static String header(HttpResponse<String> response, String name) {
    return response.headers().firstValue(name).orElseThrow();
  }

  private int asked(String method) {
    return asked("payments", method);
  }

  private int asked(String role, String start) {
    return (int)
        roles.get(role).stream()
            .flatMap(instance -> instance.asked.stream())
            .filter(request -> request.startsWith(start))
            .count();
  }

  @Test
  void anOrderMayGoElsewhereIfItWasNeverSent() {
    var dead = new Instance("users");
    dead.close();
    var urls = new LinkedHashMap<String, List<URI>>();
    roles.forEach((role, all) -> urls.put(role, all.stream().map(Instance::url).toList()));
    urls.put("users", List.of(dead.url(), roles.get("users").getFirst().url()));
    var at = URI.create("http://127.0.0.1:" + LoopbackPorts.free());
    var config =
        new GatewayConfig(
            at.getAuthority(),
            urls,
            Set.of(),
            folder.resolve("half"),
            0,
            GatewayConfig.BODY_MAX_BYTES,
            Optional.empty(),
            Optional.empty());
    try (var half = NginxNode.start(config)) {
      assertThat(half.pid()).isPositive();
      for (int i = 0; i < 10; i++) {
        assertThat(send(at.resolve("/api/v1/sessions"), "POST", "{}").statusCode()).isEqualTo(200);
      }
    }
  }

  @Test
  void whatAClientSaysOfItselfIsNotBelieved() {
    var told = json(get("/api/v1/orders", "X-Forwarded-For", "10.9.8.7", "X-Request-Id", "mine-1"));
    assertThat(told.path("forwarded").asText()).isEqualTo("127.0.0.1");
    assertThat(told.path("id").asText()).isEqualTo("mine-1");
    var strange = json(get("/api/v1/orders", "X-Request-Id", "a b\"c"));
    assertThat(strange.path("id").asText()).matches("[0-9a-f]{32}");
  }

  @Test
  void aBodyThatIsTooLongIsRefused() {
    var body = "x".repeat((int) GatewayConfig.BODY_MAX_BYTES + 1);
    var response = send(url.resolve("/api/v1/carts"), "POST", body);
    assertThat(response.statusCode()).isEqualTo(413);
    assertThat(json(response).path("code").asText()).isEqualTo("REQUEST_ENTITY_TOO_LARGE");
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
    try (var connection = new RawConnection(url.getPort())) {
      var request = (line + "\r\n" + header + "\r\n\r\n").formatted(tooLong);
      var response = connection.send(request).read();
      assertThat(response.status()).isEqualTo(status);
      assertThat(response.header("Content-Type")).isEqualTo("application/problem+json");
      assertThat(response.member("code")).isEqualTo(code);
    }
  }

  @Test
  void whoAsksTooOftenIsToldSo() {
    var refused =
        Stream.generate(() -> send(strictUrl.resolve("/api/v1/sales"), "GET", null))
            .limit(RATE * 4)
            .filter(response -> response.statusCode() == 429)
            .findFirst();
    assertThat(refused).isPresent();
    assertThat(json(refused.get()).path("code").asText()).isEqualTo("RATE_LIMITED");
    assertThat(refused.get().headers().firstValue("Retry-After")).contains("1");
  }

  @Test
  void junkIsAnswered() throws IOException {
    for (var junk : List.of("\0\0\0\r\n\r\n", "GET\r\n\r\n", "GET / HTTP/9.9\r\n\r\n")) {
      try (var socket = new Socket(url.getHost(), url.getPort())) {
        socket.getOutputStream().write(junk.getBytes(StandardCharsets.ISO_8859_1));
        socket.shutdownOutput();
        socket.getInputStream().readAllBytes();
      }
    }
    assertThat(get("/health/live").statusCode()).isEqualTo(200);
  }

  /** With a certificate of its own making, and one instance of a role that is about to stop. */
  @Test
  void httpsIsSpokenToo() throws Exception {
    var tls = new GatewayConfig.Tls(folder.resolve("certificate.pem"), folder.resolve("key.pem"));
    makeCertificate(tls);
    int port = LoopbackPorts.free();
    var plain = config(URI.create("http://127.0.0.1:" + port), "tls", 10);
    var leaving = roles.get("orders").getFirst();
    var config =
        new GatewayConfig(
            plain.listen(),
            plain.roles(),
            Set.of(leaving.url()),
            plain.folder(),
            plain.ratePerAddress(),
            plain.bodyMaxBytes(),
            Optional.of(tls),
            Optional.of(folder));
    assertThat(NginxNode.complaints(NginxNode.write(config))).isEmpty();
    try (var node = NginxNode.start(config);
        var client = HttpClient.newBuilder().sslContext(trusting(tls.certificate())).build()) {
      assertThat(node.pid()).isPositive();
      int before = leaving.asked.size();
      var orders = URI.create("https://127.0.0.1:" + port + "/api/v1/orders");
      for (int i = 0; i < 4; i++) {
        var answer = client.send(HttpRequest.newBuilder(orders).build(), BodyHandlers.ofString());
        assertThat(answer.statusCode()).isEqualTo(200);
        assertThat(json(answer).path("scheme").asText()).isEqualTo("https");
      }
      assertThat(leaving.asked).as("gets nothing new").hasSize(before);
      var unencrypted = send(URI.create("http://" + plain.listen()), "GET", null);
      assertThat(unencrypted.statusCode()).isEqualTo(400);
      assertThat(json(unencrypted).path("code").asText()).isEqualTo("BAD_REQUEST");
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
