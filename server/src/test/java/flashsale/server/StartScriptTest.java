package flashsale.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The script {@code flashsale} in a small project of its own, with JDKs and a Maven that tell. */
class StartScriptTest {
  private static final List<String> TOOLS =
      List.of(
          "awk",
          "cat",
          "dirname",
          "find",
          "flock",
          "grep",
          "head",
          "id",
          "mkdir",
          "mv",
          "readlink",
          "rm",
          "sed",
          "sleep",
          "touch",
          "tr");

  @TempDir private Path folder;
  private Path project;
  private Path jdks;
  private Path bin;
  private final Map<String, String> environment = new HashMap<>();

  @BeforeEach
  void aProjectAndAPathOfItsOwn() throws Exception {
    project = Files.createDirectories(folder.resolve("a project with spaces"));
    jdks = Files.createDirectories(folder.resolve("some jdks"));
    bin = Files.createDirectories(folder.resolve("bin"));
    for (var tool : TOOLS) {
      var found = Path.of("/usr/bin").resolve(tool);
      if (Files.exists(found)) {
        script(bin.resolve(tool), "exec " + found + " \"$@\"");
      }
    }
    Files.copy(Project.root().resolve("flashsale"), project.resolve("flashsale"));
    Files.createDirectories(project.resolve("server/src/main/java"));
    Files.writeString(project.resolve("server/src/main/java/A.java"), "class A {}");
    Files.writeString(project.resolve("pom.xml"), "<project/>");
    maven("echo BUILD; mkdir -p server/target/quick; echo jar > server/target/quick/flashsale.jar");
    environment.put("PATH", bin.toString());
    environment.put("HOME", folder.toString());
    environment.put("FLASHSALE_JDK_DIRS", "/nowhere:" + jdks);
  }

  // --- the JDK -----------------------------------------------------------------------------------

  @Test
  void aNewEnoughJavaHomeIsTaken() throws Exception {
    jdk("jdk-25", "25.0.1", true);
    environment.put("JAVA_HOME", jdk("mine", "26", true).toString());

    assertThat(run("serve").output()).contains("java of mine");
  }

  @Test
  void aJavaHomeThatIsTooOldIsPassedOver() throws Exception {
    environment.put("JAVA_HOME", jdk("jdk-17", "17.0.15", true).toString());
    jdk("jdk-25", "25.0.1", true);

    assertThat(run("serve").output()).contains("java of jdk-25");
  }

  @Test
  void theOneOnThePathIsTakenBeforeTheFolders() throws Exception {
    var onPath = jdk("onpath", "27-ea", true);
    Files.createSymbolicLink(bin.resolve("java"), onPath.resolve("bin/java"));
    jdk("jdk-25", "25.0.1", true);

    assertThat(run("serve").output()).contains("java of onpath");
  }

  @Test
  void ofTheFoldersTheOldestThatWillDoIsTaken() throws Exception {
    jdk("a-26", "26", true);
    jdk("b-25", "25.0.1", true);
    jdk("c-17", "17.0.15", true);

    assertThat(run("serve").output()).contains("java of b-25");
  }

  @Test
  void oneInABundleOfMacOsIsFound() throws Exception {
    jdk("temurin-25.jdk/Contents/Home", "25.0.1", true);

    assertThat(run("serve").output()).contains("java of temurin-25.jdk/Contents/Home");
  }

  @Test
  void aJdkWithoutAReleaseFileIsAsked() throws Exception {
    var jdk = jdk("unlabelled", "25.0.1", true);
    Files.delete(jdk.resolve("release"));

    assertThat(run("serve").output()).contains("java of unlabelled");
  }

