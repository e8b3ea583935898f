package flashsale.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;

class MainTest {
  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();

  @TempDir private Path folder;

  static Stream<List<String>> commands() {
    var paths = new ArrayList<List<String>>();
    collect(Main.commandLine(), List.of(), paths);
    return paths.stream();
  }

  private static void collect(CommandLine line, List<String> path, List<List<String>> paths) {
    paths.add(path);
    line.getSubcommands()
        .forEach(
            (name, sub) -> {
              var deeper = new ArrayList<>(path);
              deeper.add(name);
              collect(sub, deeper, paths);
            });
  }

  @ParameterizedTest
  @MethodSource("commands")
  void eachCommandHasHelpWithExitCodesAndAVersion(List<String> command) {
    assertThat(run(with(command, "--help"))).isZero();
    assertThat(out.toString()).contains("Usage: flashsale").contains("Exit codes");

    assertThat(run(with(command, "--version"))).isZero();
    assertThat(out.toString()).startsWith("flashsale ").contains("Java ");
  }

  @ParameterizedTest
  @MethodSource("commands")
  void anUnknownOptionIsAWrongArgument(List<String> command) {
    assertThat(run(with(command, "--frobnicate"))).isEqualTo(ExitCode.USAGE.code());
    assertThat(err.toString()).contains("Usage: flashsale").doesNotContain("\tat ");
  }

  @Test
  void withoutACommandThereIsHelpAndAWrongArgument() {
    assertThat(run()).isEqualTo(ExitCode.USAGE.code());
    assertThat(err.toString()).contains("Usage: flashsale").contains("serve");
  }

  @Test
  void aWrongConfigurationIsAWrongArgument() {
    assertThat(run("serve", "--data-dir", folder.toString(), "--port", "x", "--set", "htp.port=1"))
        .isEqualTo(ExitCode.USAGE.code());

    assertThat(err.toString())
        .contains("for 2 reasons")
        .contains("--port\n      http.port must be a whole number")
        .contains("Did you mean http.port?")
        .doesNotContain("\tat ");
    assertThat(folder).isEmptyDirectory();
  }

  @ParameterizedTest
  @ValueSource(strings = {"demo", "bench"})
  void anArchitectureOrABrokerThatCannotBeMeantIsAWrongArgument(String command) {
    assertThat(run(command, "--architecture", "evented")).isEqualTo(ExitCode.USAGE.code());
    assertThat(err.toString()).contains("--architecture must be sync or async, not evented.");

    assertThat(run(command, "--rabbitmq", "amqp://localhost")).isEqualTo(ExitCode.USAGE.code());
    assertThat(err.toString()).contains("--rabbitmq needs --architecture async");

    for (var wrong :
        List.of("", "http://localhost", "amqp://:5672", "amqp://me:secret@local host")) {
      assertThat(run(command, "--architecture", "async", "--rabbitmq", wrong))
          .isEqualTo(ExitCode.USAGE.code());
      assertThat(err.toString())
          .contains("--rabbitmq must be RabbitMQ's address")
          .doesNotContain("secret", "\tat ");
    }
  }

  @Test
  void theBenchmarkWorksInAnEmptyFolderOnly() throws IOException {
    Files.writeString(folder.resolve("mine.txt"), "stays");
    var here = folder.toString();

    assertThat(run("bench", "--data-dir", here)).isEqualTo(ExitCode.USAGE.code());
    assertThat(err.toString()).contains("--data-dir must be new or empty, and " + here);
    var file = folder.resolve("mine.txt").toString();
    assertThat(run("bench", "--data-dir", file)).isEqualTo(ExitCode.USAGE.code());
    assertThat(err.toString()).contains("must be a folder");
    assertThat(run("bench", "--port", "65536")).isEqualTo(ExitCode.USAGE.code());
    assertThat(err.toString()).contains("--port must be from 0 to 65535.");
    assertThat(folder.resolve("mine.txt")).hasContent("stays");
  }

  @Test
  void theConfigurationIsShownInEveryForm() {
    var dataDir = folder.toString();

    assertThat(run("config", "--data-dir", dataDir, "--port", "9", "--changed")).isZero();
    assertThat(out).hasToString("http:\n  port: 9  # from --port; default 8080\n");
    assertThat(run("config", "--data-dir", dataDir, "--json")).isZero();
    assertThat(out.toString()).startsWith("[{").contains("\"http.port\"");
    assertThat(run("config", "--defaults")).isZero();
    assertThat(out).hasToString(ConfigText.defaults());
    assertThat(run("config", "--markdown")).isZero();
    assertThat(out).hasToString(ConfigText.markdown());
  }

  @Test
  void withoutAServerThereIsNobodyToTalkTo() {
    assertThat(run("sale", "list", "--data-dir", folder.toString()))
        .isEqualTo(ExitCode.UNREACHABLE.code());
    assertThat(err.toString()).contains("flashsale serve").contains("--url");
  }

  @Test
  void anAddressWhereNobodyAnswersIsUnreachable() throws IOException {
    var password = Files.writeString(folder.resolve("password"), "not needed\n").toString();
    var nobody = "http://127.0.0.1:1";

    assertThat(
            run("sale", "list", "--url", nobody, "--operator", "me", "--password-file", password))
        .isEqualTo(ExitCode.UNREACHABLE.code());
    assertThat(err.toString()).contains("No server answers at " + nobody);
  }

  @Test
  void theDataDirectorysOwnPasswordIsNotSentElsewhere() throws IOException {
    Files.writeString(folder.resolve("operator.json"), "{\"email\":\"a\",\"password\":\"b\"}");

    assertThat(run("sale", "list", "--url", "http://127.0.0.1:1", "--data-dir", folder.toString()))
        .isEqualTo(ExitCode.USAGE.code());
    assertThat(err.toString()).contains("--operator");
  }

  @Test
  void aSaleFileIsReadBeforeAnybodyIsCalled() {
    assertThat(run("sale", "create", folder.resolve("none.yaml").toString()))
        .isEqualTo(ExitCode.USAGE.code());
    assertThat(err.toString()).contains("there is no such file");
  }

  private static String[] with(List<String> command, String option) {
    return Stream.concat(command.stream(), Stream.of(option)).toArray(String[]::new);
  }

  private int run(String... args) {
    out.getBuffer().setLength(0);
    err.getBuffer().setLength(0);
    return Main.commandLine()
        .setOut(new PrintWriter(out, true))
        .setErr(new PrintWriter(err, true))
        .execute(args);
  }
}
