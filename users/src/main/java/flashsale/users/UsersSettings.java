package flashsale.users;

import flashsale.platform.security.TokenVerifier;
import java.time.Duration;
import java.time.temporal.ChronoUnit;

/**
 * How the users role is set. Every figure is a limit; docs/limits.md tells what happens there.
 *
 * @param accessTtl how long an access token is valid, in whole seconds
 * @param refreshTtl how long a session lives after its opening or its last refresh, the same
 * @param hashing password hashes
 * @param remembering what is kept in memory
 * @param opening sessions being opened
 * @param purging sessions that are over
 */
public record UsersSettings(
    Duration accessTtl,
    Duration refreshTtl,
    Hashing hashing,
    Remembering remembering,
    Opening opening,
    Purging purging) {

  /**
   * What one Argon2id hash costs, and how many there are.
   *
   * @param memoryKib memory of one hash, in KiB
   * @param iterations passes over that memory
   * @param parallelism lanes
   * @param runningMax hashes made at a time
   * @param waitingMax hashes waiting for their turn; more are refused with 503 at once
   * @param waitMax how long a request waits for its hash; then 503
   */
  public record Hashing(
      int memoryKib,
      int iterations,
      int parallelism,
      int runningMax,
      int waitingMax,
      Duration waitMax) {
    public Hashing {
      require(memoryKib >= 8 * parallelism, "Argon2 needs 8 KiB for each lane");
      require(iterations > 0 && parallelism > 0, "iterations and parallelism must be positive");
      require(runningMax > 0 && waitingMax >= 0, "bounds must be positive");
      require(waitMax.isPositive(), "the wait for a hash must be positive");
    }
  }

  /**
   * Bounds of the caches, in entries.
   *
   * @param credentialsMax verified pairs of address and password; others are hashed again
   * @param credentialsTtl how long such a pair is remembered; zero: not at all
   * @param tokensMax verified access tokens; others are verified again
   * @param revokedMax ended sessions whose access tokens are known to be void; above that some are
   *     valid again until they expire
   */
  public record Remembering(
      int credentialsMax, Duration credentialsTtl, int tokensMax, int revokedMax) {
    public Remembering {
      require(credentialsMax >= 0 && tokensMax >= 0 && revokedMax > 0, "bounds must be positive");
      require(!credentialsTtl.isNegative(), "the credentials' time must not be negative");
    }
  }

  /**
   * Bounds of opening sessions.
   *
   * @param batchMax sessions opened in one transaction
   * @param waitingMax sign-ins waiting for their transaction; more are refused with 503
   * @param timeout how long one of them waits
   */
  public record Opening(int batchMax, int waitingMax, Duration timeout) {
    public Opening {
      require(batchMax > 0 && waitingMax > 0, "bounds must be positive");
      require(timeout.isPositive(), "the wait for a session must be positive");
    }
  }

  /**
   * Deleting what is over.
   *
   * @param every how often it is looked for
   * @param after how long ago a session must have ended
   */
  public record Purging(Duration every, Duration after) {
    public Purging {
      require(every.isPositive() && !after.isNegative(), "times must be positive");
    }
  }

  public UsersSettings {
    require(
        accessTtl.isPositive() && accessTtl.equals(accessTtl.truncatedTo(ChronoUnit.SECONDS)),
        "an access token lives for whole seconds");
    require(refreshTtl.compareTo(accessTtl) > 0, "a session must outlive its access token");
    require(
        purging.after().compareTo(accessTtl) >= 0,
        "an ended session must be known until its access token has expired");
  }

  /** The defaults, for this machine. */
  public static UsersSettings defaults() {
    return new UsersSettings(
        Duration.ofMinutes(15),
        Duration.ofDays(30),
        // OWASP, Password Storage Cheat Sheet: Argon2id with 19 MiB, two iterations, one lane. One
        // such hash takes about 20 ms of a core: 64 of them wait for 0.7 s on two cores.
        new Hashing(
            19_456, 2, 1, Runtime.getRuntime().availableProcessors(), 64, Duration.ofSeconds(2)),
        new Remembering(50_000, Duration.ofMinutes(5), 50_000, 100_000),
        new Opening(256, 2_048, Duration.ofSeconds(5)),
        new Purging(Duration.ofMinutes(10), Duration.ofDays(7)));
  }

  /** What verifies the access tokens, in whatever process. */
  public TokenVerifier.Settings verifying() {
    return new TokenVerifier.Settings(remembering.tokensMax(), remembering.revokedMax(), accessTtl);
  }

  private static void require(boolean holds, String otherwise) {
    if (!holds) {
      throw new IllegalArgumentException("users: " + otherwise);
    }
  }
}
