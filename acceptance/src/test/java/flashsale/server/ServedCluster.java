package flashsale.server;

import flashsale.cluster.ClusterPlan;
import flashsale.cluster.ClusterState;
import flashsale.platform.net.LoopbackPorts;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;

/** A cluster of real processes that are this test's children, and the commands beside it. */
public final class ServedCluster implements AutoCloseable {
  /** Tests ask more often than customers do, and where other processes start hashing is slow. */
  private static final Map<String, String> TIRELESS =
      Map.of(
          "FLASHSALE_USERS_HASH_WAIT_MAX", "30s",
          "FLASHSALE_LIMITS_CUSTOMER_READS", "0",
          "FLASHSALE_LIMITS_CUSTOMER_WRITES", "0",
          "FLASHSALE_LIMITS_CUSTOMER_PURCHASES", "0",
          "FLASHSALE_LIMITS_PASSWORDS_PER_MINUTE", "0");

  /** Less patience than by default: tests stop many. */
  private static final Duration SILENCE_MAX = Duration.ofSeconds(6);

  private final ShopFolder directory;
  private final RunningCluster cluster;

  private ServedCluster(ShopFolder directory, RunningCluster cluster) {
    this.directory = directory;
    this.cluster = cluster;
  }

  /** Starts one with any free ports, two processes of each of these roles and one of the others. */
  public static ServedCluster up(Path folder, Set<String> twice) {
    Logging.toConsole();
    var directory = ShopFolder.open(folder);
    try {
      return new ServedCluster(
          directory, RunningCluster.up(directory, plan(twice), quick(), 0, done -> {}));
    } catch (RuntimeException e) {
      directory.close();
      throw e;
    }
  }

  private static List<String> quick() {
    return Stream.concat(Stream.of("-Xmx128m"), QuickJava.flags().stream()).toList();
  }

  private static ClusterPlan plan(Set<String> twice) {
    return ClusterPlan.of(
            role -> twice.contains(role) ? 2 : 1,
            false,
            RunningCluster.token(),
            LoopbackPorts::free)
        .with(TIRELESS)
        .with(SILENCE_MAX);
  }

  /** The gateway's. */
  public URI url() {
    return cluster.url();
  }

  public ClusterState state() {
    return cluster.cluster().state();
  }

  /**
   * Runs {@code flashsale cluster …} on it.
   *
   * @return its exit code
   */
  public int command(String... arguments) {
    var line = new String[arguments.length + 3];
    line[0] = "cluster";
    System.arraycopy(arguments, 0, line, 1, arguments.length);
    line[line.length - 2] = "--data-dir";
    line[line.length - 1] = directory.folder().toString();
    return Main.commandLine().setOut(new PrintWriter(new StringWriter())).execute(line);
  }

  @Override
  public void close() {
    try {
      cluster.close();
    } finally {
      directory.close();
    }
  }
}
