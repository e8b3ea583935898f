package flashsale.platform.persistence;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assumptions.assumeThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.NetworkInterface;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class EmbeddedPostgresTest {
  /** A data directory whose server was stopped; copying it is quicker than making another. */
  @TempDir private static Path stopped;

  @TempDir private Path dataDir;

  @BeforeAll
  static void makeOne() throws SQLException {
    try (var postgres = start(stopped, TestPostgres.CONNECTIONS_MAX)) {
      sql(postgres.database("shop"), "CREATE TABLE sold (id integer PRIMARY KEY)");
    }
  }

  @BeforeEach
  void copyIt() throws IOException {
    try (var files = Files.walk(stopped)) {
      for (var file : files.skip(1).toList()) {
        Files.copy(
            file, dataDir.resolve(stopped.relativize(file)), StandardCopyOption.COPY_ATTRIBUTES);
      }
    }
  }

  @Test
  void whatIsCommittedIsOnTheDisk() throws SQLException {
    try (var postgres = start()) {
      var login = postgres.database("shop");
      for (var setting : List.of("fsync", "full_page_writes", "synchronous_commit")) {
        assertThat(ask(login, "SHOW " + setting)).as(setting).isEqualTo("on");
      }
    }
  }

  @Test
  void textIsUnicodeAndSortsTheSameOnEveryMachine() throws SQLException {
    try (var postgres = start()) {
      var login = postgres.database("shop");
      assertThat(ask(login, "SHOW server_encoding")).isEqualTo("UTF8");
      assertThat(ask(login, "SELECT datlocale FROM pg_database WHERE datname = 'shop'"))
          .isEqualTo("C.UTF-8");
      assertThat(ask(login, "SELECT lower('ÄRGER')")).isEqualTo("ärger");
      assertThat(ask(login, "SHOW timezone")).isNotNull();
    }
  }

  @Test
  void aRestartKeepsDataPortAndPasswords() throws SQLException {
    int port;
    EmbeddedPostgres.Login login;
    try (var postgres = start()) {
      port = postgres.port();
      login = postgres.database("shop");
      sql(login, "INSERT INTO sold VALUES (7)");
    }
    try (var postgres = start()) {
      assertThat(postgres.port()).isEqualTo(port);
      assertThat(postgres.database("shop")).isEqualTo(login);
      assertThat(ask(login, "SELECT id FROM sold")).isEqualTo("7");
    }
  }

  @Test
  void aServerThatOutlivedItsKilledOwnerIsUsedAgain() throws Exception {
    try (var owner = OwnerProcess.of(dataDir, TestPostgres.binaries())) {
      assertThat(owner.says()).startsWith("owns ");
      long orphan = postmaster().pid();
      owner.kill();
      assertThat(postmaster().pid()).isEqualTo(orphan);

      try (var postgres = start()) {
        assertThat(postmaster().pid()).isEqualTo(orphan);
        var login = postgres.database("shop");
        assertThat(ask(login, "SELECT string_agg(id::text, ',') FROM sold")).isEqualTo("1");
        // The lock of the transaction that the killed owner left open is gone with its session.
        sql(login, "INSERT INTO sold VALUES (2)");
      }
      assertThat(Postmaster.of(data())).isEmpty();
    }
  }

  @Test
  void anOrphanWithOtherSettingsIsStoppedBeforeTheNewOneStarts() throws Exception {
    try (var owner = OwnerProcess.of(dataDir, TestPostgres.binaries())) {
      assertThat(owner.says()).startsWith("owns ");
      var orphan = postmaster();
      owner.kill();
      Files.writeString(
          data().resolve("postgresql.conf"), "work_mem = '5MB'\n", StandardOpenOption.APPEND);

      try (var postgres = start()) {
        assertThat(postmaster().pid()).isNotEqualTo(orphan.pid());
        assertThat(orphan.lives()).isFalse();
        assertThat(ask(postgres.database("shop"), "SELECT id FROM sold")).isEqualTo("1");
        assertThat(ask(postgres.database("shop"), "SHOW work_mem")).isEqualTo("8MB");
      }
    }
  }

  @Test
  void aKilledServerRecoversWhatWasCommitted() throws Exception {
    try (var postgres = start()) {
      sql(postgres.database("shop"), "INSERT INTO sold VALUES (3)");
      postmaster().signal("KILL");
      await().until(() -> !postgres.isRunning());
    }
    try (var postgres = start()) {
      assertThat(ask(postgres.database("shop"), "SELECT id FROM sold")).isEqualTo("3");
    }
  }

  @Test
  void aSecondOwnerOfTheSameDirectoryIsRefused() throws Exception {
    try (var postgres = start()) {
      assertThatThrownBy(this::start)
          .isInstanceOf(PostgresFailure.class)
          .hasMessageContaining(dataDir + " is in use by this process");
      // The refused attempt must not have taken the first one's lock away.
      try (var other = OwnerProcess.of(dataDir, TestPostgres.binaries())) {
        assertThat(other.says())
            .contains("is in use by process " + ProcessHandle.current().pid() + ": stop it first");
      }
      assertThat(postgres.isRunning()).isTrue();
    }
    start().close();
  }

  @Test
  void asManyConnectionsAsAskedForAreTaken() throws SQLException {
    try (var postgres = start(dataDir, 321)) {
      assertThat(ask(postgres.database("shop"), "SHOW max_connections")).isEqualTo("321");
    }
  }

  @Test
  void aPidFileThatNamesAnotherProcessIsHarmless() throws IOException {
    var lines =
        "%d%n%s%n1700000000%n5432%n%n127.0.0.1%n 1234 5%nready%n"
            .formatted(ProcessHandle.current().pid(), data());
    Files.writeString(data().resolve("postmaster.pid"), lines);
    try (var postgres = start()) {
      assertThat(postgres.isRunning()).isTrue();
    }
  }

  @Test
  void anotherPortIsTakenWhenTheOldOneIsNotFree() throws IOException {
    var configuration = Files.readString(data().resolve("postgresql.conf"));
    int port = PostgresSettings.port(configuration).orElseThrow();
    try (var taken = new ServerSocket()) {
      taken.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), port));
      try (var postgres = start()) {
        assertThat(postgres.port()).isNotEqualTo(port);
      }
    }
  }

  @Test
  void aDirectoryThatWasHalfMadeIsMadeAgain(@TempDir Path empty) throws IOException {
    var half = Files.createDirectories(empty.resolve("postgres").resolve("data.unfinished"));
    Files.writeString(half.resolve("PG_VERSION"), "18\n");
    try (var postgres = start(empty, TestPostgres.CONNECTIONS_MAX)) {
      assertThat(postgres.isRunning()).isTrue();
      assertThat(half).doesNotExist();
    }
  }

  @Test
  void aFailedStartTellsWhatTheServerSaid() throws IOException {
    Files.delete(data().resolve("global").resolve("pg_control"));
    assertThatThrownBy(this::start)
        .isInstanceOf(PostgresFailure.class)
        .hasMessageContaining("postgres.log ends with")
        .hasMessageContaining("pg_control");
  }

  @Test
  void stoppingDoesNotWaitForClients() throws SQLException {
    var postgres = start();
    try (var client = connect(postgres.database("shop"))) {
      client.setAutoCommit(false);
      try (var statement = client.createStatement()) {
        statement.execute("INSERT INTO sold VALUES (8)");
      }
      postgres.close();
      assertThat(postgres.isRunning()).isFalse();
    }
    postgres.close();
  }

  @Test
  void passwordsAreForTheirOwnerOnly() throws IOException {
    try (var postgres = start()) {
      postgres.database("shop");
      var folder = dataDir.resolve("postgres");
      assertThat(mode(folder)).isEqualTo("rwx------");
      assertThat(mode(folder.resolve("password"))).isEqualTo("rw-------");
      assertThat(mode(folder.resolve("roles").resolve("shop"))).isEqualTo("rw-------");
      assertThat(Files.readString(folder.resolve("postgres.log")))
          .doesNotContain(Files.readString(folder.resolve("roles").resolve("shop")));
    }
  }

  @Test
  void nobodyComesInWithoutTheRightPassword() {
    try (var postgres = start()) {
      var url = postgres.database("shop").url();
      for (var user : List.of("shop", "postgres")) {
        assertThatThrownBy(() -> DriverManager.getConnection(url, user, "wrong"))
            .isInstanceOf(SQLException.class)
            .hasMessageContaining("password authentication failed");
        assertThatThrownBy(() -> DriverManager.getConnection(url, user, ""))
            .isInstanceOf(SQLException.class);
      }
    }
  }

  @Test
  void aRoleReachesItsOwnDatabaseOnly() throws SQLException {
    try (var postgres = start()) {
      var shop = postgres.database("shop");
      var other = postgres.database("other");
      for (var database : List.of("other", "postgres", "template1")) {
        var url = shop.url().replace("/shop", "/" + database);
        assertThatThrownBy(() -> DriverManager.getConnection(url, shop.user(), shop.password()))
            .hasMessageContaining("permission denied for database");
      }
      assertThat(other.password()).isNotEqualTo(shop.password());
      assertThat(
              ask(
                  shop,
                  "SELECT rolsuper OR rolcreatedb OR rolcreaterole FROM pg_roles WHERE rolname = 'shop'"))
          .isEqualTo("f");
    }
  }

  @Test
  void whoRunsBesideTheOwnerFindsTheDatabasesThatAreThere() throws SQLException {
    assertThat(EmbeddedPostgres.running(dataDir, "shop")).as("not running").isEmpty();
    try (var postgres = start()) {
      assertThat(EmbeddedPostgres.running(dataDir, "shop")).contains(postgres.database("shop"));
      assertThat(EmbeddedPostgres.running(dataDir, "unheard_of")).isEmpty();
      assertThat(EmbeddedPostgres.running(dataDir, "../password")).isEmpty();
    }
  }

  @Test
  void aNameThatIsNoIdentifierIsRefused() {
    try (var postgres = start()) {
      for (var name : List.of("", "Shop", "a b", "x; DROP DATABASE shop", "a\"", "ü")) {
        assertThatThrownBy(() -> postgres.database(name))
            .isInstanceOf(IllegalArgumentException.class);
      }
    }
  }

  @Test
  void itListensOnLoopbackOnly() throws Exception {
    try (var postgres = start()) {
      assertThat(Path.of("/tmp/.s.PGSQL." + postgres.port())).doesNotExist();
      assertThat(ask(postgres.database("shop"), "SHOW listen_addresses")).isEqualTo("127.0.0.1");
      for (var network : NetworkInterface.networkInterfaces().toList()) {
        for (var address : network.inetAddresses().filter(a -> !a.isLoopbackAddress()).toList()) {
          assertThatThrownBy(
                  () -> {
                    try (var socket = new Socket()) {
                      socket.connect(new InetSocketAddress(address, postgres.port()), 1000);
                    }
                  })
              .as(address.toString())
              .isInstanceOf(IOException.class);
        }
      }
    }
  }

  @Test
  void ctrlCInTheTerminalDoesNotReachTheServer() throws IOException {
    assumeThat(Path.of("/usr/bin/setsid")).exists();
    try (var _ = start()) {
      long pid = postmaster().pid();
      var stat = Files.readString(Path.of("/proc", Long.toString(pid), "stat"));
      var afterName = stat.substring(stat.lastIndexOf(')') + 2).split(" ", -1);
      assertThat(afterName[3]).as("session").isEqualTo(Long.toString(pid));
    }
  }

  @Test
  void rootStartsItWithoutRootsPowers() throws IOException {
    assumeThat(PostgresCommand.isRoot()).isTrue();
    try (var _ = start()) {
      var process = Path.of("/proc", Long.toString(postmaster().pid()));
      assertThat(Files.readSymbolicLink(process.resolve("ns/user")))
          .isNotEqualTo(Files.readSymbolicLink(Path.of("/proc/self/ns/user")));
      assertThat(Files.readAllLines(process.resolve("status")))
          .anyMatch(line -> line.matches("CapEff:\\s+0+"));
    }
  }

  @Test
  void anOrdinaryUserStartsItToo(@TempDir Path open) throws Exception {
    assumeThat(PostgresCommand.isRoot()).as("else every other test here shows it").isTrue();
    assumeThat(Path.of("/usr/bin/setpriv")).exists();
    Files.setPosixFilePermissions(open, PosixFilePermissions.fromString("rwxr-xr-x"));
    var home = Files.createDirectory(open.resolve("home"));
    Files.setOwner(
        home, home.getFileSystem().getUserPrincipalLookupService().lookupPrincipalByName("nobody"));
    var asNobody = List.of("setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups");
    var binaries = home.resolve("binaries");
    try (var owner = new OwnerProcess(asNobody, copyOfClassPath(open), home, binaries)) {
      assertThat(owner.says()).startsWith("owns ");
      assertThat(Files.getOwner(home.resolve("postgres/data/PG_VERSION")).getName())
          .isEqualTo("nobody");
      assertThat(owner.end()).isZero();
      assertThat(home.resolve("postgres/data/postmaster.pid")).doesNotExist();
    }
  }

  @Test
  void rootWithoutUserNamespacesIsToldWhatToDo(@TempDir Path path) throws IOException {
    assertThatThrownBy(() -> PostgresCommand.in(path, true, path.toString()))
        .isInstanceOf(PostgresFailure.class)
        .hasMessageContaining("'unshare' is missing")
        .hasMessageContaining("database.url");

    var unshare = path.resolve("unshare");
    Files.writeString(unshare, "#!/bin/sh\necho unshare failed: Operation not permitted\nexit 1\n");
    Files.setPosixFilePermissions(unshare, PosixFilePermissions.fromString("rwxr-xr-x"));
    assertThatThrownBy(() -> PostgresCommand.in(path, true, path.toString()))
        .isInstanceOf(PostgresFailure.class)
        .hasMessageContaining("user namespaces are not allowed here: unshare failed")
        .hasMessageContaining("ordinary user");
  }

  private EmbeddedPostgres start() {
    return start(dataDir, TestPostgres.CONNECTIONS_MAX);
  }

  private static EmbeddedPostgres start(Path dataDir, int connectionsMax) {
    return EmbeddedPostgres.start(dataDir, TestPostgres.binaries(), connectionsMax);
  }

  private Path data() throws IOException {
    return dataDir.toRealPath().resolve("postgres").resolve("data");
  }

  private Postmaster postmaster() throws IOException {
    return Postmaster.of(data()).orElseThrow();
  }

  /** The class path of this test may lie where other users cannot read. */
  private static String copyOfClassPath(Path open) throws IOException {
    var copy = Files.createDirectory(open.resolve("classes"));
    var entries = new ArrayList<String>();
    for (var entry : OwnerProcess.classPathEntries()) {
      var target = copy.resolve(entries.size() + "-" + entry.getFileName());
      entries.add(target.toString());
      if (Files.isRegularFile(entry)) {
        Files.copy(entry, target);
      } else if (Files.isDirectory(entry)) {
        copyFolder(entry, target);
      }
    }
    return String.join(":", entries);
  }

  private static void copyFolder(Path from, Path to) throws IOException {
    try (var files = Files.walk(from)) {
      for (var file : files.toList()) {
        Files.copy(file, to.resolve(from.relativize(file).toString()));
      }
    }
  }

  private static String mode(Path file) throws IOException {
    return PosixFilePermissions.toString(Files.getPosixFilePermissions(file));
  }

  private static Connection connect(EmbeddedPostgres.Login login) throws SQLException {
    return DriverManager.getConnection(login.url(), login.user(), login.password());
  }

  private static void sql(EmbeddedPostgres.Login login, String sql) throws SQLException {
    try (var connection = connect(login);
        var statement = connection.createStatement()) {
      statement.execute(sql);
    }
  }

  private static String ask(EmbeddedPostgres.Login login, String sql) throws SQLException {
    try (var connection = connect(login);
        var statement = connection.createStatement();
        var rows = statement.executeQuery(sql)) {
      return rows.next() ? rows.getString(1) : null;
    }
  }
}
