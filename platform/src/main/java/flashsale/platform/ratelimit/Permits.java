package flashsale.platform.ratelimit;

import java.time.Duration;

/**
 * Where the permits of rate limits come from: this process alone, or counters that all processes
 * share. Thread-safe; never throws for want of the counters.
 */
@FunctionalInterface
public interface Permits {
  /**
   * Takes one permit.
   *
   * @param key who takes it, such as a customer's id; each has permits of their own
   */
  Grant take(Limit limit, String key);

  /**
   * A limit with a name: so many permits at once, which come back evenly over the window.
   *
   * @param name one word; keys of different limits have nothing to do with each other
   * @param permits at least 1
   */
  record Limit(String name, int permits, Duration window) {
    /** One of so many shares of it, at least one permit. */
    public Limit share(int shares) {
      return new Limit(name, Math.max(1, permits / shares), window);
    }
  }

  /**
   * The answer.
   *
   * @param granted whether the permit was there
   * @param remaining permits that are left, roughly
   * @param reset until all permits are back; if none was granted: until the next one is
   */
  record Grant(boolean granted, int remaining, Duration reset) {}
}
