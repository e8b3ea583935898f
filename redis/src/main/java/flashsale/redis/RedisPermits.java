package flashsale.redis;

import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;
import com.github.benmanes.caffeine.cache.Expiry;
import flashsale.platform.ratelimit.Permits;
import io.lettuce.core.ScriptOutputType;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Permits that all processes count together in Redis, by the generic cell rate algorithm on Redis's
 * own clock. A process takes some at once, about a tenth of the limit, and hands them out from
 * memory, so most requests ask nobody; what it does not hand out in the time in which as many would
 * come back, it gives up. So together they never hand out more than the limit allows. Where Redis
 * does not answer, another source decides, which is to be stricter. Thread-safe.
 */
public final class RedisPermits implements Permits {
  private static final int SHARE = 10;

  /**
   * Takes up to so many; tells how many, when all are back or the next one is, how many are left.
   */
  private static final String TAKE =
      """
      local time = redis.call('TIME')
      local now = time[1] * 1000000 + time[2]
      local each = tonumber(ARGV[1])
      local window = tonumber(ARGV[2])
      local whole = math.max(tonumber(redis.call('GET', KEYS[1]) or now), now)
      local free = math.floor((window - (whole - now)) / each)
      local taken = math.min(free, tonumber(ARGV[3]))
      if taken < 1 then return {0, whole + each - window - now, 0} end
      whole = whole + taken * each
      redis.call('SET', KEYS[1], string.format('%.0f', whole),
                 'PX', math.ceil((whole - now) / 1000) + 1)
      return {taken, whole - now, free - taken}
      """;

  private record Key(String limit, String key) {}

  /** What this process has of one key. Guarded by its lock. */
  private static final class Held {
    private final ReentrantLock turn = new ReentrantLock();
    private final long windowNanos;
    private int left;
    private long until;
    private int elsewhere;
    private long wholeAt;
    private boolean denied;

    Held(long windowNanos) {
      this.windowNanos = windowNanos;
    }
  }

  private final RedisLink link;
  private final Permits otherwise;
  private final Cache<Key, Held> keys;

  /**
   * Over this Redis.
   *
   * @param otherwise decides where Redis does not answer
   * @param keysMax keys of which something is kept here
   */
  public RedisPermits(RedisLink link, Permits otherwise, int keysMax) {
    this.link = link;
    this.otherwise = otherwise;
    this.keys =
        Caffeine.newBuilder()
            .maximumSize(keysMax)
            .expireAfter(
                Expiry.<Key, Held>accessing((_, held) -> Duration.ofNanos(held.windowNanos)))
            .build();
  }

  @Override
  public Grant take(Limit limit, String key) {
    var held = keys.get(new Key(limit.name(), key), _ -> new Held(limit.window().toNanos()));
    held.turn.lock();
    try {
      return take(held, limit, key);
    } finally {
      held.turn.unlock();
    }
  }

  private Grant take(Held held, Limit limit, String key) {
    long now = System.nanoTime();
    boolean holds = held.until - now > 0;
    if (holds && held.denied) {
      return new Grant(false, 0, Duration.ofNanos(held.until - now));
    }
    if (!holds || held.left == 0) {
      if (!fetch(held, limit, key, now)) {
        return otherwise.take(limit, key);
      }
      if (held.denied) {
        return new Grant(false, 0, Duration.ofNanos(Math.max(1, held.until - now)));
      }
    }
    held.left--;
    return new Grant(
        true, held.left + held.elsewhere, Duration.ofNanos(Math.max(0, held.wholeAt - now)));
  }

  /** Whether Redis answered. */
  private boolean fetch(Held held, Limit limit, String key, long now) {
    long eachMicros = Math.max(1, limit.window().toNanos() / 1_000 / limit.permits());
    int wanted = Math.max(1, limit.permits() / SHARE);
    String[] names = {"flashsale:permits:" + limit.name() + ":" + key};
    var answer =
        link.<List<Long>>ask(
            redis ->
                redis.eval(
                    TAKE,
                    ScriptOutputType.MULTI,
                    names,
                    bytes(eachMicros),
                    bytes(limit.window().toNanos() / 1_000),
                    bytes(wanted)));
    if (answer.isEmpty()) {
      held.left = 0;
      held.until = now;
      return false;
    }
    int taken = answer.get().get(0).intValue();
    long micros = answer.get().get(1);
    held.left = taken;
    held.denied = taken == 0;
    held.elsewhere = answer.get().get(2).intValue();
    held.wholeAt = now + micros * 1_000;
    held.until = now + (held.denied ? micros : taken * eachMicros) * 1_000;
    return true;
  }

  private static byte[] bytes(long number) {
    return Long.toString(number).getBytes(StandardCharsets.US_ASCII);
  }
}
