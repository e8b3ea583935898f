package flashsale.platform.messaging;

import com.rabbitmq.client.ConnectionFactory;
import com.rabbitmq.client.ShutdownSignalException;
import flashsale.platform.lifecycle.ProcessTree;
import flashsale.platform.lifecycle.ServerNode;
import flashsale.platform.lifecycle.ServerProgram;
import flashsale.platform.net.LoopbackPorts;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.Socket;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.GeneralSecurityException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;

/**
 * A RabbitMQ node of one's own, for measurements and tests: its own name, ports, port mapper
 * (epmd), cookie and folder, on the loopback interface only, so that a broker that runs here anyway
 * is not touched. It ends with the JVM even when that is killed, because both programs end when
 * their input does.
 */
public final class RabbitNode implements ServerNode {
  /** There is none to be started here; the message says what to install. */
  public static final class NotInstalled extends IllegalStateException {
    private static final long serialVersionUID = 1L;

    NotInstalled() {
      super(
          "There is no rabbitmq-server in "
              + PLACES
              + ", and no Docker that could run "
              + IMAGE
              + ". Debian and Ubuntu: apt-get install rabbitmq-server. macOS: brew install"
              + " rabbitmq.");
    }
  }

  /** What Docker runs where no server is installed. */
  public static final String IMAGE = "rabbitmq:4.1-management-alpine";

  private static final String SERVER = "rabbitmq-server";

  private static final Duration START_MAX = Duration.ofMinutes(2);
  private static final Duration MAPPER_MAX = Duration.ofSeconds(10);
  private static final Duration LOOK_EVERY = Duration.ofMillis(100);
  private static final Duration COMMAND_MAX = Duration.ofMinutes(1);
  private static final Duration END_MAX = Duration.ofSeconds(10);
  private static final int ANSWER_MAX_MILLIS = 3_000;
  private static final int LAST_WORDS_CHARS = 1_000;
  private static final AtomicInteger NUMBER = new AtomicInteger();

  /** Where packages put the scripts themselves, without the wrapper that changes the user. */
  private static final List<String> PLACES =
      List.of(
          "/usr/lib/rabbitmq/bin", "/opt/homebrew/sbin", "/usr/local/sbin", "/opt/rabbitmq/sbin");

  private final ServerProgram program;
  private final Path folder;
  private final String node =
      "flashsale" + ProcessHandle.current().pid() + "x" + NUMBER.incrementAndGet();
  private final int port = LoopbackPorts.free();
  private final int distributionPort = LoopbackPorts.free();
  private final int mapperPort = LoopbackPorts.free();

  /** Null in a container, which has one of its own. */
  private final Process mapper;

  private volatile Process server;

  private RabbitNode(ServerProgram program, Path folder, String configuration) throws IOException {
    this.program = program;
    this.folder = folder;
    writeFiles(configuration);
    // Not as a daemon, which would outlive everybody.
    this.mapper =
        program.isInstalled()
            ? launch("mapper.log", List.of("sh", "-c", "epmd & p=$!; cat > /dev/null; kill $p"))
            : null;
    Runtime.getRuntime().addShutdownHook(new Thread(this::close));
  }

  private static Optional<ServerProgram> installed() {
    return ServerProgram.installed(SERVER, PLACES);
  }

  private static Optional<ServerProgram> program() {
    return installed().or(() -> ServerProgram.inImage(SERVER, IMAGE));
  }

  /** Whether one could be started. */
  public static boolean isAvailable() {
    return program().isPresent();
  }

  /**
   * Fails if none could be started.
   *
   * @throws NotInstalled with what to install
   */
  public static void requireAvailable() {
    if (program().isEmpty()) {
      throw new NotInstalled();
    }
  }

  /**
   * Fails if none could be started without Docker.
   *
   * @throws NotInstalled with what to install
   */
  public static void requireInstalled() {
    if (installed().isEmpty()) {
      throw new NotInstalled();
    }
  }

