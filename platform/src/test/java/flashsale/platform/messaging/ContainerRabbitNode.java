package flashsale.platform.messaging;

import com.github.dockerjava.api.DockerClient;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.testcontainers.DockerClientFactory;
import org.testcontainers.containers.GenericContainer;
import org.testcontainers.images.builder.Transferable;
import org.testcontainers.utility.DockerImageName;

/**
 * A broker node in a container, for machines with Docker and without rabbitmq-server. The same
 * container is started again after a kill, so that it finds what it stored.
 */
final class ContainerRabbitNode implements RabbitNode {
  /** The version that the tests are run with where the server is installed. */
  private static final DockerImageName IMAGE = DockerImageName.parse("rabbitmq:3.10");

  private static final int READABLE = 0644;

  private final GenericContainer<?> container = new GenericContainer<>(IMAGE);

  /**
   * Not started yet.
   *
   * @param configuration the text of rabbitmq.conf
   * @param files that the configuration names, at the same paths in the container
   * @param ports where it listens; the same on the loopback interface here
   */
  ContainerRabbitNode(String configuration, List<Path> files, List<Integer> ports)
      throws IOException {
    container.withCopyToContainer(Transferable.of(configuration), "/etc/rabbitmq/rabbitmq.conf");
    for (var file : files) {
      var content = Transferable.of(Files.readAllBytes(file), READABLE);
      container.withCopyToContainer(content, file.toString());
    }
    // Fixed, because the tests go on with the same address after a restart.
    container.setPortBindings(
        ports.stream().map(port -> "127.0.0.1:%d:%d".formatted(port, port)).toList());
  }

  static boolean isPossible() {
    return DockerClientFactory.instance().isDockerAvailable();
  }

  @Override
  public void start() {
    if (container.getContainerId() == null) {
      container.start();
    } else {
      docker().startContainerCmd(container.getContainerId()).exec();
    }
  }

  @Override
  public boolean isAlive() {
    return container.isRunning();
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
