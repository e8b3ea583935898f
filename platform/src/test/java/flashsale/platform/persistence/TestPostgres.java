package flashsale.platform.persistence;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * The tests' PostgreSQL: one server per test JVM, started at first use, durable like the real one,
 * gone with the JVM. Every database that is asked for is new and empty, so tests do not see each
 * other. Thread-safe.
 */
public final class TestPostgres {
  /** As many as the product's server takes without being told otherwise. */
  static final int CONNECTIONS_MAX = 200;

  private static final int POOL_MAX = 8;
  private static final int WAITING_MAX = 10_000;
  private static final Duration WAIT_MAX = Duration.ofSeconds(30);
  private static final Duration OTHERS_START_MAX = Duration.ofMinutes(2);
  private static final AtomicInteger NUMBER = new AtomicInteger();

  private TestPostgres() {}

  private static final class Server {
    static final EmbeddedPostgres ONE = startOne();
  }

  /** A role's migrated database, new and empty. Close it at the test's end. */
  public static Database open(String role) {
    return Database.open(settings(role));
  }

  /**
   * A new database without any table. {@link Database#open} on the result runs the role's
   * migrations; doing so again is what a restart of the role sees.
   */
  public static Database.Settings settings(String role) {
    var login = Server.ONE.database(role + "_" + NUMBER.incrementAndGet());
    return new Database.Settings(
        role, login.url(), login.user(), login.password(), POOL_MAX, WAITING_MAX, WAIT_MAX);
  }

  /** A plain connection, for tests that look at or prepare a database by hand. */
  public static Connection connect(Database.Settings settings) throws SQLException {
    return DriverManager.getConnection(settings.url(), settings.user(), settings.password());
  }

  /** PostgreSQL's programs, unpacked once per machine, for tests that start servers themselves. */
  public static Path binaries() {
    return root().resolve("binaries");
  }

  /** A folder of this user only: another user could otherwise put programs there. */
  private static Path root() {
    var root =
        Path.of(
            System.getProperty("java.io.tmpdir"),
            "flashsale-test-" + System.getProperty("user.name"));
    var ownOnly = PosixFilePermissions.fromString("rwx------");
    try {
      if (!Files.exists(root)) {
        Files.createDirectories(root, PosixFilePermissions.asFileAttribute(ownOnly));
      }
      var probe = Files.createTempFile(root, "owner", "");
      boolean safe =
          !Files.isSymbolicLink(root)
              && Files.getOwner(root).equals(Files.getOwner(probe))
              && Files.getPosixFilePermissions(root).equals(ownOnly);
      Files.delete(probe);
      if (!safe) {
        throw new IllegalStateException(root + " is open to others: delete it");
      }
      return root.toRealPath();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static EmbeddedPostgres startOne() {
    var root = root();
    // Held until the new server has its own lock, so that no other JVM takes it for a left-over.
    try (var _ = FolderLock.await(root, OTHERS_START_MAX)) {
      removeLeftOvers(root);
      var dataDir = Files.createTempDirectory(root, "run-");
      var postgres = EmbeddedPostgres.start(dataDir, binaries(), CONNECTIONS_MAX);
      Runtime.getRuntime().addShutdownHook(new Thread(() -> end(postgres, dataDir)));
      return postgres;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static void end(EmbeddedPostgres postgres, Path dataDir) {
    try {
      postgres.abandon();
      PostgresBinaries.delete(dataDir);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** A run whose lock is free belongs to a JVM that was killed. */
  private static void removeLeftOvers(Path root) throws IOException {
    try (var runs = Files.newDirectoryStream(root, "run-*")) {
      for (var run : runs) {
        var folder = run.resolve("postgres");
        if (!Files.isDirectory(folder)) {
          PostgresBinaries.delete(run);
          continue;
        }
        var lock = FolderLock.tryLock(folder);
        if (lock.isPresent()) {
          try (var _ = lock.get()) {
            Postmaster.of(folder.resolve("data")).ifPresent(TestPostgres::endLeftOver);
            PostgresBinaries.delete(run);
          }
        }
      }
    }
  }

  private static void endLeftOver(Postmaster postmaster) {
    postmaster.signal("QUIT");
    postmaster.ended(Duration.ofSeconds(10));
  }
}
