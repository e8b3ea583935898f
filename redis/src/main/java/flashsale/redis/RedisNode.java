package flashsale.redis;

import flashsale.platform.lifecycle.ProcessTree;
import flashsale.platform.lifecycle.ServerNode;
import flashsale.platform.lifecycle.ServerProgram;
import flashsale.platform.net.LoopbackPorts;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/**
 * A Redis server of one's own, for tests and for {@code flashsale cluster}: with a password, on the
 * loopback interface only, nothing of it on the disk. It is a child of this process.
 */
public final class RedisNode implements ServerNode {
  /** There is none to be started here; the message says what to install. */
  public static final class NotInstalled extends IllegalStateException {
    private static final long serialVersionUID = 1L;

    NotInstalled() {
      super(
          "There is no redis-server on the PATH, and no Docker that could run "
              + IMAGE
              + ". Debian and Ubuntu: apt-get install redis-server. macOS: brew install redis.");
    }
  }

  /** What Docker runs where no server is installed. */
  public static final String IMAGE = "redis:8.2-alpine";

  private static final Duration START_MAX = Duration.ofMinutes(2);
  private static final Duration LOOK_EVERY = Duration.ofMillis(20);
  private static final int END_MAX_SECONDS = 10;
  private static final int ANSWER_MAX_MILLIS = 1_000;

  private final ServerProgram program;
  private final Path folder;
  private final Path settings;
  private final String password = UUID.randomUUID().toString();
  private final int port = LoopbackPorts.free();
  private volatile Process server;

  private RedisNode(ServerProgram program, Path folder, String more) throws IOException {
    this.program = program;
    this.folder = folder;
    this.settings = folder.resolve("redis.conf");
    Files.deleteIfExists(settings);
    // It has the password in it.
    Files.createFile(
        settings,
        PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
    Files.writeString(
        settings,
        """
        bind 127.0.0.1
        port %d
        requirepass %s
        dir "%s"
        save ""
        appendonly no
        maxmemory 64mb
        maxmemory-policy allkeys-lru
        """
                .formatted(port, password, folder)
            + more);
    Runtime.getRuntime().addShutdownHook(new Thread(this::close));
  }

  /** Whether one could be started. */
  public static boolean isAvailable() {
    return program().isPresent();
  }

  private static Optional<ServerProgram> program() {
    return ServerProgram.installed("redis-server", ServerProgram.path(List.of()))
        .or(() -> ServerProgram.inImage("redis-server", IMAGE));
  }

  /**
   * Starts one and waits until it answers.
   *
   * @param folder for its files; is made, and left to whoever called
   * @param more lines for its {@code redis.conf}
   * @throws NotInstalled with what to install
   */
  public static RedisNode start(Path folder, String more) {
    var program = program().orElseThrow(NotInstalled::new);
    try {
      var node = new RedisNode(program, Files.createDirectories(folder), more);
      node.restart();
      return node;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Starts it again, on the same port and with nothing in it, unless it runs. */
  @Override
  public void restart() {
    if (isRunning()) {
      return;
    }
    var log = folder.resolve("redis.log");
    program.remove(folder);
    try {
      server =
          new ProcessBuilder(program.command(folder, Set.of(), List.of(settings.toString())))
              .redirectErrorStream(true)
              .redirectOutput(ProcessBuilder.Redirect.appendTo(log.toFile()))
              .start();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    long deadline = System.nanoTime() + START_MAX.toNanos();
    while (!answers()) {
      if (!server.isAlive() || System.nanoTime() > deadline) {
        close();
        throw new IllegalStateException("Redis did not start; its log is " + log);
      }
      LockSupport.parkNanos(LOOK_EVERY.toNanos());
    }
  }

  @Override
  public boolean answers() {
    try {
      return command("PING").startsWith("+PONG");
    } catch (IOException e) {
      return false;
    }
  }

  /** Forgets everything that is in it. */
  public void flush() {
    try {
      command("FLUSHALL");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** One command in the inline form of its protocol, on a connection of its own; its answer. */
  public String command(String line) throws IOException {
    try (var socket = new Socket()) {
      socket.setSoTimeout(ANSWER_MAX_MILLIS);
      socket.connect(
          new InetSocketAddress(InetAddress.getLoopbackAddress(), port), ANSWER_MAX_MILLIS);
      var text = "AUTH " + password + "\r\n" + line + "\r\n";
      socket.getOutputStream().write(text.getBytes(StandardCharsets.US_ASCII));
      var in =
          new BufferedReader(
              new InputStreamReader(socket.getInputStream(), StandardCharsets.US_ASCII));
      in.readLine();
      return String.valueOf(in.readLine());
    }
  }

  /** Where it listens, with its password. */
  public String url() {
    return url(port);
  }

  /** The same server under another port: that of a proxy before it. */
  public String url(int otherPort) {
    return "redis://:" + password + "@127.0.0.1:" + otherPort;
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
    return server != null && server.isAlive();
  }

  @Override
  public void kill() {
    if (server == null) {
      return;
    }
    ProcessTree.kill(server.toHandle());
    program.remove(folder);
    try {
      server.waitFor(END_MAX_SECONDS, TimeUnit.SECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  @Override
  public void close() {
    kill();
  }
}
