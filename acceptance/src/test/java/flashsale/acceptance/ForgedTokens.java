package flashsale.acceptance;

import flashsale.platform.ids.Ids;
import flashsale.platform.json.Json;
import flashsale.platform.security.AccessToken;
import flashsale.platform.security.Caller;
import java.nio.charset.StandardCharsets;
import java.security.KeyPairGenerator;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** Access tokens that look like the shop's own and are not valid, each for one reason. */
final class ForgedTokens {
  private static final Duration LIFETIME = Duration.ofMinutes(5);

  private ForgedTokens() {}

  /** All of them, and no token at all (null). */
  static List<String> all(Tokens tokens) {
    var good = tokens.customer();
    var parts = good.split("\\.", -1);
    var forged = new ArrayList<String>();
    forged.add(null);
    forged.add("garbage");
    forged.add("a.b.c");
    forged.add("x".repeat(4_000));
    forged.add(unsigned(parts[1]));
    forged.add(parts[0] + "." + parts[1] + ".");
    forged.add(good.substring(0, good.length() - 10) + "AAAAAAAAAA");
    forged.add(signedByAnotherKey(tokens.kid()));
    var now = Instant.now();
    forged.add(tokens.customer(Ids.next(), now.minus(LIFETIME.multipliedBy(2)), LIFETIME));
    forged.add(tokens.customer(Ids.next(), now.plus(LIFETIME), LIFETIME));
    forged.add(tokens.resigned(Json.text(claims(Map.of("aud", "another-api")))));
    forged.add(tokens.resigned(Json.text(claims(Map.of("iss", "another")))));
    forged.add(tokens.resigned(Json.text(claims(Map.of("role", "king")))));
    forged.add(tokens.resigned(Json.text(claims(Map.of("sub", "nobody")))));
    return forged;
  }

  /** With {@code alg: none}, which some readers take for a signature that is always right. */
  private static String unsigned(String claims) {
    var header = "{\"alg\":\"none\",\"typ\":\"at+jwt\"}".getBytes(StandardCharsets.UTF_8);
    return Base64.getUrlEncoder().withoutPadding().encodeToString(header) + "." + claims + ".";
  }

  private static String signedByAnotherKey(String kid) {
    try {
      var key = KeyPairGenerator.getInstance("Ed25519").generateKeyPair().getPrivate();
      var now = Instant.now();
      return new AccessToken(new Caller(Ids.next(), true), Ids.next(), now, now.plus(LIFETIME))
          .signed(key, kid);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }

  private static Map<String, Object> claims(Map<String, Object> changed) {
    long now = Instant.now().getEpochSecond();
    var claims = new TreeMap<String, Object>();
    claims.put("iss", "flashsale");
    claims.put("aud", "flashsale-api");
    claims.put("sub", Ids.next().toString());
    claims.put("sid", Ids.next().toString());
    claims.put("role", "operator");
    claims.put("iat", now);
    claims.put("exp", now + LIFETIME.toSeconds());
    claims.putAll(changed);
    return claims;
  }
}
