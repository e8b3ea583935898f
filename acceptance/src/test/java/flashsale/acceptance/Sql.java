package flashsale.acceptance;

import flashsale.platform.persistence.EmbeddedPostgres;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** A role's database beside the running shop, to look into it or to do what only a fault would. */
record Sql(EmbeddedPostgres.Login login) {
  static final List<String> ROLES =
      List.of("users", "catalog", "inventory", "reservations", "orders", "payments", "gateway");

  static Sql of(Path dataDir, String role) {
    return new Sql(EmbeddedPostgres.running(dataDir, role).orElseThrow());
  }

  /** As whom nothing is forbidden to, and in no role's database. */
  static Sql superuser(Path dataDir) throws IOException {
    var url = EmbeddedPostgres.running(dataDir, "orders").orElseThrow().url();
    var password = Files.readString(dataDir.resolve("postgres").resolve("password")).strip();
    return new Sql(
        new EmbeddedPostgres.Login(url.replace("/orders", "/postgres"), "postgres", password));
  }

  /** Rows changed. */
  int update(String sql, Object... values) {
    try (var connection = connect();
        var statement = connection.prepareStatement(sql)) {
      for (int i = 0; i < values.length; i++) {
        statement.setObject(i + 1, values[i]);
      }
      return statement.executeUpdate();
    } catch (SQLException e) {
      throw new IllegalStateException(sql, e);
    }
  }

  /** The first column of the first row. */
  long number(String sql, Object... values) {
    try (var connection = connect();
        var statement = connection.prepareStatement(sql)) {
      for (int i = 0; i < values.length; i++) {
        statement.setObject(i + 1, values[i]);
      }
      try (var rows = statement.executeQuery()) {
        rows.next();
        return rows.getLong(1);
      }
    } catch (SQLException e) {
      throw new IllegalStateException(sql, e);
    }
  }

  /** The first column of each row. */
  List<String> texts(String sql, Object... values) {
    try (var connection = connect();
        var statement = connection.prepareStatement(sql)) {
      for (int i = 0; i < values.length; i++) {
        statement.setObject(i + 1, values[i]);
      }
      var texts = new ArrayList<String>();
      try (var rows = statement.executeQuery()) {
        while (rows.next()) {
          texts.add(rows.getString(1));
        }
      }
      return texts;
    } catch (SQLException e) {
      throw new IllegalStateException(sql, e);
    }
  }

  Connection connect() throws SQLException {
    return DriverManager.getConnection(login.url(), login.user(), login.password());
  }

  /** A digest of all rows of each table: the same if and only if nothing in it has changed. */
  Map<String, String> digests() {
    try (var connection = connect();
        var statement = connection.createStatement()) {
      var digests = new TreeMap<String, String>();
      for (var table : tables(connection)) {
        var digest =
            "SELECT md5(string_agg(t::text, E'\\n' ORDER BY t::text)) FROM \"" + table + "\" t";
        try (var rows = statement.executeQuery(digest)) {
          rows.next();
          digests.put(login.user() + "." + table, String.valueOf(rows.getString(1)));
        }
      }
      return digests;
    } catch (SQLException e) {
      throw new IllegalStateException(e);
    }
  }

  private static List<String> tables(Connection connection) throws SQLException {
    var tables = new ArrayList<String>();
    try (var names =
        connection.getMetaData().getTables(null, "public", "%", new String[] {"TABLE"})) {
      while (names.next()) {
        tables.add(names.getString("TABLE_NAME"));
      }
    }
    return tables;
  }
}
