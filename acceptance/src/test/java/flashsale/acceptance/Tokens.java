package flashsale.acceptance;

import flashsale.platform.security.AccessToken;
import flashsale.platform.security.Caller;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.UUID;
import org.jose4j.jwk.OctetKeyPairJsonWebKey;
import org.jose4j.jwk.PublicJsonWebKey;
import org.jose4j.jws.JsonWebSignature;
import org.jose4j.lang.JoseException;

/**
 * Access tokens made with the shop's own signing key. A crowd gets its tokens this way, because
 * signing in costs a password hash each; and forgeries are made by changing one thing.
 */
final class Tokens {
  private final OctetKeyPairJsonWebKey key;

  private Tokens(OctetKeyPairJsonWebKey key) {
    this.key = key;
  }

  /** With the key in this folder. */
  static Tokens of(Path keys) {
    try (var files = Files.newDirectoryStream(keys, "ed25519-*.json")) {
      var text = Files.readString(files.iterator().next());
      return new Tokens((OctetKeyPairJsonWebKey) PublicJsonWebKey.Factory.newPublicJwk(text));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (JoseException e) {
      throw new IllegalStateException(e);
    }
  }

  /** A customer whom no account stands for; nothing but the account's own page asks for it. */
  String customer() {
    return customer(UUID.randomUUID(), Instant.now(), Duration.ofMinutes(15));
  }

  String customer(UUID userId, Instant issuedAt, Duration lifetime) {
    return new AccessToken(
            new Caller(userId, false), UUID.randomUUID(), issuedAt, issuedAt.plus(lifetime))
        .signed(key.getPrivateKey(), key.getKeyId());
  }

  /** The token's claims, changed, under the shop's own signature. */
  String resigned(String claims) {
    try {
      var jws = new JsonWebSignature();
      jws.setAlgorithmHeaderValue("EdDSA");
      jws.setKeyIdHeaderValue(key.getKeyId());
      jws.setHeader("typ", "at+jwt");
      jws.setPayload(claims);
      jws.setKey(key.getPrivateKey());
      return jws.getCompactSerialization();
    } catch (JoseException e) {
      throw new IllegalStateException(e);
    }
  }

  String kid() {
    return key.getKeyId();
  }
}
