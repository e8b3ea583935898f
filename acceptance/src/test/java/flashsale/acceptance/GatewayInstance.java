package flashsale.acceptance;

import static org.awaitility.Awaitility.await;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import flashsale.platform.json.Json;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;

/** A role's instance behind the gateway that says who it is and what it got. */
final class GatewayInstance implements AutoCloseable {
  final List<String> asked = Collections.synchronizedList(new ArrayList<>());
  private final GatewayRig rig;
  private final HttpServer server;
  volatile boolean dies;
  volatile int status = 200;
  volatile CountDownLatch hangsUntil = new CountDownLatch(0);

  GatewayInstance(String name, GatewayRig rig) {
    this.rig = rig;
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
      await(rig.nextEvent);
      out.write("data: second\n".getBytes(StandardCharsets.UTF_8));
      out.flush();
      await(rig.endOfEvents);
    }
  }

  private void hold() throws IOException {
    var latch = rig.holdsNext.getAndSet(null);
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

  /** Requests that began so, such as {@code GET /api/v1/orders}. */
  int asked(String start) {
    return (int) asked.stream().filter(request -> request.startsWith(start)).count();
  }

  URI url() {
    return URI.create("http://127.0.0.1:" + server.getAddress().getPort());
  }

  @Override
  public void close() {
    server.stop(0);
  }
}
