package flashsale.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import flashsale.cluster.ClusterPlan;
import flashsale.cluster.ClusterState;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** {@code flashsale cluster …}: what each command says, and how it ends. */
class ClusterCommandTest {
  private static final List<String> QUICK = List.of("-XX:TieredStopAtLevel=1");
  private static final Duration BACK_MAX = Duration.ofSeconds(90);

  @TempDir private Path folder;
  private StringWriter out;
  private StringWriter err;

  @AfterEach
  void nothingIsLeft() {
    ClusterState.read(data()).ifPresent(state -> run("down"));
  }

  private Path data() {
    return folder.resolve("cluster");
  }

  /** Its exit code. */
  private int run(String... arguments) {
    var line = new ArrayList<>(List.of(arguments));
    line.addFirst("cluster");
    if (!line.contains("--data-dir")) {
      line.addAll(List.of("--data-dir", data().toString()));
    }
    out = new StringWriter();
    err = new StringWriter();
    return Main.commandLine()
        .setOut(new PrintWriter(out, true))
        .setErr(new PrintWriter(err, true))
        .execute(line.toArray(String[]::new));
  }

  private void assertRefused(ExitCode code, String why, String... arguments) {
    assertThat(run(arguments)).as(String.join(" ", arguments)).isEqualTo(code.code());
    assertThat(err.toString()).contains(why).doesNotContain("\tat ");
  }

  @ParameterizedTest
  @ValueSource(strings = {"status", "down", "restart orders", "kill orders/1", "status --json"})
  void withoutAClusterThereIsNothingToCommand(String command) throws IOException {
    var words = command.split(" ");
    var nobody = "No cluster runs on " + data() + ". Start one: flashsale cluster up";
    assertRefused(ExitCode.UNREACHABLE, nobody, words);
    Files.createDirectory(data());
    assertRefused(ExitCode.UNREACHABLE, nobody, words);
    Files.writeString(data().resolve("cluster.json"), "junk");
    assertRefused(ExitCode.UNREACHABLE, nobody, words);
    Files.delete(data().resolve("cluster.json"));
    assertThat(data()).as("nothing was made there").isEmptyDirectory();
  }

  @Test
  void whatCannotBeMeantIsAWrongArgument() {
    for (var replicas : List.of("0", "-1", "9")) {
      assertRefused(
          ExitCode.USAGE, "--replicas must be from 1 to 8.", "up", "--replicas", replicas);
    }
    assertRefused(ExitCode.USAGE, "'many' is not an int", "up", "--replicas", "many");
    assertRefused(
        ExitCode.USAGE, "must be sync or async, not maybe.", "up", "--architecture", "maybe");
    assertRefused(ExitCode.USAGE, "--port must be from 0 to 65535.", "up", "--port", "65536");
    assertRefused(ExitCode.USAGE, "Missing required parameter: 'ROLE|SERVER'", "restart");
    assertRefused(ExitCode.USAGE, "Missing required parameter: 'ROLE/N'", "kill");
    assertRefused(ExitCode.USAGE, "Unmatched argument", "down", "orders");
    assertRefused(
        ExitCode.USAGE, "../../etc is no process; see cluster status", "logs", "../../etc");
    assertThat(data()).doesNotExist();
  }

  @Test
  void aLogThatIsNotThereIsNotPassedOverInSilence() {
    assertRefused(ExitCode.FAILED, "There is no log of orders/7 in " + data(), "logs", "orders/7");
    assertThat(run("logs")).isZero();
    assertThat(out.toString()).contains(data() + "/ROLE-N/logs");
  }

  @Test
  void somebodyElsesFolderIsLeftAlone() throws IOException {
    Files.createDirectory(data());
    Files.writeString(data().resolve("mine.txt"), "stays");
    for (var up : List.of(List.of("up"), List.of("up", "--detach"))) {
      assertRefused(ExitCode.USAGE, "holds other things (mine.txt)", up.toArray(String[]::new));
    }
    assertThat(data().resolve("mine.txt")).hasContent("stays");
    var file = data().resolve("mine.txt").toString();
    assertRefused(ExitCode.USAGE, "is not a folder", "up", "--data-dir", file);
  }

  @Test
  void aPortThatIsTakenIsSaidBeforeAnythingStarts() throws IOException {
    try (var taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      var port = Integer.toString(taken.getLocalPort());
      var why = "Cannot listen on 127.0.0.1:" + port + ": the port is taken";
      assertRefused(ExitCode.ENVIRONMENT, why, "up", "--port", port);
      assertRefused(ExitCode.ENVIRONMENT, why, "up", "--port", port, "--detach");
    }
    assertThat(data().resolve("postgres")).doesNotExist();
    assertRefused(ExitCode.UNREACHABLE, "No cluster runs on", "status");
  }

