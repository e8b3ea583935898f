package flashsale.redis;

import java.time.Duration;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;

/**
 * Keys whose values are no longer true, until Redis has confirmed that it has them no more. It is
 * told so again and again, and nothing of them is to be read there meanwhile. There is room for so
 * many keys; when one found no room, nothing that may be as old as that is to be read. Thread-safe.
 */
final class Forgotten {
  /** One key, at one time. */
  private static final class Change {
    private final String key;
    private final AtomicBoolean underWay = new AtomicBoolean();

    Change(String key) {
      this.key = key;
    }
  }

  private final RedisLink link;
  private final int keysMax;
  private final Consumer<String> gone;

  /** Each with its latest change: that an earlier one was confirmed says nothing. */
  private final ConcurrentMap<String, Change> unconfirmed = new ConcurrentHashMap<>();

  /** When a key last found no room, on the monotonic clock; null: never. */
  private volatile Long lostAt;

  /**
   * @param gone is told each key that Redis has confirmed, by a thread that must not be held up
   */
  Forgotten(RedisLink link, int keysMax, Consumer<String> gone) {
    this.link = link;
    this.keysMax = keysMax;
    this.gone = gone;
    link.eachRound(() -> unconfirmed.values().forEach(this::send));
  }

  /** The key's value is another now. */
  void add(String key) {
    var change = new Change(key);
    if (unconfirmed.size() < keysMax || unconfirmed.containsKey(key)) {
      unconfirmed.put(key, change);
    } else {
      lostAt = System.nanoTime();
    }
    send(change);
  }

  private void send(Change change) {
    if (!change.underWay.compareAndSet(false, true)) {
      return;
    }
    link.deliver(redis -> redis.del(RedisMemory.name(change.key), RedisMemory.lease(change.key)))
        .whenComplete(
            (_, e) -> {
              if (e == null) {
                unconfirmed.remove(change.key, change);
                gone.accept(change.key);
              } else {
                change.underWay.set(false);
              }
            });
  }

  /**
   * Whether Redis may have a value of this key that this process knows to be old.
   *
   * @param kept how long a value may be there after the change
   */
  boolean mayBeThere(String key, Duration kept) {
    var lost = lostAt;
    return unconfirmed.containsKey(key)
        || (lost != null && System.nanoTime() - lost < kept.toNanos());
  }
}
