package flashsale.platform.persistence;

import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * Another Java process that owns an embedded PostgreSQL, for tests of what happens when it is
 * killed or when it is another user's. It commits one row, leaves a second one in a transaction
 * that stays open, and waits.
 */
final class OwnerProcess implements AutoCloseable {
  private static final int END_MAX_SECONDS = 60;

  private final Process process;
  private final BufferedReader output;

  /**
   * @param before what stands before {@code java}, e.g. to become another user
   */
  OwnerProcess(List<String> before, String classPath, Path dataDir, Path binaries)
      throws IOException {
    var line = new ArrayList<>(before);
    line.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    line.addAll(List.of("-Xmx64m", "-cp", classPath, OwnerProcess.class.getName()));
    line.addAll(List.of(dataDir.toString(), binaries.toString()));
    process = new ProcessBuilder(line).redirectErrorStream(true).start();
    output = process.inputReader(StandardCharsets.UTF_8);
  }

  static OwnerProcess of(Path dataDir, Path binaries) throws IOException {
    return new OwnerProcess(List.of(), classPath(), dataDir, binaries);
  }

  static String classPath() {
    return System.getProperty("surefire.test.class.path", System.getProperty("java.class.path"));
  }

  static List<Path> classPathEntries() {
    return List.of(classPath().split(File.pathSeparator, -1)).stream().map(Path::of).toList();
  }

  /** What it says once the server runs: {@code owns PORT}; or why it does not. */
  String says() throws IOException {
    var said = new StringBuilder();
    for (var line = output.readLine(); line != null; line = output.readLine()) {
      said.append(line).append('\n');
      if (line.startsWith("owns ")) {
        return line;
      }
    }
    return said.toString();
  }

  void kill() throws InterruptedException {
    process.destroyForcibly().waitFor();
  }

  /** Lets it end by itself. */
  int end() throws IOException, InterruptedException {
    process.getOutputStream().close();
    if (!process.waitFor(END_MAX_SECONDS, TimeUnit.SECONDS)) {
      throw new IllegalStateException("it does not end");
    }
    return process.exitValue();
  }

  @Override
  public void close() {
    process.destroyForcibly();
  }

  static void main(String[] args) throws IOException, SQLException {
    try (var postgres =
        EmbeddedPostgres.start(Path.of(args[0]), Path.of(args[1]), TestPostgres.CONNECTIONS_MAX)) {
      var login = postgres.database("shop");
      var connection = DriverManager.getConnection(login.url(), login.user(), login.password());
      try (connection;
          var statement = connection.createStatement()) {
        statement.execute("CREATE TABLE IF NOT EXISTS sold (id integer PRIMARY KEY)");
        statement.execute("INSERT INTO sold VALUES (1)");
        connection.setAutoCommit(false);
        statement.execute("INSERT INTO sold VALUES (2)");
        System.out.println("owns " + postgres.port());
        System.in.read();
      }
    }
  }
}
