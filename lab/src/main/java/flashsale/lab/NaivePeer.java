package flashsale.lab;

import com.fasterxml.jackson.databind.JsonNode;
import flashsale.platform.http.Access;
import flashsale.platform.http.Answer;
import flashsale.platform.http.Call;
import flashsale.platform.http.HttpServer;
import flashsale.platform.http.Problem;
import flashsale.platform.http.Routes;
import flashsale.platform.ids.Ids;
import flashsale.platform.persistence.Database;
import flashsale.platform.security.Authenticator;
import flashsale.platform.security.TokenVerifier;
import java.io.IOException;
import java.net.URI;
import java.security.PublicKey;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Timestamp;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import org.jose4j.jwk.JsonWebKey;
import org.jose4j.jwk.PublicJsonWebKey;
import org.jose4j.lang.JoseException;

/**
 * How a shop is usually written, to be measured beside the product: one transaction per request
 * that locks the stock's row with {@code SELECT … FOR UPDATE}. In all else it is like the product:
 * the same HTTP server, the same check of the same tokens, the same body and answer, the same
 * PostgreSQL. It has less to do: no keys, no limits, no sale's window, no outbox, no metrics, no
 * log. Started by {@link NaiveProcess} as a process of its own.
 */
final class NaivePeer implements AutoCloseable {
  static final int OFFERS = 200;
  static final int UNITS = 100_000_000;

  /** Of 4, 8, 16 and 32 connections, the number with which it was fastest. */
  private static final int POOL_MAX = 16;

  private static final int WAITING_MAX = 4_096;
  private static final Duration WAIT_MAX = Duration.ofSeconds(30);
  private static final int BODY_MAX_BYTES = 64 * 1024;
  private static final int REQUESTS_MAX = 4_096;
  private static final int TOKENS_MAX = 100_000;
  private static final int QUANTITY_MAX = 1_000;
  private static final Duration TOKEN_TTL = Duration.ofHours(1);
  private static final Duration HOLD = Duration.ofHours(2);

  private record Line(UUID offerId, int quantity) {}

  private record Body(UUID cartId, List<Line> lines) {}

  private record PricedLine(UUID offerId, int quantity, long unitPriceMinor) {}

  private record Reserved(
      UUID reservationId,
      String state,
      UUID orderId,
      List<PricedLine> lines,
      long totalMinor,
      String currency,
      Instant expiresAt) {}

  private final Database database;
  private final HttpServer server;

  /** Makes the tables and listens on any free port. */
  NaivePeer(BenchEnvironment.Database address, Authenticator authenticator) {
    this.database =
        Database.open(
            new Database.Settings(
                "naive",
                address.url(),
                address.user(),
                address.password(),
                POOL_MAX,
                WAITING_MAX,
                WAIT_MAX));
    database.inTransaction(NaivePeer::stockUp);
    var routes =
        new Routes()
            .post("/api/v1/reservations", Access.CUSTOMER, this::reserve)
            .get("/offers/{id}", Access.PUBLIC, this::left);
    this.server =
        new HttpServer(
            new HttpServer.Settings("127.0.0.1", 0, BODY_MAX_BYTES, REQUESTS_MAX, REQUESTS_MAX),
            routes,
            authenticator,
            (method, route, path, status, nanos, requestId) -> {},
            e -> Optional.empty());
  }

  /** The offer for one round, so that no round meets the row versions that another has left. */
  static UUID offer(int round) {
    return new UUID(0, round);
  }

  URI url() {
    return HttpServer.local(server.port());
  }

  @Override
  public void close() {
    server.close();
    database.close();
  }

  private static Void stockUp(Connection connection) throws SQLException {
    try (var insert =
        connection.prepareStatement(
            """
            INSERT INTO stock (offer_id, unit_price_minor, available, held) VALUES (?, 1000, ?, 0)
            ON CONFLICT DO NOTHING
            """)) {
      for (int i = 0; i < OFFERS; i++) {
        insert.setObject(1, offer(i));
        insert.setInt(2, UNITS);
        insert.addBatch();
      }
      insert.executeBatch();
    }
    return null;
  }

