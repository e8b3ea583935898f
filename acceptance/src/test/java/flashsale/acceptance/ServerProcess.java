package flashsale.acceptance;

import static org.awaitility.Awaitility.await;

import flashsale.platform.persistence.EmbeddedPostgres;
import flashsale.server.QuickJava;
import flashsale.server.ShopFolder;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** The program in a process of its own, as {@code flashsale serve} starts it. */
final class ServerProcess {
  private static final Duration START_MAX = Duration.ofSeconds(60);
  private static final int STOP_MAX_SECONDS = 30;

  private final Path dataDir;
  private final Process process;
  private final URI url;

  private ServerProcess(Path dataDir, Process process, URI url) {
    this.dataDir = dataDir;
    this.process = process;
    this.url = url;
  }

  /**
   * Starts it and returns when it answers. What it prints is appended to {@code output}.
   *
   * @param settings each as {@code name=value}
   */
  static ServerProcess start(Path dataDir, Path output, String... settings) {
    try {
      var builder =
          new ProcessBuilder(command(dataDir, settings))
              .redirectErrorStream(true)
              .redirectOutput(ProcessBuilder.Redirect.appendTo(output.toFile()));
      builder.environment().keySet().removeIf(name -> name.startsWith("FLASHSALE_"));
      var process = builder.start();
      try {
        await()
            .atMost(START_MAX)
            .pollInterval(Duration.ofMillis(20))
            .until(() -> !process.isAlive() || url(dataDir, process).isPresent());
        var url = url(dataDir, process);
        if (url.isEmpty()) {
          throw new AssertionError("the server did not start:\n" + Files.readString(output));
        }
        return new ServerProcess(dataDir, process, url.get());
      } catch (RuntimeException | AssertionError e) {
        process.destroyForcibly();
        throw e;
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static List<String> command(Path dataDir, String... settings) {
    var command = new ArrayList<String>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(QuickJava.flags());
    command.addAll(
        List.of(
            "-Xmx256m",
            "--enable-native-access=ALL-UNNAMED",
            "flashsale.server.Main",
            "serve",
            "--port",
            "0",
            "--data-dir",
            dataDir.toString()));
    TestShop.TIRELESS.forEach(
        (name, value) -> {
          command.add("--set");
          command.add(name + "=" + value);
        });
    for (var setting : settings) {
      command.add("--set");
      command.add(setting);
    }
    return command;
  }

  private static java.util.Optional<URI> url(Path dataDir, Process process) {
    return ShopFolder.server(dataDir)
        .filter(server -> server.pid() == process.pid())
        .map(ShopFolder.Server::url);
  }

  URI url() {
    return url;
  }

  /** SIGKILL: nothing is finished, nothing is written. Its PostgreSQL runs on as an orphan. */
  void kill() {
    try {
      process.destroyForcibly().waitFor();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** SIGTERM; the exit code. */
  int stop() throws InterruptedException {
    process.destroy();
    if (!process.waitFor(STOP_MAX_SECONDS, TimeUnit.SECONDS)) {
      kill();
      throw new AssertionError("the server did not stop within " + STOP_MAX_SECONDS + " s");
    }
    return process.exitValue();
  }

  boolean postgresRuns() {
    return EmbeddedPostgres.running(dataDir, "orders").isPresent();
  }

  /** Whatever a failed test left: the server, and the PostgreSQL that its data directory names. */
  void leaveNothing() {
    kill();
    if (postgresRuns()) {
      try {
        var file = dataDir.resolve("postgres").resolve("data").resolve("postmaster.pid");
        long pid = Long.parseLong(Files.readAllLines(file).getFirst().strip());
        ProcessHandle.of(pid).ifPresent(ProcessHandle::destroy);
        await().atMost(START_MAX).until(() -> !postgresRuns());
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }
}
