package flashsale.lab;

import static org.assertj.core.api.Assertions.assertThat;

import flashsale.platform.http.Access;
import flashsale.platform.http.Answer;
import flashsale.platform.http.HttpServer;
import flashsale.platform.http.Routes;
import flashsale.platform.ids.Ids;
import flashsale.platform.persistence.TestPostgres;
import flashsale.platform.security.AccessToken;
import flashsale.platform.security.Caller;
import java.io.IOException;
import java.net.URI;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import org.jose4j.jwk.JsonWebKey;
import org.jose4j.lang.JoseException;
import org.junit.jupiter.api.Test;

class NaivePeerTest {
  private static final KeyPair KEYS = keys();

  private static KeyPair keys() {
    try {
      return KeyPairGenerator.getInstance("Ed25519").generateKeyPair();
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }

  /** A shop that only shows its public key. */
  private static HttpServer shop() throws JoseException {
    var key = JsonWebKey.Factory.newJwk(KEYS.getPublic());
    key.setKeyId("one");
    var shown = Map.of("keys", List.of(key.toParams(JsonWebKey.OutputControlLevel.PUBLIC_ONLY)));
    return new HttpServer(
        new HttpServer.Settings("127.0.0.1", 0, 65_536, 64, 64),
        new Routes().get("/.well-known/jwks.json", Access.PUBLIC, call -> Answer.ok(shown)),
        token -> {
          throw new IllegalStateException("nobody signs in here");
        },
        (method, route, path, status, nanos, requestId) -> {},
        e -> Optional.empty());
  }

  private record Shop(URI url, BenchEnvironment.Database database)
      implements BenchEnvironment.Server {
    @Override
    public long pid() {
      return 0;
    }

    @Override
    public long spawnedAtNanoTime() {
      return 0;
    }

    @Override
    public BenchEnvironment.Login operator() {
      return TinyShop.OPERATOR;
    }

    @Override
    public Map<String, Long> reservations(UUID from, UUID to) {
      throw new UnsupportedOperationException("no reservations here");
    }

    @Override
    public void kill() {}

    @Override
    public void close() {}
  }

  private static Client.Answered post(URI peer, String token, Object body) throws IOException {
    try (var client = new Client(() -> peer, new Tally())) {
      return client.call("reserve", "POST", "/api/v1/reservations", token, null, body);
    }
  }

  private static Object body(int offer, int quantity) {
    var line = Map.of("offerId", NaivePeer.offer(offer), "quantity", quantity);
    return Map.of("lines", List.of(line));
  }

  @Test
  void inAProcessOfItsOwnItSellsToHoldersOfTheShopsTokensAndCountsRight()
      throws IOException, JoseException {
    var settings = TestPostgres.settings("naive");
    var database =
        new BenchEnvironment.Database(settings.url(), settings.user(), settings.password());
    var now = Instant.now();
    var token =
        new AccessToken(new Caller(Ids.next(), false), Ids.next(), now, now.plusSeconds(60))
            .signed(KEYS.getPrivate(), "one");
    try (var shop = shop();
        var peer =
            NaiveProcess.start(
                new Shop(HttpServer.local(shop.port()), database), List.of("-Xmx256m"))) {
      var answered = post(peer.url(), token, body(1, 2));
      assertThat(answered.status()).isEqualTo(201);
      assertThat(answered.body().path("state").asText()).isEqualTo("HELD");
      assertThat(answered.body().path("totalMinor").asLong()).isEqualTo(2_000);

      assertThat(post(peer.url(), "forged", body(1, 1)).status()).isEqualTo(401);
      assertThat(post(peer.url(), token, body(NaivePeer.OFFERS, 1)).code())
          .isEqualTo("OFFER_UNKNOWN");
      assertThat(post(peer.url(), token, body(1, 0)).status()).isEqualTo(422);

      var line = "{\"lines\":[{\"offerId\":\"" + NaivePeer.offer(2) + "\",\"quantity\":1}]}";
      var request = Request.of("POST", "/api/v1/reservations", token, null, line);
      var round =
          Load.run(
              new Load.Plan(
                  peer.url(),
                  List.of(request),
                  32,
                  Duration.ZERO,
                  Duration.ofMillis(500),
                  201,
                  "HELD"));
      try (var client = new Client(peer::url, new Tally())) {
        var path = "/offers/" + NaivePeer.offer(2);
        var left = client.call("left", "GET", path, null, null, null);
        assertThat(left.body().path("available").asLong())
            .isEqualTo(NaivePeer.UNITS - round.sent());
      }
    }
  }
}