  private Answer reserve(Call call) {
    var body = call.body(Body.class);
    if (body.lines() == null || body.lines().size() != 1) {
      throw Problem.unprocessable("INVALID_VALUE", "The naive peer takes one line.");
    }
    var line = body.lines().getFirst();
    if (line.offerId() == null || line.quantity() < 1 || line.quantity() > QUANTITY_MAX) {
      throw Problem.unprocessable("INVALID_VALUE", "A line has an offer and 1 to 1000 units.");
    }
    var customer = call.caller().userId();
    var reserved = database.inTransaction(connection -> hold(connection, customer, line));
    return Answer.created("/api/v1/reservations/" + reserved.reservationId(), reserved);
  }

  private static Reserved hold(Connection connection, UUID customer, Line line)
      throws SQLException {
    long price = take(connection, line);
    var now = Instant.now();
    var reserved =
        new Reserved(
            Ids.next(),
            "HELD",
            Ids.next(),
            List.of(new PricedLine(line.offerId(), line.quantity(), price)),
            price * line.quantity(),
            "EUR",
            now.plus(HOLD));
    insert(
        connection,
        "INSERT INTO reservation VALUES (?, ?, ?, ?, 'HELD', ?)",
        reserved.reservationId(),
        customer,
        line.offerId(),
        line.quantity(),
        Timestamp.from(reserved.expiresAt()));
    insert(
        connection,
        "INSERT INTO orders VALUES (?, ?, ?, ?, 'PENDING_PAYMENT', ?)",
        reserved.orderId(),
        reserved.reservationId(),
        customer,
        reserved.totalMinor(),
        Timestamp.from(now));
    return reserved;
  }

  /** The unit price; the row stays locked until the commit. */
  private static long take(Connection connection, Line line) throws SQLException {
    long price;
    try (var select =
        connection.prepareStatement(
            "SELECT available, unit_price_minor FROM stock WHERE offer_id = ? FOR UPDATE")) {
      select.setObject(1, line.offerId());
      try (var row = select.executeQuery()) {
        if (!row.next()) {
          throw Problem.unprocessable("OFFER_UNKNOWN", "There is no such offer.");
        }
        if (row.getInt(1) < line.quantity()) {
          throw Problem.conflict("SOLD_OUT", "Nothing is left.");
        }
        price = row.getLong(2);
      }
    }
    try (var update =
        connection.prepareStatement(
            "UPDATE stock SET available = available - ?, held = held + ? WHERE offer_id = ?")) {
      update.setInt(1, line.quantity());
      update.setInt(2, line.quantity());
      update.setObject(3, line.offerId());
      update.executeUpdate();
    }
    return price;
  }

  private static void insert(Connection connection, String sql, Object... values)
      throws SQLException {
    try (var insert = connection.prepareStatement(sql)) {
      for (int i = 0; i < values.length; i++) {
        insert.setObject(i + 1, values[i]);
      }
      insert.executeUpdate();
    }
  }

  private Answer left(Call call) {
    var offer = call.pathId("id", "offer");
    return database.with(
        connection -> {
          try (var select =
              connection.prepareStatement("SELECT available FROM stock WHERE offer_id = ?")) {
            select.setObject(1, offer);
            try (var row = select.executeQuery()) {
              if (!row.next()) {
                throw Problem.notFound("offer");
              }
              return Answer.ok(Map.of("available", row.getInt(1)));
            }
          }
        });
  }

  /** Checks tokens as the shop itself does, with the public keys that it shows. */
  static Authenticator verifierOf(URI shop) throws IOException {
    try (var client = new Client(() -> shop, new Tally())) {
      var keys = client.call("keys", "GET", "/.well-known/jwks.json", null, null, null).body();
      Map<String, PublicKey> known = new HashMap<>();
      for (var key : keys.path("keys")) {
        known.put(key.path("kid").asText(), publicKey(key));
      }
      return new TokenVerifier(
          kid -> Optional.ofNullable(known.get(kid)),
          InstantSource.system(),
          new TokenVerifier.Settings(TOKENS_MAX, TOKENS_MAX, TOKEN_TTL));
    }
  }

  private static PublicKey publicKey(JsonNode jwk) throws IOException {
    try {
      var key = JsonWebKey.Factory.newJwk(jwk.toString());
      return ((PublicJsonWebKey) key).getPublicKey();
    } catch (JoseException e) {
      throw new IOException("the shop shows a key that cannot be read: " + jwk, e);
    }
  }
}
