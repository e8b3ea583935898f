package flashsale.platform.messaging;

import com.rabbitmq.client.Connection;
import com.rabbitmq.client.ConnectionFactory;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.GeneralSecurityException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import javax.net.ssl.SSLContext;
import org.awaitility.Awaitility;

/**
 * The tests' RabbitMQ: a real broker node with its own name, ports, port mapper (epmd), cookie and
 * folder, on the loopback interface only, so that a broker that runs here anyway is not touched. It
 * ends with the JVM even when that is killed, because both programs end when their input does.
 */
public final class TestRabbit implements AutoCloseable {
  private static final Duration START_MAX = Duration.ofMinutes(2);
  private static final Duration COMMAND_MAX = Duration.ofMinutes(1);
  private static final AtomicInteger NUMBER = new AtomicInteger();

  /** Where packages put the scripts themselves, without the wrapper that changes the user. */
  private static final List<String> PLACES =
      List.of(
          "/usr/lib/rabbitmq/bin", "/opt/homebrew/sbin", "/usr/local/sbin", "/opt/rabbitmq/sbin");

  private static final String MISSING =
      "These tests need a RabbitMQ server of their own and there is no rabbitmq-server in "
          + PLACES
          + ". Debian and Ubuntu: apt-get install rabbitmq-server. macOS: brew install rabbitmq.";

  private final Path programs;
  private final Path folder;
  private final String node = "flashsale" + ProcessHandle.current().pid() + "x" + nextNumber();
  private final int port = freePort();
  private final int distributionPort = freePort();
  private final int mapperPort = freePort();
  private final int tlsPort = freePort();
  private final TestCertificate certificate;
  private final Process mapper;
  private Process server;

  private static int nextNumber() {
    return NUMBER.incrementAndGet();
  }

  private static final class Shared {
    static final TestRabbit ONE = start();
  }

  private TestRabbit(Path programs, boolean tls) throws IOException {
    this.programs = programs;
    this.folder = Files.createTempDirectory("flashsale-test-rabbit-");
    this.certificate = tls ? TestCertificate.in(folder) : null;
    writeFiles();
    // Not as a daemon, which would outlive everybody.
    this.mapper = launch("mapper.log", "sh", "-c", "epmd & p=$!; cat > /dev/null; kill $p");
    Runtime.getRuntime().addShutdownHook(new Thread(this::close));
  }

  /** One broker for all tests of this JVM. Whoever kills it starts it again. */
  public static TestRabbit shared() {
    return Shared.ONE;
  }

  /** A broker of one's own; takes some five seconds. */
  public static TestRabbit start() {
    return start(false);
  }

  /** One that listens at {@link #tlsUrl} too. */
  public static TestRabbit startWithTls() {
    return start(true);
  }

  private static TestRabbit start(boolean tls) {
    var programs =
        PLACES.stream()
            .map(Path::of)
            .filter(place -> Files.isExecutable(place.resolve("rabbitmq-server")))
            .findFirst()
            .orElseThrow(() -> new AssertionError(MISSING));
    try {
      var rabbit = new TestRabbit(programs, tls);
      rabbit.restart();
      return rabbit;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private void writeFiles() throws IOException {
    var cookie = Files.createDirectories(folder.resolve("home")).resolve(".erlang.cookie");
    Files.writeString(cookie, UUID.randomUUID().toString().replace("-", ""));
    Files.setPosixFilePermissions(cookie, PosixFilePermissions.fromString("r--------"));
    Files.writeString(folder.resolve("enabled_plugins"), "[].");
    Files.writeString(
        folder.resolve("rabbitmq.conf"),
        """
        listeners.tcp.1 = 127.0.0.1:%d
        log.console = false
        log.file = broker.log
        disk_free_limit.absolute = 1MB
        raft.wal_max_size_bytes = 32000000
        """
                .formatted(port)
            + (certificate == null ? "" : certificate.configuration(tlsPort)));
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

  /** Where it listens. */
  public String url() {
    return "amqp://guest:guest@127.0.0.1:" + port;
  }

  /** Where it listens for TLS. */
  public String tlsUrl() {
    return "amqps://guest:guest@127.0.0.1:" + tlsPort;
  }

  /** For a client that trusts its certificate. */
  public SSLContext trusting() {
    return certificate.trusting();
  }

  /** A connection of the test's own. */
  public Connection connect() {
    try {
      var factory = new ConnectionFactory();
      factory.setUri(url());
      factory.setAutomaticRecoveryEnabled(false);
      return factory.newConnection("test");
    } catch (IOException | TimeoutException | URISyntaxException | GeneralSecurityException e) {
      throw new IllegalStateException("no connection to " + url(), e);
    }
  }

  /** Ends the node without a chance to put anything in order (kill -9). */
  public void kill() {
    server.destroyForcibly();
    ended(server);
  }

  /** Starts the node on the folder that it had, unless it runs. */
  public void restart() {
    if (server != null && server.isAlive()) {
      return;
    }
    try {
      server = launch("server.log", programs.resolve("rabbitmq-server").toString());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    Awaitility.await("RabbitMQ on port " + port)
        .atMost(START_MAX)
        .pollInterval(Duration.ofMillis(100))
        .until(this::answers);
  }

  private boolean answers() {
    if (!server.isAlive()) {
      throw new IllegalStateException("RabbitMQ has ended while starting; see " + folder);
    }
    try (var connection = connect()) {
      return connection.isOpen();
    } catch (IllegalStateException | IOException e) {
      return false;
    }
  }

  /** Makes the node believe that it has no memory left, or enough again. */
  public void memoryAlarm(boolean on) {
    control("set_vm_memory_high_watermark", on ? "0.0001" : "0.4");
  }

  /** Runs {@code rabbitmqctl}. */
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

  /** Ends the node and its port mapper and deletes the folder. */
  @Override
  public void close() {
    if (server != null) {
      kill();
    }
    var mappers = mapper.descendants().toList();
    mapper.destroyForcibly();
    mappers.forEach(ProcessHandle::destroyForcibly);
    ended(mapper);
    deleteFolder();
  }

  private static void ended(Process process) {
    try {
      process.waitFor(10, TimeUnit.SECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void deleteFolder() {
    try (Stream<Path> files = Files.walk(folder)) {
      files.sorted(Comparator.reverseOrder()).forEach(file -> file.toFile().delete());
    } catch (IOException | UncheckedIOException e) {
      // It lies in the system's temporary folder, which is cleared anyway.
    }
  }

  private static int freePort() {
    try (var socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      return socket.getLocalPort();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
