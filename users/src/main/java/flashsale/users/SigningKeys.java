package flashsale.users;

import flashsale.platform.security.AccessToken;
import flashsale.platform.security.TokenVerifier;
import java.nio.file.Path;
import java.security.PublicKey;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.jose4j.jwk.JsonWebKey.OutputControlLevel;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The keys that sign access tokens. The newest key of the folder signs. An older one verifies until
 * the last token that can have been signed with it has expired. Processes that share the folder
 * find each other's keys: at once when a token names one they do not know, else within {@link
 * #LOOK_EVERY}. Thread-safe.
 */
public final class SigningKeys implements TokenVerifier.PublicKeys {
  private static final Logger LOG = LoggerFactory.getLogger(SigningKeys.class);

  /** How soon a process signs with a key that another one made. */
  static final Duration LOOK_EVERY = Duration.ofSeconds(30);

  /** Tokens with made-up names of keys make the folder be read this often at most. */
  static final Duration LOOK_GAP = Duration.ofMillis(250);

  /** Keys that verify at the same time; more rotations are refused until some have retired. */
  static final int KEYS_MAX = 16;

  /** Rotation is refused for now. */
  public static final class TooMany extends IllegalStateException {
    private static final long serialVersionUID = 1L;

    TooMany(String message) {
      super(message);
    }
  }

  private final KeyFolder folder;
  private final InstantSource clock;
  private final Duration tokenTtl;
  private volatile List<KeyFolder.Key> keys;
  private volatile Instant lookedAt;

  /**
   * Reads the keys in the folder, and makes the first one where there is none.
   *
   * @param tokenTtl how long an access token is valid
   * @throws UnusableKey if a key in the folder is damaged or open to others
   */
  public SigningKeys(Path folder, InstantSource clock, Duration tokenTtl) {
    this.folder = new KeyFolder(folder);
    this.clock = clock;
    this.tokenTtl = tokenTtl;
    this.lookedAt = now();
    this.keys = this.folder.read();
    if (keys.isEmpty()) {
      keys = List.of(this.folder.create(now()));
      LOG.info("made the first signing key, {}", keys.getFirst().kid());
    }
  }

  /** The token as text, signed with the newest key. */
  String sign(AccessToken token) {
    if (!now().isBefore(lookedAt.plus(LOOK_EVERY))) {
      look(LOOK_EVERY);
    }
    var key = keys.getFirst();
    return token.signed(key.jwk().getPrivateKey(), key.kid());
  }

  @Override
  public Optional<PublicKey> publicKey(String kid) {
    var known = trusted(kid);
    if (known.isPresent()) {
      return known;
    }
    look(LOOK_GAP);
    return trusted(kid);
  }

  private Optional<PublicKey> trusted(String kid) {
    return trusted(keys).stream()
        .filter(key -> key.kid().equals(kid))
        .findFirst()
        .map(key -> key.jwk().getPublicKey());
  }

  /**
   * The public keys that verify now, as a JSON Web Key Set (RFC 7517), the signing one first. A key
   * that another process has just made is among them.
   */
  public Map<String, List<Map<String, Object>>> jwks() {
    look(LOOK_GAP);
    return Map.of(
        "keys",
        trusted(keys).stream()
            .map(key -> key.jwk().toParams(OutputControlLevel.PUBLIC_ONLY))
            .toList());
  }

  /**
   * Makes a new key, which signs from now on, and removes those that have retired.
   *
   * @return the new key's {@code kid}
   * @throws TooMany if {@link #KEYS_MAX} keys are still needed
   */
  public synchronized String rotate() {
    var found = folder.read();
    var needed = trusted(found);
    if (needed.size() >= KEYS_MAX) {
      throw new TooMany(
          KEYS_MAX + " signing keys are still needed to verify tokens; try again later");
    }
    found.stream().filter(key -> !needed.contains(key)).forEach(folder::remove);
    // Later than the present one even if the clock is not, because the latest one signs.
    var after = needed.isEmpty() ? Instant.MIN : needed.getFirst().createdAt();
    var now = now();
    var made = folder.create(now.isAfter(after) ? now : after.plus(1, ChronoUnit.MICROS));
    keys = Stream.concat(Stream.of(made), needed.stream()).toList();
    return made.kid();
  }

  /**
   * One key of the folder.
   *
   * @param neededUntil when the last token that it can have signed has expired; null: it signs
   */
  public record Listed(String kid, Instant createdAt, Instant neededUntil) {}

  /** All keys of the folder, newest first; the first one signs. */
  public List<Listed> list() {
    var listed = new ArrayList<Listed>();
    Instant neededUntil = null;
    for (var key : folder.read()) {
      listed.add(new Listed(key.kid(), key.createdAt(), neededUntil));
      neededUntil = key.createdAt().plus(tokenTtl).plus(LOOK_EVERY);
    }
    return listed;
  }

  /** Looks at the folder again, unless somebody did within this time. */
  private synchronized void look(Duration gap) {
    var now = now();
    if (now.isBefore(lookedAt.plus(gap))) {
      return;
    }
    lookedAt = now;
    try {
      var found = folder.read();
      if (!found.isEmpty()) {
        keys = found;
      }
    } catch (RuntimeException e) {
      LOG.error("signing keys could not be read again; the known ones stay in use", e);
    }
  }

  /** The newest key, and each whose successor is so new that its tokens may still be valid. */
  private List<KeyFolder.Key> trusted(List<KeyFolder.Key> all) {
    // Until it has looked at the folder, another process signs with the older key.
    var retired = now().minus(tokenTtl).minus(LOOK_EVERY);
    int trusted = Math.min(1, all.size());
    while (trusted < all.size() && all.get(trusted - 1).createdAt().isAfter(retired)) {
      trusted++;
    }
    return all.subList(0, trusted);
  }

  private Instant now() {
    return clock.instant().truncatedTo(ChronoUnit.MICROS);
  }
}
