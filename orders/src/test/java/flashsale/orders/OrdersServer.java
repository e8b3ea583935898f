package flashsale.orders;

import com.fasterxml.jackson.databind.JsonNode;
import flashsale.platform.http.HttpServer;
import flashsale.platform.http.Problem;
import flashsale.platform.http.Routes;
import flashsale.platform.ids.Ids;
import flashsale.platform.json.Json;
import flashsale.platform.persistence.Database;
import flashsale.platform.persistence.TestPostgres;
import flashsale.platform.security.Caller;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicReference;

/** The orders role behind a real HTTP server; a customer's token is their id. */
final class OrdersServer implements AutoCloseable {
  /** What came back. */
  record Reply(int status, JsonNode body) {
    String code() {
      return body.path("code").asText();
    }
  }

  final AtomicReference<Instant> now = new AtomicReference<>(Instant.parse("2026-11-27T12:00:00Z"));
  final OrderBook book;
  private final Database database = TestPostgres.open("orders");
  private final HttpServer server;
  private final HttpClient client = HttpClient.newHttpClient();

  OrdersServer() {
    InstantSource clock = now::get;
    book = new OrderBook(database, clock);
    var routes = new Routes();
    new OrderApi(book).routes(routes);
    server =
        new HttpServer(
            new HttpServer.Settings("127.0.0.1", 0, 64 * 1024, 100, 100),
            routes,
            OrdersServer::caller,
            (method, route, path, status, nanos, requestId) -> {},
            failure -> Optional.empty());
  }

  private static Caller caller(String token) {
    return Ids.parse(token)
        .map(id -> new Caller(id, false))
        .orElseThrow(() -> Problem.of(401, "UNAUTHENTICATED", "Unknown token."));
  }

  Reply get(String path, UUID customer) {
    var request = HttpRequest.newBuilder(HttpServer.local(server.port()).resolve(path));
    if (customer != null) {
      request.header("Authorization", "Bearer " + customer);
    }
    try {
      var reply = client.send(request.build(), HttpResponse.BodyHandlers.ofByteArray());
      return new Reply(reply.statusCode(), Json.tolerant().readTree(reply.body()));
    } catch (IOException e) {
      throw new UncheckedIOException(path, e);
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  @Override
  public void close() {
    client.close();
    server.close();
    database.close();
  }
}
