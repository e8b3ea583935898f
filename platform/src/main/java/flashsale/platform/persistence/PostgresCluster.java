package flashsale.platform.persistence;

import flashsale.platform.net.LoopbackPorts;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.List;
import java.util.OptionalInt;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One folder of PostgreSQL's data and the server on it: makes the folder, starts, adopts and stops
 * the server. Not thread-safe; its user holds the folder's lock.
 */
final class PostgresCluster {
  static final String SUPERUSER = "postgres";

  private static final Logger LOG = LoggerFactory.getLogger(PostgresCluster.class);

  /** Without any new line in the log for so long, a starting server counts as stuck. */
  private static final Duration SILENCE_MAX = Duration.ofSeconds(30);

  private static final Duration FAST_STOP_MAX = Duration.ofSeconds(30);
  private static final Duration HARD_STOP_MAX = Duration.ofSeconds(10);
  private static final Duration LOOK_EVERY = Duration.ofMillis(5);
  private static final int LOG_MAX_BYTES = 16 << 20;
  private static final int TAIL_BYTES = 4096;

  /** What the log says when waiting or another port helps. */
  private static final List<String> PASSING =
      List.of("Address already in use", "is still in use", "lock file \"postmaster.pid\" already");

  private final Path data;
  private final Path log;
  private final PostgresCommand command;
  private final int connectionsMax;

  /**
   * @param folder exists, absolute and free of links; gets {@code data} and {@code postgres.log}
   * @param connectionsMax the server refuses more
   */
  PostgresCluster(Path folder, PostgresCommand command, int connectionsMax) {
    this.connectionsMax = connectionsMax;
    this.data = folder.resolve("data");
    this.log = folder.resolve("postgres.log");
    this.command = command;
  }

  /** Makes the data folder, unless it is there; it appears under its name only when whole. */
  void create(Path passwordFile) throws IOException {
    if (Files.isDirectory(data)) {
      return;
    }
    var unfinished = data.resolveSibling("data.unfinished");
    PostgresBinaries.delete(unfinished);
    // The builtin locale orders by code point and does not change with the machine's C library,
    // so an index made here is right on any other machine too.
    var result =
        command.run(
            "initdb",
            "--pgdata=" + unfinished,
            "--username=" + SUPERUSER,
            "--auth=scram-sha-256",
            "--pwfile=" + passwordFile,
            "--encoding=UTF8",
            "--locale=C",
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8");
    if (result.status() != 0) {
      throw new PostgresFailure("initdb failed:\n" + result.output().strip());
    }
    Files.writeString(unfinished.resolve("pg_hba.conf"), PostgresSettings.ACCESS);
    Files.move(unfinished, data, StandardCopyOption.ATOMIC_MOVE);
  }

  /**
   * Comes back when the server accepts connections. A server that a killed process left running is
   * adopted if it runs what would be started now, and is stopped first if it does not: adopting
   * takes no time and no recovery.
   */
  Postmaster up() throws IOException {
    var running = Postmaster.of(data).orElse(null);
    if (running != null && adoptable(running)) {
      LOG.warn("PostgreSQL process {} outlived its owner and is used again", running.pid());
      return running;
    }
    if (running != null) {
      LOG.warn("PostgreSQL process {} outlived its owner and is stopped first", running.pid());
      stop(running, "INT");
    }
    Postmaster.forgetStale(data);
    rotateLog();
    return launch();
  }

  /** Fast shutdown ({@code INT}) or at once ({@code QUIT}); harder when that takes too long. */
  void stop(Postmaster postmaster, String signal) {
    postmaster.signal(signal);
    if (postmaster.ended(FAST_STOP_MAX)) {
      return;
    }
    LOG.warn("PostgreSQL did not stop within {}: stopped hard; nothing is lost", FAST_STOP_MAX);
    postmaster.signal("QUIT");
    if (!postmaster.ended(HARD_STOP_MAX)) {
      postmaster.kill();
      postmaster.ended(HARD_STOP_MAX);
    }
  }

  private boolean adoptable(Postmaster running) throws IOException {
    var configuration = Files.readString(data.resolve("postgresql.conf"));
    return running.isReady()
        && running.runs(command.program("postgres"))
        && configuration.equals(PostgresSettings.text(running.port(), connectionsMax));
  }

  private Postmaster launch() throws IOException {
    long giveUp = System.nanoTime() + SILENCE_MAX.toNanos();
    while (true) {
      long from = Files.exists(log) ? Files.size(log) : 0;
      Files.writeString(
          data.resolve("postgresql.conf"), PostgresSettings.text(freePort(), connectionsMax));
      var process = command.start(log, "postgres", "-D", data.toString());
      var postmaster = awaitReady(process);
      if (postmaster != null) {
        return postmaster;
      }
      var said = log(from);
      if (PASSING.stream().noneMatch(said::contains) || System.nanoTime() > giveUp) {
        throw new PostgresFailure("PostgreSQL does not start; " + log + " ends with:\n" + said);
      }
      Pause.of(LOOK_EVERY.multipliedBy(10));
    }
  }

  /** The ready server, or null if the process has ended. */
  private Postmaster awaitReady(Process process) throws IOException {
    long size = 0;
    long deadline = System.nanoTime() + SILENCE_MAX.toNanos();
    while (process.isAlive()) {
      var postmaster = Postmaster.of(data).filter(Postmaster::isReady);
      if (postmaster.isPresent()) {
        return postmaster.get();
      }
      if (Files.size(log) > size) { // A recovery that goes on says so every few seconds.
        size = Files.size(log);
        deadline = System.nanoTime() + SILENCE_MAX.toNanos();
      }
      if (System.nanoTime() > deadline) {
        process.destroyForcibly();
        throw new PostgresFailure(
            "PostgreSQL said nothing for " + SILENCE_MAX + "; " + log + " ends with:\n" + log(0));
      }
      Pause.of(LOOK_EVERY);
    }
    return null;
  }

  /** The port of the last time if nobody has taken it, so that what connected before still can. */
  private int freePort() throws IOException {
    var file = data.resolve("postgresql.conf");
    var before =
        Files.exists(file) ? PostgresSettings.port(Files.readString(file)) : OptionalInt.empty();
    return before.isPresent() && LoopbackPorts.isFree(before.getAsInt())
        ? before.getAsInt()
        : LoopbackPorts.free();
  }

  private void rotateLog() throws IOException {
    if (Files.exists(log) && Files.size(log) > LOG_MAX_BYTES) {
      Files.move(log, log.resolveSibling("postgres.log.1"), StandardCopyOption.REPLACE_EXISTING);
    }
  }

  /** The end of the log, but nothing before {@code from}. */
  private String log(long from) throws IOException {
    try (var channel = FileChannel.open(log)) {
      channel.position(Math.max(from, channel.size() - TAIL_BYTES));
      var bytes = ByteBuffer.allocate(TAIL_BYTES);
      while (bytes.hasRemaining() && channel.read(bytes) > 0) {
        // Reads on.
      }
      return new String(bytes.array(), 0, bytes.position(), StandardCharsets.UTF_8).strip();
    }
  }
}