  @Test
  void withoutAJdkTheScriptSaysWhatItFoundAndWhatToInstall() throws Exception {
    environment.put("JAVA_HOME", jdk("jdk-17", "17.0.15", true).toString());
    jdk("jre-25", "25.0.1", false);

    var ended = run("serve");

    assertThat(ended.exitCode()).isEqualTo(3);
    assertThat(ended.errors())
        .contains("needs a JDK 25 or newer")
        .contains("jdk-17 is Java 17")
        .contains("jre-25 is Java 25, but it only runs programs")
        .contains("apt-get install openjdk-25-jdk-headless", "set JAVA_HOME");
    assertThat(ended.errors().split("jdk-17 is Java 17", -1)).as("told once").hasSize(2);
  }

  // --- the build ---------------------------------------------------------------------------------

  @Test
  void itBuildsOnceAndAgainOnlyAfterAChange() throws Exception {
    jdk("jdk-25", "25.0.1", true);

    assertThat(run("serve").errors()).contains("Building flashsale");
    assertThat(run("serve").errors()).isEmpty();

    touch("server/src/main/java/A.java");
    assertThat(run("serve").errors()).contains("Building");
    assertThat(run("serve").errors()).isEmpty();

    Files.delete(project.resolve("server/src/main/java/A.java"));
    touch("server/src/main/java");
    assertThat(run("serve").errors()).contains("Building");

    touch("pom.xml");
    assertThat(run("serve").errors()).contains("Building");
    assertThat(run("serve").errors()).isEmpty();
  }

  @Test
  void mavenGetsTheJdkThatWasFound() throws Exception {
    environment.put("JAVA_HOME", jdk("jdk-17", "17.0.15", true).toString());
    var jdk = jdk("jdk-25", "25.0.1", true);
    maven(
        "echo \"$JAVA_HOME $MAVEN_OPTS\" > seen;"
            + " mkdir -p server/target/quick; echo jar > server/target/quick/flashsale.jar");

    run("serve");

    assertThat(Files.readString(project.resolve("seen")))
        .startsWith(jdk.toString())
        .contains("--sun-misc-unsafe-memory-access=allow");
  }

  @Test
  void aFailedBuildIsShownWholeAndTriedAgain() throws Exception {
    jdk("jdk-25", "25.0.1", true);
    maven("echo '[INFO] chatter'; echo '[ERROR] A.java:[1,1] no'; echo '  symbol: x'; exit 1");

    var failed = run("serve");

    assertThat(failed.exitCode()).isEqualTo(1);
    assertThat(failed.output()).isEmpty();
    assertThat(failed.errors())
        .contains("[ERROR] A.java:[1,1] no\n  symbol: x")
        .contains("The build failed")
        .doesNotContain("chatter");

    maven("mkdir -p server/target/quick; echo jar > server/target/quick/flashsale.jar");
    assertThat(run("serve").exitCode()).isZero();
  }

  @Test
  void withoutMavenTheScriptSaysWhatToInstall() throws Exception {
    jdk("jdk-25", "25.0.1", true);
    Files.delete(bin.resolve("mvn"));
    environment.put("FLASHSALE_INSTALL", "no");

    for (var command : List.of("serve", "test")) {
      var ended = run(command);

      assertThat(ended.exitCode()).isEqualTo(3);
      assertThat(ended.errors()).contains("Maven 3.8 or newer", "apt-get install maven");
    }
  }

  @Test
  void rootGetsMavenInstalled() throws Exception {
    jdk("jdk-25", "25.0.1", true);
    Files.move(bin.resolve("mvn"), folder.resolve("mvn"));
    script(bin.resolve("id"), "echo 0");
    script(
        bin.resolve("apt-get"),
        "case $1 in install) mv '%s' '%s' ;; esac"
            .formatted(folder.resolve("mvn"), bin.resolve("mvn")));

    var ended = run("serve");

    assertThat(ended.errors()).contains("installing it with apt-get");
    assertThat(ended.exitCode()).isZero();
  }

