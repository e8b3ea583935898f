package flashsale.deploy;

import static flashsale.deploy.DeployFiles.DEPLOY;
import static flashsale.deploy.DeployFiles.PROJECT;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** What can be said of deploy/Dockerfile without Docker. */
class ImageTest {
  private static final Path FILE = DEPLOY.resolve("Dockerfile");
  private static final Set<String> INSTRUCTIONS =
      Set.of(
          "FROM",
          "WORKDIR",
          "COPY",
          "RUN",
          "ENV",
          "USER",
          "VOLUME",
          "EXPOSE",
          "STOPSIGNAL",
          "HEALTHCHECK",
          "ENTRYPOINT",
          "CMD");

  /** One instruction with its continued lines; the rest is one text. */
  private record Instruction(String name, String rest) {}

  private static List<Instruction> instructions() {
    var found = new ArrayList<Instruction>();
    var text = DeployFiles.text(FILE).replaceAll("(?m)^#.*\n", "").replaceAll("\\\\\n", " ");
    text.lines()
        .filter(line -> !line.isBlank())
        .map(line -> line.strip().split("\\s+", 2))
        .forEach(words -> found.add(new Instruction(words[0], words[1])));
    return found;
  }

  private static List<String> of(String name) {
    return instructions().stream().filter(i -> i.name.equals(name)).map(Instruction::rest).toList();
  }

  @Test
  void itIsMadeOfInstructions() {
    assertThat(instructions()).allMatch(i -> INSTRUCTIONS.contains(i.name()));
    assertThat(of("HEALTHCHECK")).isNotEmpty();
    assertThat(of("ENTRYPOINT")).containsExactly("[\"flashsale\"]");
  }

  @Test
  void itRunsAsNobodyInParticular() {
    assertThat(instructions().getLast().name()).isEqualTo("CMD");
    assertThat(of("USER").getLast()).isEqualTo("10001:10001");
  }

  @Test
  void itIsMadeFromOfficialImagesByTheirShortNames() {
    var stages = new ArrayList<String>();
    for (var from : of("FROM")) {
      var words = from.split(" ", -1);
      assertThat(stages.contains(words[0]) || Pattern.matches("[a-z-]+:[a-z0-9.-]+", words[0]))
          .as(from)
          .isTrue();
      if (words.length == 3) {
        stages.add(words[2]);
      }
    }
  }

  @Test
  void whatItCopiesIsThereAndNotLeftOut() {
    var kept = DeployFiles.text(DEPLOY.resolve("Dockerfile.dockerignore")).lines().toList();
    assertThat(kept)
        .contains("*", "!pom.xml", "!.mvn", "!*/pom.xml", "!*/src/main", "!deploy/image");
    for (var copy : of("COPY")) {
      if (copy.contains("--from=") || copy.equals(". .")) {
        continue;
      }
      var words =
          Pattern.compile(" ").splitAsStream(copy).filter(w -> !w.startsWith("--")).toList();
      for (var source : words.subList(0, words.size() - 1)) {
        assertThat(PROJECT.resolve(source)).exists();
        assertThat(source).startsWith("deploy/image/");
      }
    }
  }

  @Test
  void everySettingExists() {
    assertThat(DeployFiles.unknownVariables(DeployFiles.text(FILE))).isEmpty();
  }

  @Test
  void theScriptsAreWritten() throws IOException, InterruptedException {
    for (var file : DeployFiles.all()) {
      if (DeployFiles.text(file).startsWith("#!")) {
        var shell = DeployFiles.text(file).startsWith("#!/bin/bash") ? "bash" : "sh";
        var check = new ProcessBuilder(shell, "-n", file.toString()).inheritIO().start();
        assertThat(check.waitFor()).as(file.toString()).isZero();
      }
    }
  }
}
