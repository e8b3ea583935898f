package flashsale.cluster;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;

/**
 * An nginx of one's own, as a child process with everything it writes in one folder, so that one
 * that runs here anyway is not touched. For one thread.
 */
public final class NginxNode implements AutoCloseable {
  /** There is none to be started here; the message says what to install. */
  public static final class NotInstalled extends IllegalStateException {
    private static final long serialVersionUID = 1L;

    NotInstalled() {
      super(
          "There is no nginx in "
              + PLACES
              + ". Debian and Ubuntu: apt-get install nginx-light. macOS: brew install nginx.");
    }
  }

  private static final List<String> PLACES =
      List.of("/usr/sbin", "/usr/bin", "/usr/local/sbin", "/usr/local/bin", "/opt/homebrew/bin");

  private static final String FILE = "nginx.conf";
  private static final Duration START_MAX = Duration.ofSeconds(10);
  private static final Duration STOP_MAX = Duration.ofSeconds(20);
  private static final Duration LOOK_EVERY = Duration.ofMillis(10);

  private final Path folder;
  private final Process process;

  private NginxNode(Path folder, Process process) {
    this.folder = folder;
    this.process = process;
  }

  /**
   * nginx's program.
   *
   * @throws NotInstalled with what to install
   */
  public static Path program() {
    return Stream.concat(
            PLACES.stream(), Stream.of(System.getenv().getOrDefault("PATH", "").split(":")))
        .map(place -> Path.of(place, "nginx"))
        .filter(Files::isExecutable)
        .findFirst()
        .orElseThrow(NotInstalled::new);
  }

  /**
   * Writes the configuration into its folder.
   *
   * @return the file
   */
  public static Path write(GatewayConfig config) {
    return write(config.folder(), config.text());
  }

  /**
   * A configuration that serves the files below {@code files} in the folder and nothing else, with
   * as many processes and as patient with connections as a {@link GatewayConfig}'s. Its processes
   * are this program's user, who may be the only one to read the folder.
   */
  public static String still(Path folder, String listen) {
    return """
        worker_processes auto;
        user %3$s;
        pid %1$s/nginx.pid;
        error_log %1$s/error.log warn;

        events {
          worker_connections 16384;
        }

        http {
          client_body_temp_path %1$s/body;
          proxy_temp_path %1$s/proxy;
          fastcgi_temp_path %1$s/fastcgi;
          uwsgi_temp_path %1$s/uwsgi;
          scgi_temp_path %1$s/scgi;
          access_log %1$s/access.log combined buffer=64k flush=1s;
          tcp_nodelay on;
          sendfile on;
          keepalive_requests 1000000;
          default_type application/json;
          server {
            listen %2$s;
            root %1$s/files;
          }
        }
        """
        .formatted(folder, listen, System.getProperty("user.name"));
  }

  private static Path write(Path folder, String config) {
    try {
      Files.createDirectories(folder);
      return Files.writeString(folder.resolve(FILE), config);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** What starts nginx in the foreground with this configuration. */
  public static List<String> command(Path file) {
    return List.of(
        program().toString(),
        "-p",
        file.getParent().toString(),
        "-c",
        file.toString(),
        "-g",
        "daemon off;");
  }

  /**
   * Lets nginx itself read a configuration.
   *
   * @return what it complains of; empty if it would start
   */
  public static String complaints(Path file) {
    var checked = run(file, "-t");
    return checked.status() == 0 ? "" : checked.output();
  }

  private record Ran(int status, String output) {}

  private static Ran run(Path file, String... arguments) {
    try {
      var command = new ArrayList<String>();
      command.add(program().toString());
      command.addAll(List.of("-p", file.getParent().toString(), "-c", file.toString()));
      command.addAll(List.of(arguments));
      var process = new ProcessBuilder(command).redirectErrorStream(true).start();
      process.getOutputStream().close();
      var output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      return new Ran(process.waitFor(), output.strip());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted while nginx was asked", e);
    }
  }

  /**
   * Starts one and waits until it takes connections.
   *
   * @throws IllegalStateException with its words if it does not start
   */
  public static NginxNode start(GatewayConfig config) {
    return start(config.folder(), config.listen(), config.text());
  }

  /**
   * The same with any configuration.
   *
   * @param folder for its files; is made
   * @param listen host and port, as the configuration says
   */
  public static NginxNode start(Path folder, String listen, String config) {
    var file = write(folder, config);
    try {
      var log = folder.resolve("nginx.out").toFile();
      var process =
          new ProcessBuilder(command(file)).redirectErrorStream(true).redirectOutput(log).start();
      var node = new NginxNode(folder, process);
      try {
        node.awaitListening(listen);
        return node;
      } catch (RuntimeException e) {
        node.close();
        throw e;
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private void awaitListening(String listen) {
    int colon = listen.lastIndexOf(':');
    var address =
        new InetSocketAddress(
            listen.substring(0, colon), Integer.parseInt(listen.substring(colon + 1)));
    long deadline = System.nanoTime() + START_MAX.toNanos();
    while (process.isAlive() && System.nanoTime() < deadline) {
      try (var socket = new Socket()) {
        socket.connect(address);
        return;
      } catch (IOException e) {
        LockSupport.parkNanos(LOOK_EVERY.toNanos());
      }
    }
    throw new IllegalStateException("nginx does not start: " + lastWords());
  }

  private String lastWords() {
    try {
      return Files.readString(folder.resolve("nginx.out")).strip();
    } catch (IOException e) {
      return "it said nothing";
    }
  }

  /** Goes over to another configuration; what is under way ends as it began. */
  public void reload(GatewayConfig config) {
    reload(write(config));
  }

  /**
   * Makes the nginx that runs with this file read it again.
   *
   * @throws IllegalStateException with its complaints; it then goes on as before
   */
  public static void reload(Path file) {
    var ran = run(file, "-s", "reload");
    if (ran.status() != 0) {
      throw new IllegalStateException("nginx does not take its configuration: " + ran.output());
    }
  }

  /** Lets the nginx that runs with this file finish what is under way, and end. */
  static void quit(Path file) {
    run(file, "-s", "quit");
  }

  public long pid() {
    return process.pid();
  }

  /** Finishes what is under way, and ends it after some time in any case. */
  @Override
  public void close() {
    run(folder.resolve(FILE), "-s", "quit");
    try {
      if (!process.waitFor(STOP_MAX.toMillis(), TimeUnit.MILLISECONDS)) {
        process.descendants().forEach(ProcessHandle::destroyForcibly);
        process.destroyForcibly().waitFor();
      }
    } catch (InterruptedException e) {
      process.destroyForcibly();
      Thread.currentThread().interrupt();
    }
  }
}
