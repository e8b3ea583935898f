package flashsale.platform.messaging;

import com.rabbitmq.client.Connection;
import com.rabbitmq.client.ConnectionFactory;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeoutException;
import java.util.function.BooleanSupplier;
import java.util.stream.Stream;
import javax.net.ssl.SSLContext;
import org.awaitility.Awaitility;

/**
 * The tests' RabbitMQ: a real broker of their own on free ports, from the programs that are
 * installed here; where there are none, from a container.
 */
public final class TestRabbit implements AutoCloseable {
  private static final Duration START_MAX = Duration.ofMinutes(2);

  /** Where packages put the scripts themselves, without the wrapper that changes the user. */
  private static final List<Path> PLACES =
      Stream.of(
              "/usr/lib/rabbitmq/bin",
              "/opt/homebrew/sbin",
              "/usr/local/sbin",
              "/opt/rabbitmq/sbin")
          .map(Path::of)
          .toList();

  private final Path folder;
  private final int port = freePort();
  private final int tlsPort = freePort();
  private final TestCertificate certificate;
  private final RabbitNode node;

  private static final class Shared {
    static final TestRabbit ONE = start();
  }

  private TestRabbit(Optional<Path> programs, boolean tls) throws IOException {
    this.folder = Files.createTempDirectory("flashsale-test-rabbit-");
    this.certificate = tls ? TestCertificate.in(folder) : null;
    this.node =
        programs.isPresent()
            ? new LocalRabbitNode(programs.get(), folder, configuration("127.0.0.1"))
            : container();
    Runtime.getRuntime().addShutdownHook(new Thread(this::close));
  }

  private RabbitNode container() throws IOException {
    // Who comes from outside of the container is not local to it.
    var configuration = configuration("0.0.0.0") + "loopback_users.guest = false\n";
    return certificate == null
        ? new ContainerRabbitNode(configuration, List.of(), List.of(port))
        : new ContainerRabbitNode(configuration, certificate.files(), List.of(port, tlsPort));
  }

  /** One broker for all tests of this JVM. Whoever kills it starts it again. */
  public static TestRabbit shared() {
    return Shared.ONE;
  }

  /** A broker of one's own; takes some five seconds. */
  public static TestRabbit start() {
    return start(false);
  }

  /** One that listens at {@link #tlsUrl} too. */
  public static TestRabbit startWithTls() {
    return start(true);
  }

  private static TestRabbit start(boolean tls) {
    try {
      var rabbit = new TestRabbit(programs(PLACES, ContainerRabbitNode::isPossible), tls);
      rabbit.restart();
      return rabbit;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Where the programs are; empty if a container has to do. */
  static Optional<Path> programs(List<Path> places, BooleanSupplier docker) {
    var found =
        places.stream()
            .filter(place -> Files.isExecutable(place.resolve("rabbitmq-server")))
            .findFirst();
    if (found.isEmpty() && !docker.getAsBoolean()) {
      throw new AssertionError(
          "These tests need a RabbitMQ server of their own; there is no rabbitmq-server in "
              + places
              + " and no Docker that answers. Debian and Ubuntu: sudo apt-get install"
              + " rabbitmq-server. macOS: brew install rabbitmq. Or start Docker.");
    }
    return found;
  }

  private String configuration(String address) {
    return """
        listeners.tcp.1 = %s:%d
        log.console = false
        log.file = broker.log
        disk_free_limit.absolute = 1MB
        raft.wal_max_size_bytes = 32000000
        """
            .formatted(address, port)
        + (certificate == null ? "" : certificate.configuration(address, tlsPort));
  }

  /** Where it listens. */
  public String url() {
    return "amqp://guest:guest@127.0.0.1:" + port;
  }

  /** Where it listens for TLS. */
  public String tlsUrl() {
    return "amqps://guest:guest@127.0.0.1:" + tlsPort;
  }

  /** For a client that trusts its certificate. */
  public SSLContext trusting() {
    return certificate.trusting();
  }

  /** A connection of the test's own. */
  public Connection connect() {
    try {
      var factory = new ConnectionFactory();
      factory.setUri(url());
      factory.setAutomaticRecoveryEnabled(false);
      return factory.newConnection("test");
    } catch (IOException | TimeoutException | URISyntaxException | GeneralSecurityException e) {
      throw new IllegalStateException("no connection to " + url(), e);
    }
  }

  /** Ends the node without a chance to put anything in order (kill -9). */
  public void kill() {
    node.kill();
  }

  /** Starts the node on what it had stored, unless it runs. */
  public void restart() {
    if (node.isAlive()) {
      return;
    }
    node.start();
    Awaitility.await("RabbitMQ on port " + port)
        .atMost(START_MAX)
        .pollInterval(Duration.ofMillis(100))
        .until(this::answers);
  }

  private boolean answers() {
    if (!node.isAlive()) {
      throw new IllegalStateException("RabbitMQ has ended while starting; see " + folder);
    }
    try (var connection = connect()) {
      return connection.isOpen();
    } catch (IllegalStateException | IOException e) {
      return false;
    }
  }

  /** Makes the node believe that it has no memory left, or enough again. */
  public void memoryAlarm(boolean on) {
    control("set_vm_memory_high_watermark", on ? "0.0001" : "0.4");
  }

  /** Runs {@code rabbitmqctl}. */
  public void control(String... arguments) {
    node.control(arguments);
  }

  /** Ends the node and deletes the folder. */
  @Override
  public void close() {
    node.close();
    deleteFolder();
  }

  private void deleteFolder() {
    try (Stream<Path> files = Files.walk(folder)) {
      files.sorted(Comparator.reverseOrder()).forEach(file -> file.toFile().delete());
    } catch (IOException | UncheckedIOException e) {
      // It lies in the system's temporary folder, which is cleared anyway.
    }
  }

  static int freePort() {
    try (var socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      return socket.getLocalPort();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
