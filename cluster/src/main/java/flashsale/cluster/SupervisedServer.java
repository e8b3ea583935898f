package flashsale.cluster;

import flashsale.cluster.ClusterState.Running;
import flashsale.platform.lifecycle.Periodic;
import flashsale.platform.lifecycle.ServerNode;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicInteger;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A server that is started again whenever it ends, until it is to end. Thread-safe. */
final class SupervisedServer implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(SupervisedServer.class);
  private static final Duration LOOK_EVERY = Duration.ofMillis(500);

  private final String name;
  private final ServerNode node;
  private final Runnable changed;
  private final AtomicInteger restarts = new AtomicInteger();
  private final Periodic looks;
  private volatile boolean starting;
  private long toldPid;

  /**
   * Takes over one that runs.
   *
   * @param changed is told whenever it runs again
   */
  SupervisedServer(String name, ServerNode node, Runnable changed) {
    this.name = name;
    this.node = node;
    this.changed = changed;
    this.toldPid = node.pid();
    this.looks = new Periodic("supervise-" + name, LOOK_EVERY, this::look);
  }

  private void look() {
    if (!node.isRunning()) {
      LOG.warn("{} ended and is started again", name);
      starting = true;
      try {
        node.restart();
      } finally {
        starting = false;
      }
    }
    if (node.pid() != toldPid) { // It may be later than restart() waits for.
      toldPid = node.pid();
      restarts.incrementAndGet();
      changed.run();
    }
  }

  Watchdog watchdog(Duration silenceMax) {
    var silence = new Silence(silenceMax, silenceMax); // Until it has started nobody asks.
    return new Watchdog(name, this::pid, node::answers, node::kill, silence);
  }

  private long pid() {
    return !starting && node.isRunning() ? node.pid() : 0;
  }

  Running running() {
    return Running.of(name, pid(), node.port(), restarts.get());
  }

  @Override
  public void close() {
    looks.close();
    node.close();
  }
}
