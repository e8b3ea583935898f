package flashsale.users;

import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.SecureRandom;
import java.time.Duration;
import java.time.InstantSource;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/**
 * Remembers for a short while which e-mail addresses and passwords belonged together, so that a
 * storm of sign-ins does not cost an Argon2 each; the idea is that of Elasticsearch's realm caches.
 * What is kept is an HMAC-SHA-256 under a key that this process made up and nobody else knows: it
 * is fast, so it must not outlive the process, and it does not. Thread-safe.
 *
 * <p>A hit is a claim about a version of the password. Whoever opens a session checks that version
 * again in the database, so that a change made by another process holds at once.
 */
final class VerifiedCredentials {
  /** Whose they are, and which of this user's passwords it was: 1 for the first. */
  record Known(UUID userId, int passwordVersion) {}

  private record Fingerprint(long a, long b, long c, long d) {}

  private static final String HMAC = "HmacSHA256";
  private static final int KEY_BYTES = 32;

  private final Cache<Fingerprint, Known> known;
  private final SecretKeySpec key;

  VerifiedCredentials(int max, Duration ttl, InstantSource clock) {
    this.known =
        Caffeine.newBuilder()
            .maximumSize(max)
            .expireAfterWrite(ttl)
            .ticker(() -> TimeUnit.MILLISECONDS.toNanos(clock.millis()))
            .build();
    var random = new byte[KEY_BYTES];
    new SecureRandom().nextBytes(random);
    this.key = new SecretKeySpec(random, HMAC);
  }

  Optional<Known> find(Email email, Password password) {
    return Optional.ofNullable(known.getIfPresent(fingerprint(email, password)));
  }

  void remember(Email email, Password password, Known who) {
    known.put(fingerprint(email, password), who);
  }

  /** Forgets the user. Rare, so it looks through all entries instead of keeping an index. */
  void forget(UUID userId) {
    known.asMap().values().removeIf(who -> who.userId().equals(userId));
  }

  long size() {
    return known.estimatedSize();
  }

  private Fingerprint fingerprint(Email email, Password password) {
    try {
      var mac = Mac.getInstance(HMAC);
      mac.init(key);
      // An address has no space, so the two cannot be divided in another way.
      mac.update(email.key().getBytes(StandardCharsets.US_ASCII));
      mac.update((byte) ' ');
      var hash = ByteBuffer.wrap(mac.doFinal(password.bytes()));
      return new Fingerprint(hash.getLong(), hash.getLong(), hash.getLong(), hash.getLong());
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("every JDK has " + HMAC, e);
    }
  }
}
