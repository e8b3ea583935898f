package flashsale.platform.lifecycle;

import java.util.ArrayList;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Starts the parts of a process, each as soon as everything that it needs has started, side by side
 * where nothing forbids it, and stops them in the reverse of the order in which they came up. If
 * one fails, those that came up are stopped again and the failure is thrown. The idea is Grafana
 * dskit's module manager.
 *
 * @param <P> the parts, one constant each
 */
public final class Lifecycle<P extends Enum<P>> implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Lifecycle.class);

  /** How a part starts; what it returns is closed when the process stops. */
  @FunctionalInterface
  public interface Start {
    AutoCloseable start() throws Exception;
  }

  /** Something that runs. */
  private record Running<P>(P part, AutoCloseable stop) {}

  private final List<Running<P>> running = new ArrayList<>();

  private Lifecycle() {}

  /**
   * Starts everything and returns when all of it has started.
   *
   * @param needs for each part, what must have started before it; every part has an entry
   * @param starts how each part starts
   */
  public static <P extends Enum<P>> Lifecycle<P> start(
      Class<P> type, Map<P, Set<P>> needs, Map<P, Start> starts) {
    var lifecycle = new Lifecycle<P>();
    var futures = new EnumMap<P, CompletableFuture<Void>>(type);
    for (var part : order(type, needs)) {
      var before = needs.get(part).stream().map(futures::get).toArray(CompletableFuture<?>[]::new);
      futures.put(
          part,
          CompletableFuture.allOf(before)
              .thenRunAsync(
                  () -> lifecycle.startOne(part, starts.get(part)), Thread::startVirtualThread));
    }
    try {
      CompletableFuture.allOf(futures.values().toArray(CompletableFuture<?>[]::new)).join();
      return lifecycle;
    } catch (CompletionException e) {
      lifecycle.close();
      throw e.getCause() instanceof RuntimeException cause ? cause : e;
    }
  }

  private void startOne(P part, Start start) {
    long from = System.nanoTime();
    try {
      var stop = start.start();
      synchronized (running) {
        running.add(new Running<>(part, stop));
      }
      LOG.debug("{} started in {} ms", part, (System.nanoTime() - from) / 1_000_000);
    } catch (RuntimeException e) {
      throw e;
    } catch (Exception e) {
      throw new IllegalStateException(part + " did not start: " + e.getMessage(), e);
    }
  }

  /** The parts in an order in which each comes after what it needs. */
  static <P extends Enum<P>> List<P> order(Class<P> type, Map<P, Set<P>> needs) {
    var ordered = new ArrayList<P>();
    var open = EnumSet.allOf(type);
    while (!open.isEmpty()) {
      var ready = open.stream().filter(p -> ordered.containsAll(needs.get(p))).toList();
      if (ready.isEmpty()) {
        throw new IllegalStateException("these parts need each other in a circle: " + open);
      }
      ordered.addAll(ready);
      ready.forEach(open::remove);
    }
    return ordered;
  }

  @Override
  public void close() {
    List<Running<P>> reversed;
    synchronized (running) {
      reversed = List.copyOf(running).reversed();
      running.clear();
    }
    for (var one : reversed) {
      try {
        one.stop().close();
        LOG.debug("{} stopped", one.part());
      } catch (Exception e) {
        LOG.warn("{} did not stop cleanly", one.part(), e);
      }
    }
  }
}
