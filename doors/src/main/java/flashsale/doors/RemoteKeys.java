package flashsale.doors;

import flashsale.contracts.TokenAuthority;
import flashsale.platform.security.TokenVerifier.PublicKeys;
import java.security.PublicKey;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import org.jose4j.jwk.JsonWebKeySet;
import org.jose4j.jwk.PublicJsonWebKey;
import org.jose4j.lang.JoseException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The public keys of the users role, which is in another process: asked for at the first token,
 * when a token names another key, and now and then, because keys retire. Thread-safe.
 */
public final class RemoteKeys implements PublicKeys {
  private static final Logger LOG = LoggerFactory.getLogger(RemoteKeys.class);
  private static final Duration LOOK_EVERY = Duration.ofSeconds(30);

  /** Tokens with made-up names of keys make the role be asked this often at most. */
  private static final Duration LOOK_GAP = Duration.ofMillis(250);

  private final TokenAuthority authority;
  private volatile Map<String, PublicKey> keys = Map.of();
  private volatile long lookedNanoTime = System.nanoTime() - LOOK_EVERY.toNanos();

  public RemoteKeys(TokenAuthority authority) {
    this.authority = authority;
  }

  @Override
  public Optional<PublicKey> publicKey(String kid) {
    look(kid, keys.containsKey(kid) ? LOOK_EVERY : LOOK_GAP);
    return Optional.ofNullable(keys.get(kid));
  }

  private synchronized void look(String kid, Duration gap) {
    if (System.nanoTime() - lookedNanoTime < gap.toNanos()) {
      return;
    }
    try {
      keys =
          new JsonWebKeySet(authority.jwks())
              .getJsonWebKeys().stream()
                  .filter(PublicJsonWebKey.class::isInstance)
                  .map(PublicJsonWebKey.class::cast)
                  .collect(
                      Collectors.toUnmodifiableMap(
                          PublicJsonWebKey::getKeyId, PublicJsonWebKey::getPublicKey));
    } catch (JoseException e) {
      LOG.error("the users' keys cannot be read; the known ones stay in use", e);
    } catch (RuntimeException e) {
      if (!keys.containsKey(kid)) {
        throw e; // It may be a new key: 503, not 401.
      }
      LOG.warn("the users' keys cannot be read; the known ones stay in use: {}", e.getMessage());
    }
    lookedNanoTime = System.nanoTime();
  }
}
