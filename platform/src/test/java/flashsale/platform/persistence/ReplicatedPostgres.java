package flashsale.platform.persistence;

import static org.awaitility.Awaitility.await;

import flashsale.platform.net.LoopbackPorts;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.time.Duration;
import java.util.List;
import java.util.stream.Stream;

/** A PostgreSQL and its streaming replica, both in a temporary folder on free ports. */
public final class ReplicatedPostgres implements AutoCloseable {
  private static final Duration START_MAX = Duration.ofSeconds(60);
  private static final String USER = "postgres";

  private final Path folder;
  private final PostgresCommand command;
  private final Node primary;
  private final Node replica;

  /** One of the two. */
  private final class Node {
    private final Path data;
    private final int port = LoopbackPorts.free();

    Node(String name) {
      this.data = folder.resolve(name);
    }

    String url(String database) {
      return "jdbc:postgresql://127.0.0.1:" + port + "/" + database;
    }

    void start(String more) {
      write(
          data.resolve("postgresql.conf"),
          """
          listen_addresses = '127.0.0.1'
          port = %d
          unix_socket_directories = ''
          max_connections = 300
          """
                  .formatted(port)
              + more);
      command.start(folder.resolve(data.getFileName() + ".log"), "postgres", "-D", data.toString());
      await().atMost(START_MAX).until(this::answers);
    }

    private boolean answers() {
      try (var connection = DriverManager.getConnection(url(USER), USER, "")) {
        return connection.isValid(1);
      } catch (SQLException e) {
        return false;
      }
    }

    void signal(String name) {
      Postmaster.of(data).ifPresent(postmaster -> postmaster.signal(name));
    }

    /** Its children too. */
    void signalAll(String name) {
      for (var pid : pids()) {
        PostgresCommand.run(
            List.of("/bin/sh", "-c", "kill -s " + name + " " + pid), Duration.ofSeconds(10));
      }
    }

    private List<Long> pids() {
      try {
        var parent =
            Long.parseLong(Files.readAllLines(data.resolve("postmaster.pid")).getFirst().strip());
        var handle = ProcessHandle.of(parent).orElseThrow();
        return Stream.concat(Stream.of(parent), handle.descendants().map(ProcessHandle::pid))
            .toList();
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }

    void stop() {
      Postmaster.of(data)
          .ifPresent(
              postmaster -> {
                postmaster.signal("CONT");
                postmaster.signal("QUIT");
                postmaster.ended(START_MAX);
              });
    }
  }

  public ReplicatedPostgres() {
    try {
      folder = Files.createTempDirectory("flashsale-replicated-").toRealPath();
      command =
          PostgresCommand.in(
              PostgresBinaries.unpacked(TestPostgres.binaries()),
              PostgresCommand.isRoot(),
              PostgresCommand.searchPath());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    primary = new Node("primary");
    replica = new Node("replica");
    var made = command.run("initdb", "--pgdata=" + primary.data, "--username=" + USER);
    if (made.status() != 0) {
      throw new IllegalStateException(made.output());
    }
    write(
        primary.data.resolve("pg_hba.conf"),
        """
        host all         all 127.0.0.1/32 trust
        host replication all 127.0.0.1/32 trust
        """);
    // A copy of a server that is not running is a base backup.
    var copied =
        PostgresCommand.run(
            List.of("cp", "-a", primary.data.toString(), replica.data.toString()), START_MAX);
    if (copied.status() != 0) {
      throw new IllegalStateException(copied.output());
    }
    primary.start("");
    startReplica();
  }

  /** Starts the replica, on what it has. */
  public void startReplica() {
    write(replica.data.resolve("standby.signal"), "");
    replica.start(
        "primary_conninfo = 'host=127.0.0.1 port=%d user=%s'\n".formatted(primary.port, USER));
  }

  /** Makes a database on both. */
  public void create(String database) {
    run("CREATE DATABASE " + database);
    await().atMost(START_MAX).until(() -> answersAtReplica(database));
  }

  private boolean answersAtReplica(String database) {
    try (var connection = DriverManager.getConnection(replica.url(database), USER, "")) {
      return connection.isValid(1);
    } catch (SQLException e) {
      return false;
    }
  }

  /** How a database is opened that is read at the replica. */
  public Database.Settings settings(String database) {
    return new Database.Settings(
        database,
        primary.url(database),
        USER,
        "none",
        16,
        512,
        Duration.ofSeconds(5),
        Database.Flush.AT_COMMIT,
        replica.url(database));
  }

  /** JDBC addresses with the name's place, as settings take them. */
  public String primaryUrl() {
    return primary.url("{role}");
  }

  public String replicaUrl() {
    return replica.url("{role}");
  }

  /** The replica receives and does not replay. */
  public void pauseReplay() {
    runAtReplica("SELECT pg_wal_replay_pause()");
  }

  public void resumeReplay() {
    runAtReplica("SELECT pg_wal_replay_resume()");
  }

  /** The replica takes writes from now on. */
  public void promote() {
    runAtReplica("SELECT pg_promote()");
  }

  /** All of the replica's processes hang, or go on. */
  public void hang(boolean hangs) {
    replica.signalAll(hangs ? "STOP" : "CONT");
  }

  public void killReplica() {
    replica.signal("QUIT");
    await().atMost(START_MAX).until(() -> Postmaster.of(replica.data).isEmpty());
  }

  /** Runs a statement on the primary. */
  public void run(String sql) {
    run(primary, sql);
  }

  private void runAtReplica(String sql) {
    run(replica, sql);
  }

  private static void run(Node node, String sql) {
    try (Connection connection = DriverManager.getConnection(node.url(USER), USER, "");
        var statement = connection.createStatement()) {
      statement.execute(sql);
    } catch (SQLException e) {
      throw new IllegalStateException(sql, e);
    }
  }

  private static void write(Path file, String text) {
    try {
      Files.writeString(file, text);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public void close() {
    replica.stop();
    primary.stop();
    try {
      PostgresBinaries.delete(folder);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
