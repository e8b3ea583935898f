package flashsale.platform.security;

import java.security.PrivateKey;
import java.time.Instant;
import java.util.UUID;
import org.jose4j.jws.AlgorithmIdentifiers;
import org.jose4j.jws.JsonWebSignature;
import org.jose4j.jwt.JwtClaims;
import org.jose4j.jwt.NumericDate;
import org.jose4j.lang.JoseException;

/**
 * What an access token says. On the wire it is a JWT of the profile RFC 9068 ({@code at+jwt}),
 * signed with Ed25519; {@link TokenVerifier} is the only reader.
 *
 * @param caller the user ({@code sub}) and whether they are an operator ({@code role})
 * @param sessionId the session that the token was made for ({@code sid})
 * @param issuedAt whole seconds ({@code iat})
 * @param expiresAt whole seconds ({@code exp}); from this instant on it is not valid
 */
public record AccessToken(Caller caller, UUID sessionId, Instant issuedAt, Instant expiresAt) {
  static final String TYPE = "at+jwt";
  static final String ISSUER = "flashsale";
  static final String AUDIENCE = "flashsale-api";
  static final String SESSION = "sid";
  static final String ROLE = "role";
  static final String CUSTOMER = "customer";
  static final String OPERATOR = "operator";

  /**
   * The token as it goes over the wire.
   *
   * @param key an Ed25519 private key
   * @param kid the name under which verifiers find its public half
   */
  public String signed(PrivateKey key, String kid) {
    var claims = new JwtClaims();
    claims.setIssuer(ISSUER);
    claims.setAudience(AUDIENCE);
    claims.setSubject(caller.userId().toString());
    claims.setStringClaim(SESSION, sessionId.toString());
    claims.setStringClaim(ROLE, caller.operator() ? OPERATOR : CUSTOMER);
    claims.setIssuedAt(NumericDate.fromSeconds(issuedAt.getEpochSecond()));
    claims.setExpirationTime(NumericDate.fromSeconds(expiresAt.getEpochSecond()));
    var jws = new JsonWebSignature();
    jws.setAlgorithmHeaderValue(AlgorithmIdentifiers.EDDSA);
    jws.setKeyIdHeaderValue(kid);
    jws.setHeader("typ", TYPE);
    jws.setPayload(claims.toJson());
    jws.setKey(key);
    try {
      return jws.getCompactSerialization();
    } catch (JoseException e) {
      throw new IllegalStateException("an access token could not be signed with key " + kid, e);
    }
  }
}
