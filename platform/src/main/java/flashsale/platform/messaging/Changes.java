package flashsale.platform.messaging;

import flashsale.platform.batching.Overloaded;
import java.time.Duration;
import java.util.Collection;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.LockSupport;

/**
 * Wakes threads that wait for something about a key to change. A hint, not a promise: what another
 * process changed is not told here, so whoever waits looks again by itself now and then.
 * Thread-safe; telling costs nothing while nobody waits.
 */
public final class Changes {
  private final int watchesMax;
  private final ConcurrentHashMap<UUID, Set<Watch>> watches = new ConcurrentHashMap<>();
  private final Set<Watch> all = ConcurrentHashMap.newKeySet();

  /**
   * @param watchesMax threads that may wait; more are refused
   */
  public Changes(int watchesMax) {
    this.watchesMax = watchesMax;
  }

  /** These have changed, durably. */
  public void changed(Collection<UUID> keys) {
    if (watches.isEmpty()) {
      return;
    }
    for (var key : keys) {
      watches.getOrDefault(key, Set.of()).forEach(Watch::wake);
    }
  }

  /**
   * Notes every change of this key from now on until it is closed; for the calling thread.
   *
   * @throws Overloaded if there are as many watches as there may be
   */
  public Watch watch(UUID key) {
    requireRoom();
    var watch = new Watch(key, Thread.currentThread());
    all.add(watch);
    watches.compute(
        key,
        (k, others) -> {
          var set = others == null ? ConcurrentHashMap.<Watch>newKeySet() : others;
          set.add(watch);
          return set;
        });
    return watch;
  }

  /**
   * Where a watch comes later.
   *
   * @throws Overloaded if there are as many watches as there may be
   */
  public void requireRoom() {
    if (all.size() >= watchesMax) {
      throw new Overloaded("watched by %d already".formatted(watchesMax));
    }
  }

  /** How many wait now. */
  public int watching() {
    return all.size();
  }

  /** One waiting thread. */
  public final class Watch implements AutoCloseable {
    private final UUID key;
    private final Thread watcher;
    private volatile boolean changed;

    private Watch(UUID key, Thread watcher) {
      this.key = key;
      this.watcher = watcher;
    }

    private void wake() {
      changed = true;
      LockSupport.unpark(watcher);
    }

    /** Returns at the first change since the last call, or after this time. */
    public void await(Duration most) {
      long deadline = System.nanoTime() + most.toNanos();
      while (!changed && !Thread.currentThread().isInterrupted()) {
        long left = deadline - System.nanoTime();
        if (left <= 0) {
          return;
        }
        LockSupport.parkNanos(this, left);
      }
      changed = false;
    }

    @Override
    public void close() {
      all.remove(this);
      watches.computeIfPresent(
          key,
          (k, others) -> {
            others.remove(this);
            return others.isEmpty() ? null : others;
          });
    }
  }
}
