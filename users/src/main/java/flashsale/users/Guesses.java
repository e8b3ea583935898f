package flashsale.users;

import flashsale.platform.http.Problem;
import flashsale.platform.ratelimit.Permits;
import flashsale.platform.ratelimit.Permits.Grant;
import flashsale.platform.ratelimit.Permits.Limit;
import java.time.Duration;

/**
 * How often the password of one account may be tried, whether or not there is such an account.
 * Thread-safe.
 */
public final class Guesses {
  private static final Duration WINDOW = Duration.ofMinutes(1);

  /** As often as anybody likes. */
  public static final Guesses ANY =
      new Guesses((limit, key) -> new Grant(true, 1, Duration.ZERO), Integer.MAX_VALUE);

  private final Permits permits;
  private final Limit limit;

  /** So many a minute. */
  public Guesses(Permits permits, int perMinute) {
    this.permits = permits;
    this.limit = new Limit("password", perMinute, WINDOW);
  }

  /**
   * Counts a password that has to be hashed. One that was found right a moment ago is none.
   *
   * @throws Problem 429 TOO_MANY_ATTEMPTS
   */
  void oneMore(Email email) {
    var grant = permits.take(limit, email.key());
    if (!grant.granted()) {
      throw Problem.of(
              429,
              "TOO_MANY_ATTEMPTS",
              "This account's password was tried too often; wait a while.")
          .retryAfter(grant.reset());
    }
  }
}
