package flashsale.platform.messaging;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * A broker node with its own name, ports, port mapper (epmd), cookie and folder, on the loopback
 * interface only, so that a broker that runs here anyway is not touched. It ends with the JVM even
 * when that is killed, because both programs end when their input does.
 */
final class LocalRabbitNode implements RabbitNode {
  private static final Duration COMMAND_MAX = Duration.ofMinutes(1);
  private static final AtomicInteger NUMBER = new AtomicInteger();

  private final Path programs;
  private final Path folder;
  private final String node = "flashsale" + ProcessHandle.current().pid() + "x" + nextNumber();
  private final int distributionPort = TestRabbit.freePort();
  private final int mapperPort = TestRabbit.freePort();
  private final Process mapper;
  private Process server;

  private static int nextNumber() {
    return NUMBER.incrementAndGet();
  }

  /**
   * Not started yet.
   *
   * @param programs where rabbitmq-server and rabbitmqctl lie
   * @param folder for everything that it writes
   * @param configuration the text of rabbitmq.conf
   */
  LocalRabbitNode(Path programs, Path folder, String configuration) throws IOException {
    this.programs = programs;
    this.folder = folder;
    writeFiles(configuration);
    // Not as a daemon, which would outlive everybody.
    this.mapper = launch("mapper.log", "sh", "-c", "epmd & p=$!; cat > /dev/null; kill $p");
  }

  private void writeFiles(String configuration) throws IOException {
    var cookie = Files.createDirectories(folder.resolve("home")).resolve(".erlang.cookie");
    Files.writeString(cookie, UUID.randomUUID().toString().replace("-", ""));
    Files.setPosixFilePermissions(cookie, PosixFilePermissions.fromString("r--------"));
    Files.writeString(folder.resolve("enabled_plugins"), "[].");
    Files.writeString(folder.resolve("rabbitmq.conf"), configuration);
  }

  private Map<String, String> environment() {
    var loopback = "-kernel inet_dist_use_interface {127,0,0,1}";
    return Map.ofEntries(
        Map.entry("HOME", folder.resolve("home").toString()),
        Map.entry("ERL_EPMD_PORT", Integer.toString(mapperPort)),
        Map.entry("ERL_EPMD_ADDRESS", "127.0.0.1"),
        Map.entry("RABBITMQ_NODENAME", node + "@localhost"),
        Map.entry("RABBITMQ_DIST_PORT", Integer.toString(distributionPort)),
        Map.entry("RABBITMQ_MNESIA_BASE", folder.resolve("mnesia").toString()),
        Map.entry("RABBITMQ_LOG_BASE", folder.resolve("log").toString()),
        Map.entry("RABBITMQ_CONFIG_FILE", folder.resolve("rabbitmq.conf").toString()),
        Map.entry("RABBITMQ_CONF_ENV_FILE", folder.resolve("none").toString()),
        Map.entry("RABBITMQ_ENABLED_PLUGINS_FILE", folder.resolve("enabled_plugins").toString()),
        Map.entry("RABBITMQ_PID_FILE", folder.resolve("pid").toString()),
        Map.entry("RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS", loopback),
        Map.entry("RABBITMQ_CTL_ERL_ARGS", loopback),
        // With its input open, the start script becomes the server, so that its pid is ours.
        Map.entry("RABBITMQ_ALLOW_INPUT", "1"));
  }

  private Process launch(String log, String... command) throws IOException {
    var builder = new ProcessBuilder(command).directory(folder.toFile());
    builder.environment().keySet().removeIf(key -> key.startsWith("RABBITMQ_"));
    builder.environment().putAll(environment());
    builder.redirectErrorStream(true);
    builder.redirectOutput(ProcessBuilder.Redirect.appendTo(folder.resolve(log).toFile()));
    return builder.start();
  }

  @Override
  public void start() {
    try {
      server = launch("server.log", programs.resolve("rabbitmq-server").toString());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public boolean isAlive() {
    return server != null && server.isAlive();
  }

  @Override
  public void kill() {
    server.destroyForcibly();
    ended(server);
  }

  @Override
  public void control(String... arguments) {
    var command = new ArrayList<String>();
    command.add(programs.resolve("rabbitmqctl").toString());
    command.addAll(List.of(arguments));
    try {
      var process = launch("control.log", command.toArray(String[]::new));
      if (!process.waitFor(COMMAND_MAX.toSeconds(), TimeUnit.SECONDS) || process.exitValue() != 0) {
        process.destroyForcibly();
        throw new IllegalStateException(command + " failed; see " + folder);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted during " + command, e);
    }
  }

  /** Ends the port mapper too. The folder is left to whoever made it. */
  @Override
  public void close() {
    if (server != null) {
      kill();
    }
    var mappers = mapper.descendants().toList();
    mapper.destroyForcibly();
    mappers.forEach(ProcessHandle::destroyForcibly);
    ended(mapper);
  }

  private static void ended(Process process) {
    try {
      process.waitFor(10, TimeUnit.SECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