  /**
   * Starts one and waits until it answers, which takes some five seconds.
   *
   * @param folder for its files; is made, and left to whoever called
   * @param configuration lines for its {@code rabbitmq.conf} beside those it needs
   * @throws NotInstalled with what to install
   */
  public static RabbitNode start(Path folder, String configuration) {
    var program = program().orElseThrow(NotInstalled::new);
    try {
      var rabbit = new RabbitNode(program, Files.createDirectories(folder), configuration);
      try {
        rabbit.restart();
        return rabbit;
      } catch (RuntimeException e) {
        rabbit.close();
        throw e;
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private void writeFiles(String configuration) throws IOException {
    var cookie = Files.createDirectories(home()).resolve(".erlang.cookie");
    Files.deleteIfExists(
        cookie); // Of an earlier node here; nobody may write it, not even its owner.
    Files.writeString(cookie, UUID.randomUUID().toString().replace("-", ""));
    Files.setPosixFilePermissions(cookie, PosixFilePermissions.fromString("r--------"));
    Files.writeString(folder.resolve("enabled_plugins"), "[].");
    Files.writeString(
        folder.resolve("rabbitmq.conf"),
        """
        listeners.tcp.1 = 127.0.0.1:%d
        log.console = false
        log.file = broker.log
        log.connection.level = warning
        disk_free_limit.absolute = 1MB
        raft.wal_max_size_bytes = 32000000
        """
                .formatted(port)
            + configuration);
  }

  private Map<String, String> environment() {
    var loopback = "-kernel inet_dist_use_interface {127,0,0,1}";
    return Map.ofEntries(
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

  private Path home() {
    return folder.resolve("home");
  }

  private Set<String> variables() {
    var names = new TreeSet<>(environment().keySet());
    names.add("HOME=" + home());
    return names;
  }

  private Process launch(String log, List<String> command) throws IOException {
    var builder = new ProcessBuilder(command).directory(folder.toFile());
    builder.environment().keySet().removeIf(key -> key.startsWith("RABBITMQ_"));
    builder.environment().putAll(environment());
    if (program.isInstalled()) { // Docker's own program needs the user's.
      builder.environment().put("HOME", home().toString());
    }
    builder.redirectErrorStream(true);
    builder.redirectOutput(ProcessBuilder.Redirect.appendTo(folder.resolve(log).toFile()));
    return builder.start();
  }

  /** Where it listens. */
  public String url() {
    return "amqp://guest:guest@127.0.0.1:" + port;
  }

  @Override
  public int port() {
    return port;
  }

  @Override
  public long pid() {
    return server.pid();
  }

  @Override
  public boolean isRunning() {
    return server.isAlive();
  }

  @Override
  public void kill() {
    ProcessTree.kill(server.toHandle());
    program.remove(folder);
    ended(server);
  }

  @Override
  public void restart() {
    if (server != null && server.isAlive()) {
      return;
    }
    awaitMapper();
    try {
      program.remove(folder);
      server = launch("server.log", program.command(folder, variables(), List.of()));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    long deadline = System.nanoTime() + START_MAX.toNanos();
    while (!answers()) {
      if (!server.isAlive() || System.nanoTime() > deadline) {
        throw new IllegalStateException("RabbitMQ did not start and said: " + lastWords());
      }
      LockSupport.parkNanos(LOOK_EVERY.toNanos());
    }
  }

  /** A node that finds no port mapper starts one itself, as a daemon. */
  private void awaitMapper() {
    long deadline = System.nanoTime() + MAPPER_MAX.toNanos();
    while (mapper != null && mapper.isAlive() && System.nanoTime() < deadline) {
      try (var _ = new Socket(InetAddress.getLoopbackAddress(), mapperPort)) {
        return;
      } catch (IOException e) {
        LockSupport.parkNanos(LOOK_EVERY.toNanos());
      }
    }
  }

  private String lastWords() {
    try {
      var said = Files.readString(folder.resolve("server.log"));
      return said.substring(Math.max(0, said.length() - LAST_WORDS_CHARS));
    } catch (IOException e) {
      return "nothing";
    }
  }

  @Override
  public boolean answers() {
    try {
      var factory = new ConnectionFactory();
      factory.setUri(url());
      factory.setConnectionTimeout(ANSWER_MAX_MILLIS);
      factory.setHandshakeTimeout(ANSWER_MAX_MILLIS);
      factory.setChannelRpcTimeout(ANSWER_MAX_MILLIS);
      factory.setAutomaticRecoveryEnabled(false);
      var connection = factory.newConnection("is it there?");
      boolean open = connection.isOpen();
      connection.abort(ANSWER_MAX_MILLIS); // close() would wait for a broker that hangs meanwhile.
      return open;
    } catch (IOException | TimeoutException | ShutdownSignalException e) {
      return false;
    } catch (URISyntaxException | GeneralSecurityException e) {
      throw new IllegalStateException(e);
    }
  }

  /** Runs {@code rabbitmqctl}. */
  public void control(String... arguments) {
    var command = program.beside(folder, "rabbitmqctl", List.of(arguments));
    try {
      var process = launch("control.log", command);
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

  /** Ends the node and its port mapper. */
  @Override
  public void close() {
    if (server != null) {
      kill();
    }
    if (mapper == null) {
      return;
    }
    var mappers = mapper.descendants().toList();
    mapper.destroyForcibly();
    mappers.forEach(ProcessHandle::destroyForcibly);
    ended(mapper);
  }

  private static void ended(Process process) {
    try {
      process.waitFor(END_MAX.toSeconds(), TimeUnit.SECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
