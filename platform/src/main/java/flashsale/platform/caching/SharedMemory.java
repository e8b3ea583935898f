package flashsale.platform.caching;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.Supplier;

/**
 * What the processes of one shop share beside their databases. Any of it may be gone at any time,
 * and nothing told in it is the truth. Nothing here throws for want of it, and nothing waits for
 * longer than a few milliseconds. Thread-safe.
 */
public interface SharedMemory {
  /** Nobody shares anything. */
  SharedMemory NONE =
      new SharedMemory() {
        @Override
        public Map<String, byte[]> get(List<String> keys) {
          return Map.of();
        }

        @Override
        public void put(Map<String, byte[]> values, Duration ttl) {}

        @Override
        public Optional<byte[]> get(String key, Duration ttl, Supplier<Optional<byte[]>> truth) {
          return truth.get();
        }

        @Override
        public void forget(String key) {}

        @Override
        public void tell(String topic, String news) {}

        @Override
        public void listen(String topic, Consumer<String> listener) {}
      };

  /** The topic under which the keys are told that are forgotten. */
  String FORGOTTEN = "forgotten";

  /** The values that are there. */
  Map<String, byte[]> get(List<String> keys);

  /** Leaves values for others. */
  void put(Map<String, byte[]> values, Duration ttl);

  /**
   * The value, or the truth, which is then left for others: by one process of those that ask at the
   * same time, and not if it was forgotten meanwhile.
   *
   * @param ttl how long it is kept at most; a part of that is left to chance, so that not all that
   *     was put at once ends at once
   * @param truth is asked if the value is not there
   */
  Optional<byte[]> get(String key, Duration ttl, Supplier<Optional<byte[]>> truth);

  /** The truth is another now. Is told to all who listen to {@link #FORGOTTEN}. */
  void forget(String key);

  /** Tells all processes, this one too perhaps, as far as they can be reached now. */
  void tell(String topic, String news);

  /** Hears what is told from now on; by a thread that must not be held up. */
  void listen(String topic, Consumer<String> listener);
}
