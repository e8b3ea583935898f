package flashsale.platform.security;

import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;
import flashsale.platform.batching.Late;
import flashsale.platform.http.Problem;
import flashsale.platform.ids.Ids;
import flashsale.platform.messaging.FailureCategory;
import java.security.Key;
import java.security.PublicKey;
import java.security.interfaces.EdECPublicKey;
import java.security.spec.NamedParameterSpec;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Optional;
import java.util.UUID;
import java.util.function.Consumer;
import org.jose4j.jwa.AlgorithmConstraints.ConstraintType;
import org.jose4j.jws.AlgorithmIdentifiers;
import org.jose4j.jws.JsonWebSignature;
import org.jose4j.jwt.JwtClaims;
import org.jose4j.jwt.MalformedClaimException;
import org.jose4j.jwt.NumericDate;
import org.jose4j.jwt.consumer.InvalidJwtException;
import org.jose4j.jwt.consumer.JwtConsumer;
import org.jose4j.jwt.consumer.JwtConsumerBuilder;
import org.jose4j.lang.UnresolvableKeyException;

/**
 * Verifies access tokens. A token that was verified once is known by its text until it expires, so
 * that the usual request costs two look-ups in memory (the token, and whether its session was
 * revoked) instead of 100 µs and more for the signature. Thread-safe.
 *
 * <p>Only Ed25519 is accepted, only under a key that {@link PublicKeys} knows by the token's {@code
 * kid}, whatever else the token's header says.
 */
public final class TokenVerifier implements Authenticator {
  /** A longer text is no token of ours; ours have about 400 characters. */
  private static final int TOKEN_MAX_CHARS = 2_048;

  /** How far the clock of the process that issued a token may be ahead of this one's. */
  private static final Duration CLOCK_SKEW_MAX = Duration.ofSeconds(30);

  /** Where verification keys come from. Called by many threads at once, once per new token. */
  @FunctionalInterface
  public interface PublicKeys {
    /** The key with this name, if it is to be trusted now. */
    Optional<PublicKey> publicKey(String kid);
  }

  /**
   * The verifier's bounds.
   *
   * @param verifiedMax tokens that are remembered as verified; others are verified again
   * @param revokedMax revoked sessions that are remembered; above that some are forgotten, and
   *     their access tokens are valid again until they expire
   * @param tokenTtl how long an access token is valid at most: a revocation is kept for that long
   */
  public record Settings(int verifiedMax, int revokedMax, Duration tokenTtl) {}

  private final PublicKeys keys;
  private final InstantSource clock;
  private final Cache<String, AccessToken> verified;
  private final Cache<UUID, Boolean> revoked;
  private volatile Consumer<UUID> onRevoked = sessionId -> {};

  public TokenVerifier(PublicKeys keys, InstantSource clock, Settings settings) {
    this.keys = keys;
    this.clock = clock;
    // Expiry here only frees memory. What decides is the comparison with the clock at each use.
    this.verified =
        Caffeine.newBuilder()
            .maximumSize(settings.verifiedMax())
            .expireAfterWrite(settings.tokenTtl())
            .build();
    this.revoked =
        Caffeine.newBuilder()
            .maximumSize(settings.revokedMax())
            .expireAfterWrite(settings.tokenTtl().plus(CLOCK_SKEW_MAX))
            .build();
  }

  @Override
  public Caller authenticate(String bearer) {
    return verify(bearer).caller();
  }

  /**
   * What the token says, if it is valid now.
   *
   * @throws Problem 401 {@code TOKEN_EXPIRED} if time is all that is wrong with it, else 401 {@code
   *     UNAUTHENTICATED}
   */
  public AccessToken verify(String bearer) {
    var known = verified.getIfPresent(bearer);
    var token = known != null ? known : verifyAfresh(bearer);
    if (!clock.instant().isBefore(token.expiresAt())) {
      throw expired();
    }
    if (revoked.getIfPresent(token.sessionId()) != null) {
      throw Problem.of(401, "UNAUTHENTICATED", "The session has ended; sign in again.");
    }
    return token;
  }

