package flashsale.catalog;

import com.fasterxml.jackson.databind.JsonNode;
import flashsale.contracts.CheckoutUnavailable;
import flashsale.contracts.Fact;
import flashsale.platform.caching.SharedMemory;
import flashsale.platform.http.HttpServer;
import flashsale.platform.http.Problem;
import flashsale.platform.http.Routes;
import flashsale.platform.json.Json;
import flashsale.platform.messaging.Envelopes;
import flashsale.platform.messaging.Outbox;
import flashsale.platform.persistence.Database;
import flashsale.platform.persistence.TestPostgres;
import flashsale.platform.security.Caller;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.UUID;

/**
 * The catalogue with a real database behind a real HTTP server, a ledger in memory, and a flow of
 * the two hops that the catalogue's facts take.
 */
final class Shop implements AutoCloseable {
  static final Instant NOON = Instant.parse("2026-11-27T12:00:00Z");
  static final Catalogue.Settings SETTINGS = Catalogue.Settings.defaults();

  /** An HTTP answer; {@code json} is null where there was no body. */
  record Reply(int status, JsonNode json, Optional<String> etag, Optional<String> location) {
    UUID id(String field) {
      return UUID.fromString(json.get(field).asText());
    }

    String code() {
      return json.get("code").asText();
    }
  }

  private static final Database.Settings DATABASE = TestPostgres.settings("catalog");

  final Database database;
  final Outbox outbox;
  final Envelopes<Fact> envelopes = new Envelopes<>(Fact.TYPES);
  final MovableClock clock = new MovableClock(NOON);
  final MemoryLedger ledger;
  final Catalogue catalogue;
  final HttpServer server;
  private final HttpClient client = HttpClient.newHttpClient();

  Shop() {
    this(SETTINGS);
  }

  Shop(Catalogue.Settings settings) {
    this(emptied(), new MemoryLedger(), settings);
  }

  /** Making a database takes longer than most tests, so one is emptied again and again. */
  private static Database.Settings emptied() {
    try (var connection = TestPostgres.connect(DATABASE);
        var statement = connection.createStatement()) {
      statement.execute(
          """
          DO $$ BEGIN IF to_regclass('offer') IS NOT NULL THEN
            TRUNCATE offer, sale, product, outbox;
          END IF; END $$
          """);
      return DATABASE;
    } catch (SQLException e) {
      throw new IllegalStateException(e);
    }
  }

  /** Another process's catalogue in the same database, with the same ledger. */
  Shop another() {
    return new Shop(DATABASE, ledger, SETTINGS);
  }

  private Shop(Database.Settings where, MemoryLedger ledger, Catalogue.Settings settings) {
    this.ledger = ledger;
    this.database = Database.open(where);
    this.outbox = new Outbox(database);
    this.catalogue =
        new Catalogue(
            database, SharedMemory.NONE, outbox, envelopes, ledger, this::carry, clock, settings);
    var routes = new Routes();
    new CatalogApi(catalogue).routes(routes);
    new CatalogAdminApi(catalogue).routes(routes);
    this.server =
        new HttpServer(
            new HttpServer.Settings("127.0.0.1", 0, 256 * 1024, 100, 100),
            routes,
            Shop::caller,
            (method, route, path, status, nanos, requestId) -> {},
            e -> Optional.empty());
  }

  private static Caller caller(String token) {
    return switch (token) {
      case "operator" -> new Caller(new UUID(0, 1), true);
      case "customer" -> new Caller(new UUID(0, 2), false);
      default -> throw Problem.of(401, "UNAUTHENTICATED", "Unknown token.");
    };
  }

  /** The flow, as far as it concerns the catalogue. */
  Fact carry(Fact first) {
    try {
      var answer = ledger.apply(List.of(first)).getFirst();
      return answer instanceof Fact.StockAllocated
          ? catalogue.apply(List.of(answer)).getFirst()
          : answer;
    } catch (IllegalStateException e) {
      throw new CheckoutUnavailable(e.getMessage(), Duration.ofSeconds(3), e);
    }
  }

  Reply get(String path) {
    return send("GET", path, null, "none", null);
  }

  Reply getUnless(String path, String etag) {
    return send("GET", path, null, "none", etag);
  }

  Reply operator(String method, String path, String body) {
    return send(method, path, body, "operator", null);
  }

  Reply post(String path, String body) {
    return operator("POST", path, body);
  }

  Reply patch(String path, String body) {
    return operator("PATCH", path, body);
  }

  Reply send(String method, String path, String body, String token, String ifNoneMatch) {
    var request =
        HttpRequest.newBuilder(URI.create(HttpServer.local(server.port()) + path))
            .method(method, body == null ? BodyPublishers.noBody() : BodyPublishers.ofString(body));
    if (body != null) {
      request.header("Content-Type", "application/json");
    }
    if (!token.equals("none")) {
      request.header("Authorization", "Bearer " + token);
    }
    if (ifNoneMatch != null) {
      request.header("If-None-Match", ifNoneMatch);
    }
    try {
      var response = client.send(request.build(), BodyHandlers.ofString());
      var text = response.body();
      return new Reply(
          response.statusCode(),
          text.isEmpty() ? null : Json.strict().readTree(text),
          response.headers().firstValue("ETag"),
          response.headers().firstValue("Location"));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      throw new IllegalStateException("nobody interrupts tests", e);
    }
  }

  UUID product(String name) {
    return post(
            "/api/v1/admin/products",
            "{\"name\":\"%s\",\"description\":\"As %s as it gets.\"}".formatted(name, name))
        .id("productId");
  }

  /** A draft from an hour after noon until two hours after noon. */
  UUID draft() {
    return sale(NOON.plus(Duration.ofHours(1)), NOON.plus(Duration.ofHours(2)));
  }

  UUID sale(Instant opensAt, Instant closesAt) {
    return post(
            "/api/v1/admin/sales",
            "{\"name\":\"Black Friday\",\"opensAt\":\"%s\",\"closesAt\":\"%s\"}"
                .formatted(opensAt, closesAt))
        .id("saleId");
  }

  UUID offer(UUID saleId, int allocated) {
    return addOffer(saleId, product("Lamp"), allocated).id("offerId");
  }

  Reply addOffer(UUID saleId, UUID productId, int allocated) {
    return post(
        "/api/v1/admin/sales/" + saleId + "/offers",
        """
        {"productId":"%s","unitPriceMinor":1999,"currency":"EUR","allocated":%d,
         "limitPerCustomer":2}
        """
            .formatted(productId, allocated));
  }

  Reply move(UUID saleId, String how) {
    return post("/api/v1/admin/sales/" + saleId + "/" + how, null);
  }

  Reply change(UUID offerId, String body) {
    return patch("/api/v1/admin/offers/" + offerId, body);
  }

  JsonNode page(UUID saleId) {
    return get("/api/v1/sales/" + saleId).json();
  }

  /** The only offer on the page. */
  JsonNode offerOn(UUID saleId) {
    return page(saleId).get("offers").get(0);
  }

  @Override
  public void close() {
    server.close();
    catalogue.close();
    client.close();
    database.close();
  }
}
