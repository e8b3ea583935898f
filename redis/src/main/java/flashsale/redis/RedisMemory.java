package flashsale.redis;

import flashsale.platform.caching.SharedMemory;
import flashsale.platform.ids.Ids;
import io.lettuce.core.KeyValue;
import io.lettuce.core.ScriptOutputType;
import io.lettuce.core.SetArgs;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.Consumer;
import java.util.function.Supplier;

/**
 * Memory shared through Redis. Who misses a value is given a lease to fill it, as in Nishtala and
 * others, Scaling Memcache at Facebook (NSDI 2013): one at a time, and whoever forgets the value
 * takes the lease away, so that nothing older is put after that. Thread-safe.
 */
public final class RedisMemory implements SharedMemory {
  /** Who has not filled it by then has failed. */
  private static final Duration LEASE = Duration.ofSeconds(2);

  /** Of the time to live so much is left to chance. */
  private static final int JITTER_PERCENT = 20;

  /** Keys that are forgotten while Redis does not answer. */
  private static final int FORGOTTEN_MAX = 1_000;

  private static final String PREFIX = "flashsale:";

  private static final String LOOK =
      """
      local value = redis.call('GET', KEYS[1])
      if value then return value end
      if redis.call('SET', KEYS[2], ARGV[1], 'NX', 'PX', ARGV[2]) then return ARGV[1] end
      return ''
      """;

  private static final String FILL =
      """
      if redis.call('GET', KEYS[2]) == ARGV[1] then
        redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
        redis.call('DEL', KEYS[2])
      end
      return 0
      """;

  private final RedisLink link;
  private final Forgotten forgotten;

  public RedisMemory(RedisLink link) {
    this(link, FORGOTTEN_MAX);
  }

  RedisMemory(RedisLink link, int forgottenMax) {
    this.link = link;
    this.forgotten = new Forgotten(link, forgottenMax, this::tellForgotten);
  }

  @Override
  public Map<String, byte[]> get(List<String> keys) {
    var names = keys.stream().map(RedisMemory::name).toArray(String[]::new);
    var values = new HashMap<String, byte[]>();
    var found = link.ask(redis -> redis.mget(names)).orElse(List.of());
    for (int i = 0; i < found.size(); i++) {
      KeyValue<String, byte[]> value = found.get(i);
      if (value.hasValue()) {
        values.put(keys.get(i), value.getValue());
      }
    }
    return values;
  }

  @Override
  public void put(Map<String, byte[]> values, Duration ttl) {
    values.forEach(
        (key, value) ->
            link.send(redis -> redis.set(name(key), value, SetArgs.Builder.px(ttl.toMillis()))));
  }

  @Override
  public Optional<byte[]> get(String key, Duration ttl, Supplier<Optional<byte[]>> truth) {
    if (forgotten.mayBeThere(key, ttl.plus(LEASE))) {
      return truth.get();
    }
    String[] names = {name(key), lease(key)};
    var lease = bytes("lease:" + Ids.next());
    Optional<byte[]> told =
        link.ask(
            redis ->
                redis.eval(LOOK, ScriptOutputType.VALUE, names, lease, bytes(LEASE.toMillis())));
    boolean filling = told.isPresent() && Arrays.equals(told.get(), lease);
    if (told.isPresent() && told.get().length > 0 && !filling) {
      return told;
    }
    var value = truth.get();
    if (filling && value.isPresent()) {
      var kept = bytes(jittered(ttl));
      link.send(
          redis -> redis.eval(FILL, ScriptOutputType.INTEGER, names, lease, value.get(), kept));
    }
    return value;
  }

  private static long jittered(Duration ttl) {
    long part = ttl.toMillis() * JITTER_PERCENT / 100;
    return ttl.toMillis() - ThreadLocalRandom.current().nextLong(part + 1);
  }

  /**
   * Until Redis has confirmed it, however long that takes, this process asks for the truth. The
   * others are told then, and not before: they would read the old value once more.
   */
  @Override
  public void forget(String key) {
    forgotten.add(key);
  }

  private void tellForgotten(String key) {
    link.deliver(redis -> redis.publish(PREFIX + FORGOTTEN, bytes(key)));
  }

  @Override
  public void tell(String topic, String news) {
    link.send(redis -> redis.publish(PREFIX + topic, bytes(news)));
  }

  @Override
  public void listen(String topic, Consumer<String> listener) {
    link.subscribe(PREFIX + topic, listener);
  }

  /** A value and its lease lie on the same node of a cluster: the part in braces decides. */
  static String name(String key) {
    return PREFIX + "{" + key + "}";
  }

  static String lease(String key) {
    return "lease:" + name(key);
  }

  private static byte[] bytes(Object value) {
    return value.toString().getBytes(StandardCharsets.UTF_8);
  }
}
