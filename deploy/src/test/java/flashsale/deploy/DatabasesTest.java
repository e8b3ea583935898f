package flashsale.deploy;

import static flashsale.deploy.DeployFiles.DEPLOY;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import flashsale.platform.persistence.EmbeddedPostgres;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** deploy/postgres/role.sql on a real PostgreSQL: each role owns its database and sees no other. */
class DatabasesTest {
  private static final int CONNECTIONS_MAX = 20;

  @TempDir private Path folder;

  @Test
  void aRoleHasItsDatabaseAndRightsOnNothingElse() throws SQLException {
    try (var postgres = EmbeddedPostgres.start(folder, CONNECTIONS_MAX)) {
      var superuser = DeployFiles.text(folder.resolve("postgres/password")).strip();
      try (var admin = connect(postgres, "postgres", "postgres", superuser)) {
        for (int run = 1; run <= 2; run++) { // It may be run again.
          make(admin, "orders", "orders' secret", "orders");
          make(admin, "payments", "payments' secret", "payments");
          make(admin, "payments", "payments' secret", "gateway");
        }
      }
      for (var own : List.of("payments", "gateway")) {
        try (var connection = connect(postgres, own, "payments", "payments' secret");
            var statement = connection.createStatement()) {
          statement.execute("CREATE SCHEMA IF NOT EXISTS facts");
          statement.execute("CREATE TABLE IF NOT EXISTS public.rows (id int)");
        }
      }
      for (var other : List.of("orders", "postgres", "template1")) {
        assertThatThrownBy(() -> connect(postgres, other, "payments", "payments' secret").close())
            .hasMessageContaining("permission denied for database");
      }
      assertThatThrownBy(() -> connect(postgres, "orders", "orders", "another").close())
          .hasMessageContaining("password authentication failed");
    }
  }

  private static Connection connect(
      EmbeddedPostgres postgres, String database, String user, String password)
      throws SQLException {
    var url =
        "jdbc:postgresql://127.0.0.1:%d/%s?sslmode=disable".formatted(postgres.port(), database);
    return DriverManager.getConnection(url, user, password);
  }

  /** What psql would send for the script. */
  private static void make(Connection admin, String role, String password, String database)
      throws SQLException {
    var script = DeployFiles.text(DEPLOY.resolve("postgres/role.sql"));
    script = script.replaceAll("(?m)^(--|\\\\getenv).*\n", "");
    for (var value : Map.of("role", role, "password", password, "database", database).entrySet()) {
      script =
          script
              .replace(":'" + value.getKey() + "'", "'" + value.getValue().replace("'", "''") + "'")
              .replace(":\"" + value.getKey() + "\"", "\"" + value.getValue() + "\"");
    }
    assertThat(script).doesNotContain(":'", ":\"");
    for (var sql : script.split("(?<=\\\\gexec)|;", -1)) {
      if (sql.contains("\\gexec")) {
        for (var answer : answers(admin, sql.replace("\\gexec", ""))) {
          execute(admin, answer);
        }
      } else if (!sql.isBlank()) {
        execute(admin, sql);
      }
    }
  }

  private static List<String> answers(Connection admin, String sql) throws SQLException {
    try (var statement = admin.createStatement();
        var rows = statement.executeQuery(sql)) {
      var found = new ArrayList<String>();
      while (rows.next()) {
        found.add(rows.getString(1));
      }
      return found;
    }
  }

  private static void execute(Connection admin, String sql) throws SQLException {
    try (var statement = admin.createStatement()) {
      statement.execute(sql);
    }
  }
}
