package flashsale.platform.lifecycle;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The commands for a server that is installed, and for one in an image. In Docker's place stands a
 * script that starts the same program here, and whose containers outlive their clients too.
 */
class ServerProgramTest {
  private static final String DOCKER =
      """
      #!/bin/sh
      here=$(dirname "$0")
      case $1 in
        info) exit 0 ;;
        rm) kill -9 "$(cat "$here/$3")" && rm "$here/$3" ;;
        exec) shift 2; exec "$@" ;;
        run)
          while [ "$1" != --entrypoint ]; do
            [ "$1" = --name ] && name=$2
            shift
          done
          program=$2
          shift 3
          [ -e "$here/$name" ] && { echo "$name is taken"; exit 125; }
          "$program" "$@" &
          echo $! > "$here/$name"
          wait ;;
      esac
      """;

  @TempDir private Path folder;

  private String docker() throws IOException {
    var script = Files.writeString(folder.resolve("docker"), DOCKER);
    Files.setPosixFilePermissions(script, PosixFilePermissions.fromString("rwx------"));
    return script.toString();
  }

  private static Process start(List<String> command) throws IOException {
    return new ProcessBuilder(command).redirectErrorStream(true).start();
  }

  private static String said(List<String> command) throws IOException {
    return new String(start(command).getInputStream().readAllBytes(), StandardCharsets.UTF_8);
  }

  @Test
  void whatIsInstalledIsItsOwnProcess() throws IOException {
    var echo = ServerProgram.installed("echo", List.of("/nowhere", "/bin")).orElseThrow();
    assertThat(echo.isInstalled()).isTrue();
    assertThat(said(echo.command(folder, Set.of("KEY"), List.of("ready")))).isEqualTo("ready\n");
    assertThat(said(echo.beside(folder, "ls", List.of("-d", "/")))).isEqualTo("/\n");
    echo.remove(folder);
    assertThat(ServerProgram.installed("echo", List.of("/nowhere"))).isEmpty();
  }

  @Test
  void withoutDockerThereIsNoImage() {
    assertThat(ServerProgram.inImage("redis-server", "redis", "/nowhere/docker")).isEmpty();
    assertThat(ServerProgram.inImage("redis-server", "redis", "/bin/false")).isEmpty();
  }

  @Test
  void aContainerThatOutlivesItsClientIsRemoved() throws Exception {
    var sleep = ServerProgram.inImage("sleep", "sleep:1", docker()).orElseThrow();
    assertThat(sleep.isInstalled()).isFalse();
    var command = sleep.command(folder, Set.of("KEY"), List.of("600"));
    assertThat(command)
        .containsSequence("--network", "host")
        .containsSequence("--volume", folder + ":" + folder)
        .containsSequence("--env", "KEY")
        .endsWith("--entrypoint", "sleep", "sleep:1", "600");
    var client = start(command);
    var server = awaitServer(command);
    client.destroyForcibly().waitFor();
    assertThat(server.isAlive()).isTrue();
    assertThat(said(sleep.beside(folder, "echo", List.of("beside")))).isEqualTo("beside\n");

    sleep.remove(folder);
    await().until(() -> !server.isAlive());

    var again = start(command);
    assertThat(awaitServer(command).isAlive()).isTrue();
    sleep.remove(folder);
    assertThat(again.waitFor()).as("its client ends with it").isNotNegative();
  }

  private ProcessHandle awaitServer(List<String> command) throws IOException {
    var pid = folder.resolve(command.get(command.indexOf("--name") + 1));
    await().until(() -> Files.exists(pid) && !Files.readString(pid).isBlank());
    return ProcessHandle.of(Long.parseLong(Files.readString(pid).strip())).orElseThrow();
  }
}
