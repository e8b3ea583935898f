package flashsale.platform.security;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.awaitility.Awaitility.await;

import flashsale.platform.batching.Late;
import flashsale.platform.batching.Overloaded;
import flashsale.platform.http.Problem;
import flashsale.platform.ids.Ids;
import java.nio.charset.StandardCharsets;
import java.security.Key;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.NoSuchAlgorithmException;
import java.security.PublicKey;
import java.time.Duration;
import java.time.Instant;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jose4j.jwa.AlgorithmConstraints;
import org.jose4j.jwk.PublicJsonWebKey;
import org.jose4j.jws.JsonWebSignature;
import org.jose4j.jwt.JwtClaims;
import org.jose4j.jwt.NumericDate;
import org.jose4j.keys.HmacKey;
import org.jose4j.lang.JoseException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class TokenVerifierTest {
  private static final Instant START = Instant.parse("2026-11-24T10:00:00Z");
  private static final Duration TTL = Duration.ofMinutes(15);
  private static final KeyPair OURS = pair("Ed25519");
  private static final KeyPair OTHER = pair("Ed25519");
  private static final KeyPair ED448 = pair("Ed448");
  private static final KeyPair RSA = pair("RSA");

  private final AtomicReference<Instant> now = new AtomicReference<>(START);
  private final AtomicInteger keyLookUps = new AtomicInteger();
  private final TokenVerifier verifier = verifier(1_000);
  private final Caller customer = new Caller(Ids.next(), false);

  @Test
  void aTokenTellsWhoCallsAndInWhichSession() {
    var operator =
        new AccessToken(new Caller(Ids.next(), true), Ids.next(), START, START.plus(TTL));
    assertThat(verifier.verify(operator.signed(OURS.getPrivate(), "ours"))).isEqualTo(operator);
    assertThat(verifier.authenticate(token().signed(OURS.getPrivate(), "ours")))
        .isEqualTo(customer);
  }

  @Test
  void aTokenIsVerifiedOnceAndThenKnownByItsText() {
    var text = token().signed(OURS.getPrivate(), "ours");
    for (int i = 0; i < 5; i++) {
      // Another String each time, as it comes from the wire.
      assertThat(verifier.authenticate(String.valueOf(text.toCharArray()))).isEqualTo(customer);
    }
    assertThat(keyLookUps).hasValue(1);
  }

  /** Else everybody would be told to sign in again because one process is away. */
  @Test
  void keysOutOfReachMakeNoTokenInvalid() {
    var blind =
        new TokenVerifier(
            kid -> {
              throw new Overloaded("the users do not answer");
            },
            now::get,
            new TokenVerifier.Settings(10, 10, TTL));
    var text = token().signed(OURS.getPrivate(), "ours");
    assertThatThrownBy(() -> blind.verify(text)).isInstanceOf(Late.class);
  }

  @Test
  void aTokenOfThisProcessIsKnownFromTheStartAndEndsAllTheSame() {
    var text = token().signed(OURS.getPrivate(), "ours");
    verifier.issued(text, token());
    assertThat(verifier.authenticate(text)).isEqualTo(customer);
    assertThat(keyLookUps).hasValue(0);
    now.set(START.plus(TTL));
    assertThat(refusal(text).code()).isEqualTo("TOKEN_EXPIRED");
  }

  @Test
  void aTokenEndsAtItsExpiryWhetherItIsKnownOrNot() {
    var known = token().signed(OURS.getPrivate(), "ours");
    var unknown = token().signed(OURS.getPrivate(), "ours");
    now.set(START.plus(TTL).minusMillis(1));
    verifier.authenticate(known);
    now.set(START.plus(TTL));
    assertThat(refusal(known).code()).isEqualTo("TOKEN_EXPIRED");
    assertThat(refusal(unknown).code()).isEqualTo("TOKEN_EXPIRED");
    assertThat(refusal(known).status()).isEqualTo(401);
  }

  @Test
  void theTokensOfARevokedSessionAreVoidWhetherTheyAreKnownOrNot() {
    var session = Ids.next();
    var known = signed(session, START);
    var unknown = signed(session, START.plusSeconds(1));
    var ofAnother = token().signed(OURS.getPrivate(), "ours");
    now.set(START.plusSeconds(2));
    verifier.authenticate(known);
    verifier.revoked(session);
    assertThat(refusal(known).code()).isEqualTo("UNAUTHENTICATED");
    assertThat(refusal(unknown).code()).isEqualTo("UNAUTHENTICATED");
    assertThat(verifier.authenticate(ofAnother)).isEqualTo(customer);
  }

  @Test
  void atMostSoManyTokensAreRemembered() {
    var small = verifier(10);
    IntStream.range(0, 200)
        .forEach(i -> small.authenticate(token().signed(OURS.getPrivate(), "ours")));
    await().untilAsserted(() -> assertThat(small.verifiedTokens()).isLessThanOrEqualTo(10));
  }

  @Test
  void aChangedCharacterAnywhereMakesTheTokenVoid() {
    var text = token().signed(OURS.getPrivate(), "ours");
    // The last character of the signature carries bits that base64 ignores.
    for (int at = 0; at < text.length() - 1; at += 7) {
      char other = text.charAt(at) == 'A' ? 'B' : 'A';
      var changed = text.substring(0, at) + other + text.substring(at + 1);
      assertThat(refusal(changed).code()).as("changed at %d", at).isEqualTo("UNAUTHENTICATED");
    }
  }

  static Stream<Arguments> forgeries() throws JoseException {
    var kid = "ours";
    var good = claims(c -> {});
    var hmac = new HmacKey(OURS.getPublic().getEncoded());
    return Stream.of(
        Arguments.of("no algorithm", jws("none", null, kid, good, h -> {})),
        Arguments.of("no algorithm, in capitals", unsigned("NONE", kid, good)),
        Arguments.of("no signature", withoutSignature(good)),
        Arguments.of("HMAC with the public key", jws("HS256", hmac, kid, good, h -> {})),
        Arguments.of("RSA", jws("RS256", RSA.getPrivate(), kid, good, h -> {})),
        Arguments.of("another key", jws("EdDSA", OTHER.getPrivate(), kid, good, h -> {})),
        Arguments.of("another curve", jws("EdDSA", ED448.getPrivate(), "ed448", good, h -> {})),
        Arguments.of("an RSA key", jws("RS256", RSA.getPrivate(), "rsa", good, h -> {})),
        Arguments.of("an unknown key", jws("EdDSA", OTHER.getPrivate(), "who", good, h -> {})),
        Arguments.of("no key's name", jws("EdDSA", OURS.getPrivate(), null, good, h -> {})),
        Arguments.of(
            "a key of its own",
            jws("EdDSA", OTHER.getPrivate(), "who", good, h -> h.setJwkHeader(jwk(OTHER)))),
        Arguments.of(
            "another type",
            jws("EdDSA", OURS.getPrivate(), kid, good, h -> h.setHeader("typ", "JWT"))),
        Arguments.of(
            "an unknown critical header",
            jws("EdDSA", OURS.getPrivate(), kid, good, h -> h.setCriticalHeaderNames("exp"))),
        Arguments.of("another issuer", ours(c -> c.setIssuer("somebody"))),
        Arguments.of("no issuer", ours(c -> c.unsetClaim("iss"))),
        Arguments.of("another audience", ours(c -> c.setAudience("other-api"))),
        Arguments.of("no audience", ours(c -> c.unsetClaim("aud"))),
        Arguments.of("no subject", ours(c -> c.unsetClaim("sub"))),
        Arguments.of("a subject that is no id", ours(c -> c.setSubject("root"))),
        Arguments.of("no session", ours(c -> c.unsetClaim("sid"))),
        Arguments.of("a session of another type", ours(c -> c.setClaim("sid", 7))),
        Arguments.of("no role", ours(c -> c.unsetClaim("role"))),
        Arguments.of("an unknown role", ours(c -> c.setStringClaim("role", "admin"))),
        Arguments.of("no expiry", ours(c -> c.unsetClaim("exp"))),
        Arguments.of("an expiry that is text", ours(c -> c.setClaim("exp", "tomorrow"))),
        Arguments.of("no time of issue", ours(c -> c.unsetClaim("iat"))),
        Arguments.of("issued in the future", ours(c -> c.setIssuedAt(at(Duration.ofMinutes(2))))),
        Arguments.of("not yet valid", ours(c -> c.setNotBefore(at(Duration.ofSeconds(10))))),
        Arguments.of(
            "expired, and for another audience",
            ours(
                c -> {
                  c.setExpirationTime(at(Duration.ofMinutes(-1)));
                  c.setIssuedAt(at(Duration.ofMinutes(-2)));
                  c.setAudience("other-api");
                })));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("forgeries")
  void aForgedTokenIsRefused(String what, String text) {
    var refusal = refusal(text);
    assertThat(refusal.status()).isEqualTo(401);
    assertThat(refusal.code()).isEqualTo("UNAUTHENTICATED");
  }

  @Test
  void theUnforgedTokenOfTheForgersIsGood() throws JoseException {
    assertThatCode(() -> verifier.verify(ours(c -> {}))).doesNotThrowAnyException();
  }

  @Test
  void whatIsNoTokenIsRefused() {
    var dots = ".".repeat(2_000);
    for (var text :
        List.of(
            "", ".", "..", "a.b.c", "….….…", "a.b.c.d.e", dots, "\u0000", "x".repeat(100_000))) {
      assertThat(refusal(text).code()).isEqualTo("UNAUTHENTICATED");
    }
    assertThat(verifier.verifiedTokens()).isZero();
  }

  private TokenVerifier verifier(int max) {
    Map<String, PublicKey> keys =
        Map.of("ours", OURS.getPublic(), "ed448", ED448.getPublic(), "rsa", RSA.getPublic());
    return new TokenVerifier(
        kid -> {
          keyLookUps.incrementAndGet();
          return Optional.ofNullable(keys.get(kid));
        },
        now::get,
        new TokenVerifier.Settings(max, 1_000, TTL));
  }

  private AccessToken token() {
    return new AccessToken(customer, Ids.next(), START, START.plus(TTL));
  }

  private String signed(UUID session, Instant issuedAt) {
    return new AccessToken(customer, session, issuedAt, issuedAt.plus(TTL))
        .signed(OURS.getPrivate(), "ours");
  }

  private Problem refusal(String text) {
    return catchThrowableOfType(Problem.class, () -> verifier.verify(text));
  }

  private static String ours(Consumer<JwtClaims> change) throws JoseException {
    return jws("EdDSA", OURS.getPrivate(), "ours", claims(change), header -> {});
  }

  private static JwtClaims claims(Consumer<JwtClaims> change) {
    var claims = new JwtClaims();
    claims.setIssuer("flashsale");
    claims.setAudience("flashsale-api");
    claims.setSubject(Ids.next().toString());
    claims.setStringClaim("sid", Ids.next().toString());
    claims.setStringClaim("role", "customer");
    claims.setIssuedAt(at(Duration.ZERO));
    claims.setExpirationTime(at(TTL));
    change.accept(claims);
    return claims;
  }

  private static String jws(
      String algorithm, Key key, String kid, JwtClaims claims, Consumer<JsonWebSignature> change)
      throws JoseException {
    var jws = new JsonWebSignature();
    jws.setAlgorithmConstraints(AlgorithmConstraints.NO_CONSTRAINTS);
    jws.setAlgorithmHeaderValue(algorithm);
    jws.setHeader("typ", "at+jwt");
    if (kid != null) {
      jws.setKeyIdHeaderValue(kid);
    }
    jws.setPayload(claims.toJson());
    jws.setKey(key);
    change.accept(jws);
    return jws.getCompactSerialization();
  }

  private static String unsigned(String algorithm, String kid, JwtClaims claims) {
    return base64("{\"alg\":\"" + algorithm + "\",\"typ\":\"at+jwt\",\"kid\":\"" + kid + "\"}")
        + "."
        + base64(claims.toJson())
        + ".";
  }

  private static String withoutSignature(JwtClaims claims) throws JoseException {
    var whole = jws("EdDSA", OURS.getPrivate(), "ours", claims, header -> {});
    return whole.substring(0, whole.lastIndexOf('.') + 1);
  }

  private static PublicJsonWebKey jwk(KeyPair pair) {
    try {
      return PublicJsonWebKey.Factory.newPublicJwk(pair.getPublic());
    } catch (JoseException e) {
      throw new AssertionError(e);
    }
  }

  private static String base64(String text) {
    return Base64.getUrlEncoder()
        .withoutPadding()
        .encodeToString(text.getBytes(StandardCharsets.UTF_8));
  }

  private static NumericDate at(Duration fromStart) {
    return NumericDate.fromSeconds(START.plus(fromStart).getEpochSecond());
  }

  private static KeyPair pair(String algorithm) {
    try {
      return KeyPairGenerator.getInstance(algorithm).generateKeyPair();
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError(e);
    }
  }
}
