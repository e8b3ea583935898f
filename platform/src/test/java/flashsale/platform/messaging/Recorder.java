package flashsale.platform.messaging;

import flashsale.platform.messaging.Bus.Message;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;

/** A handler that remembers what it was handed, and does what the test wants of it. Thread-safe. */
final class Recorder implements Bus.Handler {
  private final List<List<Message>> handed = new ArrayList<>();
  private final List<Message> done = new ArrayList<>();
  private final AtomicInteger calls = new AtomicInteger();
  private final AtomicInteger callsMax = new AtomicInteger();
  private final AtomicInteger running = new AtomicInteger();
  private final AtomicInteger runningMax = new AtomicInteger();
  private final Consumer<List<Message>> behaviour;

  Recorder() {
    this(_ -> {});
  }

  /** One that does this with each batch, e.g. fails. */
  Recorder(Consumer<List<Message>> behaviour) {
    this.behaviour = behaviour;
  }

  @Override
  public void handle(List<Message> batch) {
    callsMax.accumulateAndGet(calls.incrementAndGet(), Math::max);
    runningMax.accumulateAndGet(running.addAndGet(batch.size()), Math::max);
    try {
      synchronized (this) {
        handed.add(batch);
      }
      behaviour.accept(batch);
      synchronized (this) {
        done.addAll(batch);
      }
    } finally {
      running.addAndGet(-batch.size());
      calls.decrementAndGet();
    }
  }

  /** Every batch that was handed over, also those that failed. */
  synchronized List<List<Message>> handed() {
    return List.copyOf(handed);
  }

  /** The messages of the batches that succeeded, in their order. */
  synchronized List<Message> done() {
    return List.copyOf(done);
  }

  Set<UUID> doneIds() {
    return Set.copyOf(done().stream().map(Message::id).toList());
  }

  /** The most calls at one time. */
  int callsMax() {
    return callsMax.get();
  }

  /** The most messages at one time. */
  int runningMax() {
    return runningMax.get();
  }
}
