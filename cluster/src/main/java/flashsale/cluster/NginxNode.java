package flashsale.cluster;

import flashsale.platform.lifecycle.ServerProgram;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

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
              + ", and no Docker that could run "
              + IMAGE
              + ". Debian and Ubuntu: apt-get install nginx-light. macOS: brew install nginx.");
    }
  }

  private static final List<String> PLACES =
      List.of("/usr/sbin", "/usr/bin", "/usr/local/sbin", "/usr/local/bin", "/opt/homebrew/bin");

  /** What Docker runs where nginx is not installed. */
  public static final String IMAGE = "nginx:1.28-alpine";

  private static final String PROGRAM = "nginx";
  private static final String FILE = "nginx.conf";

  /**
   * Root's nginx would hand its work to somebody who may not enter a folder that is root's alone.
   */
  private static final String USER =
      "root".equals(System.getProperty("user.name")) ? " user root;" : "";

  private static final Duration START_MAX = Duration.ofMinutes(1);
  private static final Duration STOP_MAX = Duration.ofSeconds(20);
  private static final Duration LOOK_EVERY = Duration.ofMillis(10);

  private final Path folder;
  private final Process process;

  private NginxNode(Path folder, Process process) {
    this.folder = folder;
    this.process = process;
  }

  /**
   * Fails if none could be started.
   *
   * @throws NotInstalled with what to install
   */
  public static void requireAvailable() {
    program();
  }

  private static ServerProgram program() {
    return ServerProgram.installed(PROGRAM, ServerProgram.path(PLACES))
        .or(() -> ServerProgram.inImage(PROGRAM, IMAGE))
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
   * as many processes and as patient with connections as a {@link GatewayConfig}'s.
   */
  public static String still(Path folder, String listen) {
    return """
        worker_processes auto;
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
        .formatted(folder, listen);
  }

  /** Whole or not at all: an nginx may be starting from the file at this moment. */
  private static Path write(Path folder, String config) {
    try {
      Files.createDirectories(folder);
      var unfinished = Files.writeString(folder.resolve(FILE + ".unfinished"), config);
      return Files.move(unfinished, folder.resolve(FILE), StandardCopyOption.ATOMIC_MOVE);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /**
   * Starts nginx with this configuration, and nothing else for its folder.
   *
   * @param log gets what it says beside its own logs
   */
  static Process launch(Path file, Path log) throws IOException {
    var program = program();
    program.remove(file.getParent());
    var process =
        new ProcessBuilder(
                program.command(file.getParent(), Set.of(), with(file, "-g", "daemon off;" + USER)))
            .redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.appendTo(log.toFile()))
            .start();
    process.getOutputStream().close();
    return process;
  }

  /** Makes sure that nothing of an nginx in a container is left for this folder. */
  static void remove(Path folder) {
    program().remove(folder);
  }

  private static List<String> with(Path file, String... arguments) {
    var all = new ArrayList<>(List.of("-p", file.getParent().toString(), "-c", file.toString()));
    all.addAll(List.of(arguments));
    return all;
  }

  /**
   * Lets nginx itself read a configuration.
   *
   * @return what it complains of; empty if it would start
   */
  public static String complaints(Path file) {
    var checked = run(program().command(file.getParent(), Set.of(), with(file, "-t")));
    return checked.status() == 0 ? "" : checked.output();
  }

  private record Ran(int status, String output) {}

  private static Ran tell(Path file, String what) {
    return run(program().beside(file.getParent(), PROGRAM, with(file, "-s", what)));
  }

  private static Ran run(List<String> command) {
    try {
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
      var node = new NginxNode(folder, launch(file, folder.resolve("nginx.out")));
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
    var ran = tell(file, "reload");
    if (ran.status() != 0) {
      throw new IllegalStateException("nginx does not take its configuration: " + ran.output());
    }
  }

  /** Lets the nginx that runs with this file finish what is under way, and end. */
  static void quit(Path file) {
    tell(file, "quit");
  }

  public long pid() {
    return process.pid();
  }

  /** Finishes what is under way, and ends it after some time in any case. */
  @Override
  public void close() {
    tell(folder.resolve(FILE), "quit");
    try {
      if (!process.waitFor(STOP_MAX.toMillis(), TimeUnit.MILLISECONDS)) {
        process.descendants().forEach(ProcessHandle::destroyForcibly);
        process.destroyForcibly().waitFor();
        remove(folder);
      }
    } catch (InterruptedException e) {
      process.destroyForcibly();
      Thread.currentThread().interrupt();
    }
  }
}
