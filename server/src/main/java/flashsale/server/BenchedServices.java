package flashsale.server;

import flashsale.cluster.ClusterPlan;
import flashsale.cluster.ClusterState.Running;
import flashsale.cluster.NginxNode;
import flashsale.lab.BenchEnvironment.Database;
import flashsale.lab.BenchEnvironment.Login;
import flashsale.lab.BenchEnvironment.Services;
import flashsale.platform.net.LoopbackPorts;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.TimeUnit;

/**
 * Separate services under measurement, each a child of this process. For one thread, beside which
 * another may {@link #close} it.
 */
final class BenchedServices implements Services {
  private static final List<String> JVM_FLAGS = List.of("-Xmx192m", "-XX:+UseParallelGC");
  private static final int SIGNAL_MAX_SECONDS = 10;

  private final ShopFolder directory;
  private final RunningCluster cluster;
  private final long spawnedAt = System.nanoTime();
  private NginxNode still;
  private boolean closed;

  private BenchedServices(ShopFolder directory, RunningCluster cluster) {
    this.directory = directory;
    this.cluster = cluster;
  }

  /** Returns when the gateway answers. */
  static BenchedServices start(Path dataDir, int inventories, Map<String, String> settings) {
    var directory = ShopFolder.open(dataDir);
    try {
      var plan =
          ClusterPlan.of(
                  role -> role.equals(Role.INVENTORY.text()) ? inventories : 1,
                  false,
                  RunningCluster.token(),
                  LoopbackPorts::free)
              .with(settings);
      return new BenchedServices(
          directory, RunningCluster.up(directory, plan, JVM_FLAGS, 0, done -> {}));
    } catch (RuntimeException e) {
      directory.close();
      throw e;
    }
  }

  @Override
  public URI url() {
    return cluster.url();
  }

  @Override
  public long pid() {
    return cluster.cluster().state().named("nginx").getFirst().pid();
  }

  @Override
  public long spawnedAtNanoTime() {
    return spawnedAt;
  }

  @Override
  public Login operator() {
    var account = OperatorAccount.find(directory.folder()).orElseThrow();
    return new Login(account.email(), account.password());
  }

  @Override
  public Database database() {
    return BenchedProduct.naive(directory.folder());
  }

  @Override
  public Map<String, Long> reservations(UUID from, UUID to) {
    return BenchedProduct.reservations(directory.folder(), from, to);
  }

  /** By an nginx of its own that is set as the gateway is, but for what it serves. */
  @Override
  public URI still(byte[] body) {
    var folder = directory.folder().resolve("still");
    var listen = "127.0.0.1:" + LoopbackPorts.free();
    try {
      Files.createDirectories(folder.resolve("files"));
      Files.write(folder.resolve("files").resolve("sale.json"), body);
      keep(NginxNode.start(folder, listen, NginxNode.still(folder, listen)));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return URI.create("http://" + listen + "/sale.json");
  }

  private synchronized void keep(NginxNode started) {
    if (closed) {
      started.close();
      throw new IllegalStateException("the services were ended meanwhile");
    }
    still = started;
  }

  @Override
  public void hang(String role, boolean hangs) {
    for (var process : cluster.cluster().state().named(role)) {
      signal(hangs ? "STOP" : "CONT", process);
    }
  }

  private static void signal(String name, Running process) {
    try {
      var kill = new ProcessBuilder("kill", "-" + name, Long.toString(process.pid())).start();
      if (!kill.waitFor(SIGNAL_MAX_SECONDS, TimeUnit.SECONDS) || kill.exitValue() != 0) {
        throw new IllegalStateException(process.name() + " cannot be told " + name);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted", e);
    }
  }

  /** There is no one process to kill. */
  @Override
  public void kill() {
    close();
  }

  @Override
  public synchronized void close() {
    if (closed) {
      return;
    }
    closed = true;
    try {
      if (still != null) {
        still.close();
      }
      cluster.close();
    } finally {
      directory.close();
    }
  }
}
