package flashsale.doors;

import flashsale.contracts.TokenAuthority;
import flashsale.platform.lifecycle.Periodic;
import flashsale.platform.security.TokenVerifier;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;

/**
 * Tells this process's verifier which sessions were ended in others, so that their access tokens
 * are not valid here either: every second, so that late. Thread-safe.
 */
public final class Revocations implements AutoCloseable {
  private static final Duration LOOK_EVERY = Duration.ofSeconds(1);

  /** Another process's clock may be behind, and its transaction may have taken its time. */
  private static final Duration OVERLAP = Duration.ofSeconds(30);

  private static final int SESSIONS_MAX = 10_000;

  private final TokenAuthority authority;
  private final TokenVerifier verifier;
  private final InstantSource clock;
  private final Periodic looking;
  private Instant from;

  /**
   * Begins to look.
   *
   * @param tokenTtl how long an access token is valid: what ended before matters to nobody
   */
  public Revocations(
      TokenAuthority authority, TokenVerifier verifier, InstantSource clock, Duration tokenTtl) {
    this.authority = authority;
    this.verifier = verifier;
    this.clock = clock;
    this.from = clock.instant().minus(tokenTtl);
    this.looking = new Periodic("revocations", LOOK_EVERY, this::look);
  }

  private void look() {
    var next = clock.instant().minus(OVERLAP);
    authority.endedSince(from, SESSIONS_MAX).forEach(verifier::heardOfRevoked);
    from = next.isAfter(from) ? next : from;
  }

  @Override
  public void close() {
    looking.close();
  }
}
