package flashsale.platform.lifecycle;

import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/**
 * Another project's server as this machine has it: installed, or else in an image that Docker runs
 * with this machine's network and the server's own folder, so that it is configured and reached in
 * the same way. Docker on other systems than Linux has that network only where it is set so.
 * Immutable.
 */
public final class ServerProgram {
  private static final int DOCKER_MAX_SECONDS = 20;
  private static final String DOCKER = "docker";

  /** Docker's own program, and the image; empty if the server is installed. */
  private record Container(String docker, String image) {}

  private final Path program;
  private final Optional<Container> container;

  private ServerProgram(Path program, Optional<Container> container) {
    this.program = program;
    this.container = container;
  }

  /**
   * The one that is installed.
   *
   * @param name of its executable file
   * @param places folders, the first that has it wins
   */
  public static Optional<ServerProgram> installed(String name, List<String> places) {
    return places.stream()
        .map(place -> Path.of(place, name))
        .filter(file -> Files.isRegularFile(file) && Files.isExecutable(file))
        .findFirst()
        .map(program -> new ServerProgram(program, Optional.empty()));
  }

  /** These folders and then those of the PATH. */
  public static List<String> path(List<String> first) {
    var path = System.getenv().getOrDefault("PATH", "").split(File.pathSeparator);
    return Stream.concat(first.stream(), Stream.of(path).filter(place -> !place.isEmpty()))
        .toList();
  }

  /**
   * The one in an image, if a Docker answers.
   *
   * @param name of its executable file in the image
   */
  public static Optional<ServerProgram> inImage(String name, String image) {
    return inImage(name, image, DOCKER);
  }

  static Optional<ServerProgram> inImage(String name, String image, String docker) {
    return run(List.of(docker, "info"))
        ? Optional.of(new ServerProgram(Path.of(name), Optional.of(new Container(docker, image))))
        : Optional.empty();
  }

  /** Whether it runs without Docker. */
  public boolean isInstalled() {
    return container.isEmpty();
  }

  /**
   * What runs it in the foreground, as this user. For Docker's sake everything that it reads or
   * writes lies in the folder.
   *
   * @param folder absolute; two servers that run at a time have two
   * @param variables of its environment, as {@code NAME=value} or, for one that the command's own
   *     environment has, as {@code NAME}; a server that is installed has the command's
   */
  public List<String> command(Path folder, Set<String> variables, List<String> arguments) {
    var command = new ArrayList<String>();
    if (container.isPresent()) {
      command.addAll(List.of(container.get().docker(), "run", "--rm", "--interactive"));
      command.addAll(List.of("--name", name(folder)));
      command.addAll(List.of("--network", "host", "--user", user(folder)));
      command.addAll(List.of("--volume", folder + ":" + folder, "--workdir", folder.toString()));
      // Their values stay in the environment: what stands on a command line, every user can read.
      variables.forEach(variable -> command.addAll(List.of("--env", variable)));
      command.addAll(List.of("--entrypoint", program.toString(), container.get().image()));
    } else {
      command.add(program.toString());
    }
    command.addAll(arguments);
    return command;
  }

  /**
   * What runs another program of the same project where the server of this folder runs.
   *
   * @param name of its executable file
   */
  public List<String> beside(Path folder, String name, List<String> arguments) {
    var command = new ArrayList<String>();
    if (container.isPresent()) {
      command.addAll(List.of(container.get().docker(), "exec", name(folder), name));
    } else {
      command.add(program.resolveSibling(name).toString());
    }
    command.addAll(arguments);
    return command;
  }

  /**
   * Makes sure that nothing runs for this folder: a container outlives the {@code docker run} that
   * is killed. Does nothing for a server that is installed, which is its own process.
   */
  public void remove(Path folder) {
    container.ifPresent(there -> run(List.of(there.docker(), "rm", "--force", name(folder))));
  }

  private static String name(Path folder) {
    return "flashsale-" + folder.getFileName() + "-" + Integer.toHexString(folder.hashCode());
  }

  private static String user(Path folder) {
    try {
      return Files.getAttribute(folder, "unix:uid") + ":" + Files.getAttribute(folder, "unix:gid");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Whether it ended well, and in time. */
  private static boolean run(List<String> command) {
    try {
      var process =
          new ProcessBuilder(command)
              .redirectErrorStream(true)
              .redirectOutput(ProcessBuilder.Redirect.DISCARD)
              .start();
      process.getOutputStream().close();
      if (process.waitFor(DOCKER_MAX_SECONDS, TimeUnit.SECONDS)) {
        return process.exitValue() == 0;
      }
      process.destroyForcibly();
      return false;
    } catch (IOException e) {
      return false; // There is no docker.
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return false;
    }
  }
}
