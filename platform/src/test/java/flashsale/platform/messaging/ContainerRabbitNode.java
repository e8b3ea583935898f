package flashsale.platform.messaging;

import com.github.dockerjava.api.DockerClient;
import com.rabbitmq.client.ConnectionFactory;
import flashsale.platform.net.LoopbackPorts;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeoutException;
import java.util.stream.Stream;
import org.awaitility.Awaitility;
import org.testcontainers.DockerClientFactory;
import org.testcontainers.containers.GenericContainer;
import org.testcontainers.images.builder.Transferable;
import org.testcontainers.utility.DockerImageName;

/**
 * A broker node in a container, for machines with Docker and without rabbitmq-server. The same
 * container is started again after a kill, so that it finds what it stored.
 */
final class ContainerRabbitNode implements TestRabbit.Node {
  /** The version that the tests are run with where the server is installed. */
  private static final DockerImageName IMAGE = DockerImageName.parse("rabbitmq:3.10");

  private static final int READABLE = 0644;

  private static final Duration START_MAX = Duration.ofMinutes(2);

  private final int port = LoopbackPorts.free();
  private final GenericContainer<?> container = new GenericContainer<>(IMAGE);

  private ContainerRabbitNode(String configuration, List<Path> files, List<Integer> ports)
      throws IOException {
    // Who comes from outside of the container is not local to it.
    var whole =
        "listeners.tcp.1 = 0.0.0.0:" + port + "\nloopback_users.guest = false\n" + configuration;
    container.withCopyToContainer(Transferable.of(whole), "/etc/rabbitmq/rabbitmq.conf");
    for (var file : files) {
      var content = Transferable.of(Files.readAllBytes(file), READABLE);
      container.withCopyToContainer(content, file.toString());
    }
    // Fixed, because the tests go on with the same address after a restart.
    container.setPortBindings(
        Stream.concat(Stream.of(port), ports.stream())
            .map(bound -> "127.0.0.1:%d:%d".formatted(bound, bound))
            .toList());
  }

  /**
   * Starts one and waits until it answers.
   *
   * @param configuration lines of rabbitmq.conf beside those it needs
   * @param files that the configuration names, at the same paths in the container
   * @param ports where it listens too; the same on the loopback interface here
   */
  static ContainerRabbitNode start(String configuration, List<Path> files, List<Integer> ports)
      throws IOException {
    var node = new ContainerRabbitNode(configuration, files, ports);
    node.restart();
    return node;
  }

  static boolean isPossible() {
    return DockerClientFactory.instance().isDockerAvailable();
  }

  @Override
  public String url() {
    return "amqp://guest:guest@127.0.0.1:" + port;
  }

  @Override
  public void restart() {
    if (container.getContainerId() == null) {
      container.start();
    } else if (!container.isRunning()) {
      docker().startContainerCmd(container.getContainerId()).exec();
    }
    Awaitility.await("RabbitMQ on port " + port).atMost(START_MAX).until(this::answers);
  }

  private boolean answers() {
    try {
      var factory = new ConnectionFactory();
      factory.setPort(port);
      try (var connection = factory.newConnection("is it there?")) {
        return connection.isOpen();
      }
    } catch (IOException | TimeoutException e) {
      return false;
    }
  }

  @Override
  public void kill() {
    docker().killContainerCmd(container.getContainerId()).exec();
  }

  private DockerClient docker() {
    return container.getDockerClient();
  }

  @Override
  public void control(String... arguments) {
    var command = new ArrayList<>(List.of("rabbitmqctl"));
    command.addAll(List.of(arguments));
    try {
      var result = container.execInContainer(command.toArray(String[]::new));
      if (result.getExitCode() != 0) {
        throw new IllegalStateException(command + " failed: " + result);
      }
    } catch (IOException e) {
      throw new IllegalStateException(command + " failed", e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted during " + command, e);
    }
  }

  @Override
  public void close() {
    container.close();
  }
}
