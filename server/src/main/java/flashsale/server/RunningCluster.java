package flashsale.server;

import flashsale.cluster.Cluster;
import flashsale.cluster.ClusterPlan;
import flashsale.platform.net.LoopbackPorts;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.StandardCopyOption;
import java.security.SecureRandom;
import java.util.Base64;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * The separate services on a data directory of their own. To other commands it is the server of
 * that directory: {@code sale create}, {@code audit} and the others find the gateway there.
 */
final class RunningCluster implements AutoCloseable {
  private static final List<String> JVM_FLAGS = List.of("-Xmx192m", "-XX:+UseParallelGC");
  private static final int TOKEN_BYTES = 32;

  private final Cluster cluster;

  private RunningCluster(Cluster cluster) {
    this.cluster = cluster;
  }

  /**
   * Starts everything and returns when the gateway answers.
   *
   * @param directory whoever calls closes it afterwards
   * @param replicas processes of each role
   * @param port the gateway's; 0: any free one
   * @param progress is told what has been done
   */
  static RunningCluster up(
      ShopFolder directory, int replicas, boolean async, int port, Consumer<String> progress) {
    var plan = ClusterPlan.of(replicas, async, token(), LoopbackPorts::free);
    return up(directory, plan, JVM_FLAGS, port, progress);
  }

  /** The same by a plan, with these options for each process's Java. */
  static RunningCluster up(
      ShopFolder directory,
      ClusterPlan plan,
      List<String> jvmFlags,
      int port,
      Consumer<String> progress) {
    shareOperator(directory, plan);
    var cluster =
        Cluster.up(
            directory.folder(),
            plan,
            dataDir ->
                JavaProgram.command(jvmFlags, List.of("serve", "--data-dir", dataDir.toString())),
            "127.0.0.1:" + (port == 0 ? LoopbackPorts.free() : port),
            progress);
    directory.announce(cluster.url(), Optional.empty());
    return new RunningCluster(cluster);
  }

  /** All processes of the users role have the same operator. */
  private static void shareOperator(ShopFolder directory, ClusterPlan plan) {
    OperatorAccount.findOrInvent(directory);
    try {
      for (var member : plan.of("users")) {
        var to = Files.createDirectories(directory.folder().resolve(member.folder()));
        Files.copy(
            directory.folder().resolve(OperatorAccount.FILE),
            to.resolve(OperatorAccount.FILE),
            StandardCopyOption.REPLACE_EXISTING,
            StandardCopyOption.COPY_ATTRIBUTES);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Lives as long as the cluster, in its processes' environments only. */
  static String token() {
    var bytes = new byte[TOKEN_BYTES];
    new SecureRandom().nextBytes(bytes);
    return Base64.getUrlEncoder().withoutPadding().encodeToString(bytes);
  }

  /** The gateway's. */
  URI url() {
    return cluster.url();
  }

  Cluster cluster() {
    return cluster;
  }

  /** Stops everything. */
  @Override
  public void close() {
    cluster.close();
  }
}