  @Test
  void whoWantsSeparateServicesGetsTheServersTheyNeed() throws Exception {
    jdk("jdk-25", "25.0.1", true);
    script(bin.resolve("id"), "echo 0");
    script(bin.resolve("apt-get"), "echo \"$@\" >> '%s'".formatted(folder.resolve("asked")));

    for (var line : List.of(List.of("cluster", "up"), List.of("demo", "--cluster"))) {
      assertThat(run(line.toArray(String[]::new)).errors())
          .contains("redis-server is missing: installing it with apt-get")
          .contains("Without redis-server or Docker nothing is shared");
    }
    assertThat(Files.readString(folder.resolve("asked"))).contains("redis-server");
    for (var line : List.of(List.of("cluster", "status"), List.of("demo"))) {
      assertThat(run(line.toArray(String[]::new)).errors()).doesNotContain("redis-server");
    }
  }

  // --- running -----------------------------------------------------------------------------------

  @Test
  void argumentsAndTheWorkingDirectoryReachJavaUnchanged() throws Exception {
    jdk("jdk-25", "25.0.1", true);

    var output = run("sale", "show", "Winter drop", "*", "").output();

    assertThat(output)
        .contains("in " + folder.toRealPath() + "\n")
        .contains("[-jar]\n[" + project.toRealPath() + "/server/target/quick/flashsale.jar]\n")
        .contains("[sale]\n[show]\n[Winter drop]\n[*]\n[]\n")
        .contains("[-Dflashsale.home=" + project.toRealPath() + "]")
        .contains("[-XX:+UseParallelGC]");
  }

  @Test
  void itMayBeCalledThroughLinks() throws Exception {
    jdk("jdk-25", "25.0.1", true);
    Files.createSymbolicLink(folder.resolve("one"), project.resolve("flashsale"));
    var other = Files.createDirectory(folder.resolve("other"));
    Files.createSymbolicLink(other.resolve("two"), Path.of("../one"));

    var ended = run(other.resolve("two"), "serve");

    assertThat(ended.output())
        .contains(project.toRealPath() + "/server/target/quick/flashsale.jar");
  }

  @ParameterizedTest
  @ValueSource(strings = {"-XX:+UseG1GC -Xmx1g", "-Xmx1g -XX:+UseSerialGC"})
  void optionsOfTheEnvironmentWin(String options) throws Exception {
    jdk("jdk-25", "25.0.1", true);
    environment.put("FLASHSALE_JAVA_OPTS", options);

    var output = run("serve").output();

    assertThat(output)
        .doesNotContain("UseParallelGC")
        .contains("[-Xmx512m]")
        .contains("[" + options.replace(" ", "]\n[") + "]\n[-jar]");
  }

  @Test
  void signalsReachJavaBecauseTheScriptBecomesIt() throws Exception {
    jdk("jdk-25", "25.0.1", true);
    run("serve");

    var process = process(project.resolve("flashsale"), "serve").start();

    var output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(output).contains("process " + process.pid() + "\n");
  }

  // --- testing -----------------------------------------------------------------------------------

  @Test
  void testingEndsWithOneLineThatSumsUp() throws Exception {
    jdk("jdk-25", "25.0.1", true);
    maven(
        report("platform", "ATest", 5, 0, 0, 0)
            + report("server", "BTest", 4, 1, 1, 1)
            + "echo \"[INFO] $*\"");

    var ended = run("test", "-pl", "server");

    assertThat(ended.exitCode()).isEqualTo(1);
    assertThat(ended.output())
        .contains("verify -pl server")
        .endsWith("failed: flashsale.BTest (2)\n6 passed, 2 failed, 1 skipped\n");
  }

  @Test
  void helpAndVersionOfTheTestsRunNoTest() throws Exception {
    jdk("jdk-25", "25.0.1", true);
    maven("mkdir -p server/target/quick; echo jar > server/target/quick/flashsale.jar");

    assertThat(run("test", "--help").output()).contains("Usage: flashsale test");
    assertThat(run("test", "--version").output()).contains("java of jdk-25").contains("--version");
  }

