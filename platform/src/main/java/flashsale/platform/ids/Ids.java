package flashsale.platform.ids;

import com.fasterxml.uuid.Generators;
import com.fasterxml.uuid.UUIDClock;
import com.fasterxml.uuid.impl.TimeBasedEpochGenerator;
import flashsale.platform.time.SteadyClock;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.security.SecureRandom;
import java.util.Optional;
import java.util.UUID;

/** Ids: new ones are UUIDv7 (RFC 9562), derived ones UUIDv8 from a SHA-256. Thread-safe. */
public final class Ids {
  /** With a clock that never goes back, so that the order of ids does not either. */
  private static final TimeBasedEpochGenerator V7 =
      Generators.timeBasedEpochGenerator(new SecureRandom(), new Milliseconds());

  /** Copied for each use, which is cheaper than to ask the JDK's providers for one. */
  private static final MessageDigest SHA_256 = sha256();

  private static final int UUID_CHARS = 36;

  private Ids() {}

  /** A new id; ids made later by this process sort later. */
  public static UUID next() {
    return V7.generate();
  }

  /** The id that belongs to these names, always the same. */
  public static UUID derive(UUID scope, String name) {
    var digest = copyOfSha256();
    digest.update(
        ByteBuffer.allocate(16)
            .putLong(scope.getMostSignificantBits())
            .putLong(scope.getLeastSignificantBits())
            .flip());
    var hash = ByteBuffer.wrap(digest.digest(name.getBytes(StandardCharsets.UTF_8)));
    long most = (hash.getLong() & ~0xf000L) | 0x8000L;
    long least = (hash.getLong() & 0x3fff_ffff_ffff_ffffL) | 0x8000_0000_0000_0000L;
    return new UUID(most, least);
  }

  /** Reads the canonical form only; anything else is no id. */
  public static Optional<UUID> parse(String text) {
    if (text == null || text.length() != UUID_CHARS) {
      return Optional.empty();
    }
    try {
      var id = UUID.fromString(text);
      // The JDK also takes groups of other lengths.
      return id.toString().equalsIgnoreCase(text) ? Optional.of(id) : Optional.empty();
    } catch (IllegalArgumentException e) {
      return Optional.empty();
    }
  }

  private static final class Milliseconds extends UUIDClock {
    private final SteadyClock clock = new SteadyClock();

    @Override
    public long currentTimeMillis() {
      return clock.millis();
    }
  }

  private static MessageDigest copyOfSha256() {
    try {
      return (MessageDigest) SHA_256.clone();
    } catch (CloneNotSupportedException e) {
      return sha256(); // By a provider that somebody else has installed.
    }
  }

  private static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every JDK has SHA-256", e);
    }
  }
}