  /** One after the other, because starting it takes the longest. */
  @Test
  void aClusterInTheBackgroundIsCommandedFromBeside() throws Exception {
    var up = upInTheBackground();
    assertThat(up.exitCode()).as(up.errors()).isZero();
    assertThat(up.output())
        .contains("Runs in the background; flashsale cluster down stops it.", "(synchronous)")
        .contains(ClusterPlan.ROLES.stream().map(role -> role + "/1").toList());
    var state = ClusterState.read(data()).orElseThrow();

    assertThat(run("status")).isZero();
    assertThat(out.toString()).doesNotContain("DOWN").contains(state.gateway().toString());
    assertThat(out.toString())
        .containsPattern("nginx +UP +\\d+ +" + state.gateway().getPort() + " ")
        .containsPattern("postgres +UP +\\d+ +[1-9]\\d+ ")
        .doesNotContainPattern("(rabbitmq|redis) +UP +\\d+ +-");
    assertThat(run("status", "--json")).isZero();
    assertThat(out.toString()).startsWith("{\"supervisor\":" + state.supervisor());

    var inUse = "is in use by the server at " + state.gateway();
    assertRefused(ExitCode.ALREADY_RUNNING, inUse, "up", "--port", "0");
    assertRefused(ExitCode.ALREADY_RUNNING, inUse, "up", "--port", "0", "--detach");

    assertRefused(ExitCode.USAGE, "There is no role stock, only all, users, ", "restart", "stock");
    assertRefused(ExitCode.USAGE, "There is no role orders/1, only", "restart", "orders/1");
    assertRefused(ExitCode.USAGE, "orders/2 is no process of it", "kill", "orders/2");
    assertRefused(ExitCode.USAGE, "orders is no process of it", "kill", "orders");
    assertThat(ClusterState.read(data())).contains(state);

    assertThat(run("kill", "orders/1")).isZero();
    assertThat(out.toString()).contains("killed orders/1");
    await().atMost(BACK_MAX).until(() -> restarts("orders/1") == 1 && run("status") == 0);

    assertThat(run("restart", "orders", "users")).as(() -> err.toString()).isZero();
    assertThat(out.toString()).contains("restarted orders/1", "restarted users/1");
    assertThat(restarts("orders/1")).isEqualTo(2);
    assertThat(restarts("users/1")).isEqualTo(1);

    assertThat(run("restart", "postgres", "nginx")).as(() -> err.toString()).isZero();
    assertThat(out.toString()).contains("restarted postgres", "restarted nginx");
    assertThat(restarts("postgres")).isEqualTo(1);
    assertThat(restarts("nginx")).isEqualTo(1);

    breakOffARestart();

    for (var name : List.of("orders/1", "nginx", "postgres")) {
      assertThat(run("logs", name)).as(name).isZero();
      assertThat(out.toString()).contains("==> " + data());
    }

    var processes = processes();
    assertThat(run("down")).as(() -> err.toString()).isZero();
    assertThat(out.toString()).contains("stopped");
    assertThat(processes).hasSizeGreaterThan(8).noneMatch(ProcessHandle::isAlive);
    assertRefused(ExitCode.UNREACHABLE, "No cluster runs on", "down");
    assertRefused(ExitCode.UNREACHABLE, "No cluster runs on", "status");
  }

  /** In a process of its own, to hand its children what makes them start fast. */
  private ChildProcess.Ended upInTheBackground() throws Exception {
    var words =
        List.of("cluster", "up", "--detach", "--port", "0", "--data-dir", data().toString());
    var builder = new ProcessBuilder(JavaProgram.command(QUICK, words));
    builder.environment().put("JAVA_TOOL_OPTIONS", String.join(" ", QUICK));
    return ChildProcess.run(builder);
  }

  /** In a process of its own, to be the one that gets the signal. */
  private void breakOffARestart() throws Exception {
    var words = List.of("cluster", "restart", "users", "--data-dir", data().toString());
    var restart = new ProcessBuilder(JavaProgram.command(QUICK, words)).start();
    var config = data().resolve("nginx/nginx.conf");
    await().atMost(BACK_MAX).until(() -> Files.readString(config).contains(" down;"));
    restart.destroy();
    assertThat(restart.waitFor()).isNotZero();
    assertThat(config).content().doesNotContain(" down;");
    await().atMost(BACK_MAX).until(() -> run("status") == 0);
  }

  private int restarts(String name) {
    return ClusterState.read(data()).orElseThrow().named(name).getFirst().restarts();
  }

  /** All of them, with the first. */
  private List<ProcessHandle> processes() {
    var state = ClusterState.read(data()).orElseThrow();
    return Stream.concat(
            ProcessHandle.of(state.supervisor()).stream(),
            state.processes().stream().map(ClusterState.Running::handle).flatMap(Optional::stream))
        .toList();
  }
}