  @Test
  void testingSucceedsWhenAllPassAndOldReportsDoNotCount() throws Exception {
    jdk("jdk-25", "25.0.1", true);
    var old = Files.createDirectories(project.resolve("lab/target/surefire-reports"));
    Files.writeString(
        old.resolve("TEST-Old.xml"), "<testsuite name=\"Old\" tests=\"9\" failures=\"9\">");
    touch("lab/target/surefire-reports/TEST-Old.xml", Instant.now().minusSeconds(3600));
    maven(report("platform", "ATest", 5, 0, 0, 0));

    var ended = run("test");

    assertThat(ended.output()).endsWith("5 passed, 0 failed\n");
    assertThat(ended.exitCode()).isZero();
  }

  @Test
  void testingFailsWhenTheBuildBreaksOffOrNothingRan() throws Exception {
    jdk("jdk-25", "25.0.1", true);
    maven(report("platform", "ATest", 5, 0, 0, 0) + "exit 1");
    var broken = run("test");
    maven("exit 0");
    var nothing = run("test");

    assertThat(broken.exitCode()).isEqualTo(1);
    assertThat(broken.output()).endsWith("The build broke off. 5 passed, 0 failed\n");
    assertThat(nothing.exitCode()).isEqualTo(1);
  }

  // --- what it runs in
  // -----------------------------------------------------------------------------

  private ChildProcess.Ended run(String... arguments) throws Exception {
    return run(project.resolve("flashsale"), arguments);
  }

  private ChildProcess.Ended run(Path script, String... arguments) throws Exception {
    return ChildProcess.run(process(script, arguments));
  }

  private ProcessBuilder process(Path script, String... arguments) {
    var command = new ArrayList<>(List.of(script.toString()));
    command.addAll(List.of(arguments));
    var builder = new ProcessBuilder(command).directory(folder.toFile());
    builder.environment().clear();
    builder.environment().putAll(environment);
    return builder;
  }

  /** A folder that looks like a JDK; its java tells how it was called. */
  private Path jdk(String name, String version, boolean compiler) throws IOException {
    var jdk = jdks.resolve(name);
    Files.createDirectories(jdk.resolve("bin"));
    Files.writeString(
        jdk.resolve("release"), "IMPLEMENTOR=\"x\"\nJAVA_VERSION=\"" + version + "\"\n");
    script(
        jdk.resolve("bin/java"),
        """
        if [ "$1" = -version ]; then echo 'openjdk version "%s" 2025-10-21' >&2; exit; fi
        echo "java of %s"; echo "process $$"; echo "in $(pwd)"
        for argument in "$@"; do echo "[$argument]"; done
        """
            .formatted(version, name));
    if (compiler) {
      script(jdk.resolve("bin/javac"), "exit 0");
    }
    return jdk;
  }

  private void maven(String body) throws IOException {
    script(bin.resolve("mvn"), body);
  }

  private static String report(
      String module, String test, int tests, int failures, int errors, int skipped) {
    return """
        mkdir -p %1$s/target/surefire-reports
        cat > %1$s/target/surefire-reports/TEST-flashsale.%2$s.xml <<'XML'
        <?xml version="1.0" encoding="UTF-8"?>
        <testsuite version="3.0.2" name="flashsale.%2$s" time="0.5" tests="%3$d" errors="%5$d" skipped="%6$d" failures="%4$d">
          <testcase name="a"><system-out>&lt;testsuite tests="99"</system-out></testcase>
        </testsuite>
        XML
        """
        .formatted(module, test, tests, failures, errors, skipped);
  }

  private static void script(Path file, String body) throws IOException {
    Files.writeString(file, "#!/bin/sh\n" + body + "\n");
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rwxr-xr-x"));
  }

  private void touch(String file) throws IOException {
    touch(file, Instant.now());
  }

  private void touch(String file, Instant at) throws IOException {
    Files.setLastModifiedTime(project.resolve(file), FileTime.from(at));
  }
}
