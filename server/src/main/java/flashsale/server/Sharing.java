package flashsale.server;

import flashsale.platform.caching.SharedMemory;
import flashsale.platform.ids.Ids;
import flashsale.platform.metrics.Meters;
import flashsale.platform.ratelimit.LocalPermits;
import flashsale.platform.ratelimit.Permits;
import flashsale.platform.security.TokenVerifier;
import flashsale.redis.RedisLink;
import flashsale.redis.RedisMemory;
import flashsale.redis.RedisPermits;
import flashsale.redis.RedisSettings;
import java.util.Optional;

/** What this process shares with others beside the databases; nothing without a Redis. */
final class Sharing implements AutoCloseable {
  /** Under which it is told that a session has ended. */
  private static final String ENDED = "sessions-ended";

  private final Permits permits;
  private final SharedMemory memory;

  /** Null without one. */
  private final RedisLink link;

  /** Begins to connect; Redis need not be there. */
  Sharing(Config config, Meters meters) {
    int keysMax = config.limits().keysMax();
    var local = new LocalPermits(keysMax);
    var redis = config.redis();
    if (!redis.there()) {
      this.link = null;
      this.memory = SharedMemory.NONE;
      this.permits = local;
      return;
    }
    this.link =
        new RedisLink(RedisSettings.of(redis.url(), redis.cluster(), redis.budget()), meters);
    this.memory = new RedisMemory(link);
    this.permits =
        new RedisPermits(
            link, (limit, key) -> local.take(limit.share(redis.shares()), key), keysMax);
  }

  /** Counted with the others; shares of limits while Redis is away, whole ones without a Redis. */
  Permits permits() {
    return permits;
  }

  SharedMemory memory() {
    return memory;
  }

  /** How Redis is; empty without one. */
  Optional<String> state() {
    return Optional.ofNullable(link).map(RedisLink::state);
  }

  /**
   * Tells the others at once which sessions end here, and hears of theirs. Who cannot be reached
   * now is told by the users' database, a little later.
   */
  void sessions(TokenVerifier verifier) {
    verifier.onRevoked(sessionId -> memory.tell(ENDED, sessionId.toString()));
    memory.listen(ENDED, text -> Ids.parse(text).ifPresent(verifier::heardOfRevoked));
  }

  @Override
  public void close() {
    if (link != null) {
      link.close();
    }
  }
}
