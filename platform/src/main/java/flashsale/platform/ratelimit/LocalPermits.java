package flashsale.platform.ratelimit;

import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;
import com.github.benmanes.caffeine.cache.Expiry;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongSupplier;

/**
 * Permits that this process alone counts, by the generic cell rate algorithm (ITU-T I.371, in its
 * form of virtual scheduling): all that is kept of a key is the time at which its permits will all
 * be back. Takers of one key compete for one atomic number and never wait. Thread-safe.
 *
 * <p>Memory is bounded: of too many keys those are forgotten that were not asked for longest, and
 * begin anew.
 */
public final class LocalPermits implements Permits {
  private record Key(String limit, String key) {}

  private final Cache<Key, Whole> keys;
  private final LongSupplier nanoTime;

  /** When all permits are back, on the monotonic clock; and how long a key is worth keeping. */
  private static final class Whole extends AtomicLong {
    private static final long serialVersionUID = 1L;
    private final long window;

    Whole(long now, long window) {
      super(now);
      this.window = window;
    }
  }

  /** On the machine's monotonic clock. */
  public LocalPermits(int keysMax) {
    this(keysMax, System::nanoTime);
  }

  LocalPermits(int keysMax, LongSupplier nanoTime) {
    this.nanoTime = nanoTime;
    this.keys =
        Caffeine.newBuilder()
            .maximumSize(keysMax)
            .ticker(nanoTime::getAsLong)
            .expireAfter(Expiry.<Key, Whole>accessing((_, whole) -> Duration.ofNanos(whole.window)))
            .build();
  }

  @Override
  public Grant take(Limit limit, String key) {
    long window = limit.window().toNanos();
    long each = Math.max(1, window / limit.permits());
    long now = nanoTime.getAsLong();
    var whole = keys.get(new Key(limit.name(), key), _ -> new Whole(now, window));
    while (true) {
      long before = whole.get();
      long after = (before - now > 0 ? before : now) + each;
      if (after - now > window) {
        return new Grant(false, 0, Duration.ofNanos(after - now - window));
      }
      if (whole.compareAndSet(before, after)) {
        return new Grant(
            true, (int) ((window - (after - now)) / each), Duration.ofNanos(after - now));
      }
    }
  }

  /** Keys that are counted now, roughly. */
  public long size() {
    return keys.estimatedSize();
  }
}
