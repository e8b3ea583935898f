package flashsale.doors;

import flashsale.contracts.TokenAuthority;
import flashsale.platform.batching.Late;
import flashsale.platform.security.TokenVerifier.PublicKeys;
import flashsale.platform.time.Deadline;
import java.security.PublicKey;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.stream.Collectors;
import org.jose4j.jwk.JsonWebKeySet;
import org.jose4j.jwk.PublicJsonWebKey;
import org.jose4j.lang.JoseException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The public keys of the users role, which is in another process: asked for at the first token,
 * when a token names another key, and now and then, because keys retire. Whoever names a known key
 * never waits for that; the others wait together for one look, and not for long. Thread-safe.
 */
public final class RemoteKeys implements PublicKeys {
  private static final Logger LOG = LoggerFactory.getLogger(RemoteKeys.class);
  private static final Duration LOOK_EVERY = Duration.ofSeconds(30);

  /** Tokens with made-up names of keys make the role be asked this often at most. */
  private static final Duration LOOK_GAP = Duration.ofMillis(250);

  /** For a look that is under way; after that it goes on without the caller. */
  private static final Duration WAIT_MAX = Duration.ofSeconds(1);

  /** What a look found; the keys are those of the last one that did not fail. */
  private record Looked(Map<String, PublicKey> keys, boolean failed, long nanoTime) {
    boolean isOlderThan(Duration age) {
      return System.nanoTime() - nanoTime >= age.toNanos();
    }
  }

  private final TokenAuthority authority;
  private final Duration lookEvery;
  private volatile Looked last;
  private CompletableFuture<Looked> looking;

  public RemoteKeys(TokenAuthority authority) {
    this(authority, LOOK_EVERY);
  }

  RemoteKeys(TokenAuthority authority, Duration lookEvery) {
    this.authority = authority;
    this.lookEvery = lookEvery;
    this.last = new Looked(Map.of(), false, System.nanoTime() - LOOK_GAP.toNanos());
    this.looking = CompletableFuture.completedFuture(last);
  }

  /**
   * The key of this name, if the users have it.
   *
   * @throws Late if it is unknown here and the users cannot be asked: it may be a new one
   */
  @Override
  public Optional<PublicKey> publicKey(String kid) {
    var found = last;
    boolean known = found.keys().containsKey(kid);
    var gap = known ? lookEvery : LOOK_GAP;
    if (found.isOlderThan(gap)) {
      var look = looking(gap);
      found = known ? found : result(look);
    }
    var key = Optional.ofNullable(found.keys().get(kid));
    if (key.isEmpty() && found.failed()) {
      throw new Late("the users' keys cannot be read");
    }
    return key;
  }

  /** The look that is under way, or was within that time; otherwise one begins. */
  private synchronized CompletableFuture<Looked> looking(Duration gap) {
    if (looking.isDone() && last.isOlderThan(gap)) {
      looking =
          CompletableFuture.supplyAsync(
              this::look, task -> Thread.ofVirtual().name("remote-keys").start(task));
    }
    return looking;
  }

  private static Looked result(CompletableFuture<Looked> look) {
    try {
      return look.get(Deadline.left(WAIT_MAX).toNanos(), TimeUnit.NANOSECONDS);
    } catch (TimeoutException e) {
      throw new Late("the users' keys are still being asked for");
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new Late("interrupted while the users' keys were asked for");
    } catch (ExecutionException e) {
      throw new IllegalStateException("the users' keys cannot be asked for", e);
    }
  }

  private Looked look() {
    var before = last;
    Looked now;
    try {
      now = new Looked(keys(), false, System.nanoTime());
    } catch (JoseException | RuntimeException e) {
      if (!before.failed()) { // Once an outage: tokens with made-up keys repeat it.
        LOG.warn("the users' keys cannot be read; the known ones stay in use: {}", e.toString());
      }
      now = new Looked(before.keys(), true, System.nanoTime());
    }
    last = now;
    return now;
  }

  private Map<String, PublicKey> keys() throws JoseException {
    return new JsonWebKeySet(authority.jwks())
        .getJsonWebKeys().stream()
            .filter(PublicJsonWebKey.class::isInstance)
            .map(PublicJsonWebKey.class::cast)
            .collect(
                Collectors.toUnmodifiableMap(
                    PublicJsonWebKey::getKeyId, PublicJsonWebKey::getPublicKey));
  }
}