  /**
   * Remembers a token that this process has just signed, so that its first use costs no signature
   * either: a sale opens with the first requests of everybody who signed in before.
   */
  public void issued(String text, AccessToken token) {
    verified.put(text, token);
  }

  /** Who is told of the sessions that end in this process. */
  public void onRevoked(Consumer<UUID> listener) {
    onRevoked = listener;
  }

  /** From now on no access token of this session is valid in this process. */
  public void revoked(UUID sessionId) {
    heardOfRevoked(sessionId);
    onRevoked.accept(sessionId);
  }

  /** The same for a session that ended in another process. */
  public void heardOfRevoked(UUID sessionId) {
    revoked.put(sessionId, Boolean.TRUE);
  }

  /** Tokens remembered as verified, roughly. */
  public long verifiedTokens() {
    return verified.estimatedSize();
  }

  /** Sessions remembered as revoked, roughly. */
  public long revokedSessions() {
    return revoked.estimatedSize();
  }

  private AccessToken verifyAfresh(String bearer) {
    if (bearer.length() > TOKEN_MAX_CHARS) {
      throw invalid();
    }
    try {
      var token = read(consumer(clock.instant()).processToClaims(bearer));
      verified.put(bearer, token);
      return token;
    } catch (InvalidJwtException e) {
      if (FailureCategory.isOutage(e)) { // Of who has the keys: nothing is known of the token.
        throw new Late("access tokens cannot be verified now: " + e.getMessage());
      }
      // The claims are looked at only after the signature was found good.
      throw e.hasExpired() && e.getErrorDetails().size() == 1 ? expired() : invalid();
    } catch (MalformedClaimException e) {
      throw invalid();
    }
  }

  private JwtConsumer consumer(Instant now) {
    return new JwtConsumerBuilder()
        .setJwsAlgorithmConstraints(ConstraintType.PERMIT, AlgorithmIdentifiers.EDDSA)
        .setVerificationKeyResolver((jws, nesting) -> key(jws))
        .setExpectedType(true, AccessToken.TYPE)
        .setExpectedIssuer(AccessToken.ISSUER)
        .setExpectedAudience(AccessToken.AUDIENCE)
        .setRequireSubject()
        .setRequireExpirationTime()
        .setRequireIssuedAt()
        .setIssuedAtRestrictions((int) CLOCK_SKEW_MAX.toSeconds(), Integer.MAX_VALUE)
        .setEvaluationTime(NumericDate.fromMilliseconds(now.toEpochMilli()))
        .setAllowedClockSkewInSeconds(0)
        .build();
  }

  private Key key(JsonWebSignature jws) throws UnresolvableKeyException {
    var kid = jws.getKeyIdHeaderValue();
    // EdDSA is also the name of Ed448; a key of any other kind has no business here.
    return Optional.ofNullable(kid)
        .flatMap(keys::publicKey)
        .filter(
            k ->
                k instanceof EdECPublicKey e
                    && e.getParams().getName().equals(NamedParameterSpec.ED25519.getName()))
        .orElseThrow(() -> new UnresolvableKeyException("no such key"));
  }

  private static AccessToken read(JwtClaims claims) throws MalformedClaimException {
    var role = claims.getStringClaimValue(AccessToken.ROLE);
    boolean operator = AccessToken.OPERATOR.equals(role);
    if (!operator && !AccessToken.CUSTOMER.equals(role)) {
      throw invalid();
    }
    return new AccessToken(
        new Caller(id(claims.getSubject()), operator),
        id(claims.getStringClaimValue(AccessToken.SESSION)),
        Instant.ofEpochSecond(claims.getIssuedAt().getValue()),
        Instant.ofEpochSecond(claims.getExpirationTime().getValue()));
  }

  private static UUID id(String text) {
    return Ids.parse(text).orElseThrow(TokenVerifier::invalid);
  }

  private static Problem invalid() {
    return Problem.of(401, "UNAUTHENTICATED", "The access token is not valid; sign in again.");
  }

  private static Problem expired() {
    return Problem.of(
        401,
        "TOKEN_EXPIRED",
        "The access token has expired; get a new one with /sessions/refresh.");
  }
}
