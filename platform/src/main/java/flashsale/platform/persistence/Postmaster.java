package flashsale.platform.persistence;

import flashsale.platform.lifecycle.ProcessTree;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/**
 * The main process of a server that runs on a cluster's folder, as PostgreSQL's own {@code
 * postmaster.pid} tells and the process itself confirms. Immutable; thread-safe.
 *
 * @param status {@code starting}, {@code ready}, {@code stopping}, or empty very early
 */
record Postmaster(Path cluster, long pid, int port, String status) {
  private static final String FILE = "postmaster.pid";
  private static final Duration LOOK_EVERY = Duration.ofMillis(5);
  private static final Duration SIGNAL_MAX = Duration.ofSeconds(10);

  /** The lines of {@code postmaster.pid}, see PostgreSQL's utils/pidfile.h. */
  private static final int PID_LINE = 0;

  private static final int PORT_LINE = 3;
  private static final int STATUS_LINE = 7;

  /**
   * The server that runs there now, whoever started it. A file that a crash left behind names a
   * process that is gone or is something else: then there is none, and the file is harmless.
   *
   * @param cluster absolute and free of links, as it was given to the server
   */
  static Optional<Postmaster> of(Path cluster) {
    try {
      var lines = Files.readAllLines(cluster.resolve(FILE));
      if (lines.size() <= PORT_LINE) {
        return Optional.empty();
      }
      var found =
          new Postmaster(
              cluster,
              Long.parseLong(lines.get(PID_LINE).strip()),
              Integer.parseInt(lines.get(PORT_LINE).strip()),
              lines.size() > STATUS_LINE ? lines.get(STATUS_LINE).strip() : "");
      return found.lives() ? Optional.of(found) : Optional.empty();
    } catch (IOException | NumberFormatException e) {
      return Optional.empty(); // No file, or one that is just being written.
    }
  }

  /**
   * Deletes a {@code postmaster.pid} that names a process which is not a server of this cluster.
   * PostgreSQL itself would take any living process of the same user with that number for one, and
   * numbers come again after a reboot. Two servers are still impossible: PostgreSQL also finds the
   * other one's shared memory by the folder.
   */
  static void forgetStale(Path cluster) throws IOException {
    if (of(cluster).isEmpty()) {
      Files.deleteIfExists(cluster.resolve(FILE));
    }
  }

  boolean isReady() {
    return status.equals("ready");
  }

  /** Whether it runs this program. */
  boolean runs(Path program) {
    var line = commandLine();
    return !line.isEmpty() && line.getFirst().equals(program.toString());
  }

  /** Whether the process is there and is a server of this cluster. */
  boolean lives() {
    var line = commandLine();
    return line.size() >= 3
        && line.getFirst().endsWith("/postgres")
        && line.contains(cluster.toString());
  }

  /** Waits for its end. */
  boolean ended(Duration within) {
    long deadline = System.nanoTime() + within.toNanos();
    while (lives()) {
      if (System.nanoTime() > deadline) {
        return false;
      }
      Pause.of(LOOK_EVERY);
    }
    return true;
  }

  /** Sends INT (fast shutdown) or QUIT (at once, recovery at the next start). */
  void signal(String name) {
    // Java can send TERM and KILL only. TERM would wait for all clients to leave.
    PostgresCommand.run(List.of("/bin/sh", "-c", "kill -s " + name + " " + pid), SIGNAL_MAX);
  }

  /** Ends it and its children (kill -9); recovery at the next start. */
  void kill() {
    if (lives()) {
      ProcessHandle.of(pid).ifPresent(ProcessTree::kill);
    }
  }

  /** Not through ProcessHandle where /proc exists: a process that ended unreaped counts there. */
  private List<String> commandLine() {
    var proc = Path.of("/proc");
    if (!Files.exists(proc.resolve("self"))) {
      return commandLine(ProcessHandle.of(pid).map(ProcessHandle::info));
    }
    try {
      var bytes = Files.readAllBytes(proc.resolve(Long.toString(pid)).resolve("cmdline"));
      return Arrays.asList(new String(bytes, StandardCharsets.UTF_8).split("\0", -1));
    } catch (IOException e) {
      return List.of();
    }
  }

  private static List<String> commandLine(Optional<ProcessHandle.Info> info) {
    var line = new ArrayList<String>();
    info.flatMap(ProcessHandle.Info::command).ifPresent(line::add);
    info.flatMap(ProcessHandle.Info::arguments).ifPresent(a -> line.addAll(Arrays.asList(a)));
    return line;
  }
}
