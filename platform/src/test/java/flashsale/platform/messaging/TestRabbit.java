package flashsale.platform.messaging;

import com.rabbitmq.client.Connection;
import com.rabbitmq.client.ConnectionFactory;
import flashsale.platform.net.LoopbackPorts;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.TimeoutException;
import java.util.function.BooleanSupplier;
import java.util.stream.Stream;
import javax.net.ssl.SSLContext;

/**
 * The tests' RabbitMQ: a {@link RabbitNode} in a temporary folder, or where no server is installed
 * one in a container, and what tests do to it.
 */
public final class TestRabbit implements AutoCloseable {
  /** However it is run. */
  interface Node extends AutoCloseable {
    String url();

    /** Starts it on what it stored, unless it runs, and waits until it answers. */
    void restart();

    /** Ends it without a chance to put anything in order (kill -9). */
    void kill();

    /** Runs {@code rabbitmqctl}; throws if that fails. */
    void control(String... arguments);

    @Override
    void close();
  }

  private record Installed(RabbitNode node) implements Node {
    @Override
    public String url() {
      return node.url();
    }

    @Override
    public void restart() {
      node.restart();
    }

    @Override
    public void kill() {
      node.kill();
    }

    @Override
    public void control(String... arguments) {
      node.control(arguments);
    }

    @Override
    public void close() {
      node.close();
    }
  }

  private final Path folder;
  private final int tlsPort;
  private final TestCertificate certificate;
  private final Node node;

  private static final class Shared {
    static final TestRabbit ONE = start();
  }

  private TestRabbit(boolean tls) throws IOException {
    this.folder = Files.createTempDirectory("flashsale-test-rabbit-");
    this.tlsPort = tls ? LoopbackPorts.free() : 0;
    this.certificate = tls ? TestCertificate.in(folder) : null;
    this.node =
        isInstalled(RabbitNode::requireInstalled, ContainerRabbitNode::isPossible)
            ? new Installed(RabbitNode.start(folder, tlsConfiguration("127.0.0.1")))
            : container();
    Runtime.getRuntime().addShutdownHook(new Thread(this::close));
  }

  private Node container() throws IOException {
    var configuration = tlsConfiguration("0.0.0.0");
    return certificate == null
        ? ContainerRabbitNode.start(configuration, List.of(), List.of())
        : ContainerRabbitNode.start(configuration, certificate.files(), List.of(tlsPort));
  }

  private String tlsConfiguration(String address) {
    return certificate == null ? "" : certificate.configuration(address, tlsPort);
  }

  /**
   * False if a container has to do.
   *
   * @param required throws if no server is installed
   */
  static boolean isInstalled(Runnable required, BooleanSupplier docker) {
    try {
      required.run();
      return true;
    } catch (RabbitNode.NotInstalled e) {
      if (docker.getAsBoolean()) {
        return false;
      }
      throw new AssertionError(
          "These tests need a RabbitMQ server of their own, and no Docker answers that could run"
              + " one. "
              + e.getMessage()
              + " Or start Docker.",
          e);
    }
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
      return new TestRabbit(tls);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Where it listens. */
  public String url() {
    return node.url();
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

  /** Starts the node on the folder that it had, unless it runs. */
  public void restart() {
    node.restart();
  }

  /** Makes the node believe that it has no memory left, or enough again. */
  public void memoryAlarm(boolean on) {
    control("set_vm_memory_high_watermark", on ? "0.0001" : "0.4");
  }

  /** Runs {@code rabbitmqctl}. */
  public void control(String... arguments) {
    node.control(arguments);
  }

  /** Ends the node and its port mapper and deletes the folder. */
  @Override
  public void close() {
    node.close();
    try (Stream<Path> files = Files.walk(folder)) {
      files.sorted(Comparator.reverseOrder()).forEach(file -> file.toFile().delete());
    } catch (IOException | UncheckedIOException e) {
      // It lies in the system's temporary folder, which is cleared anyway.
    }
  }
}
