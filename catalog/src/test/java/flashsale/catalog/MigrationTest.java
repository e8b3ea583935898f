package flashsale.catalog;

import static org.assertj.core.api.Assertions.assertThat;

import flashsale.platform.persistence.Database;
import flashsale.platform.persistence.TestPostgres;
import java.sql.SQLException;
import java.util.List;
import java.util.Optional;
import org.flywaydb.core.Flyway;
import org.junit.jupiter.api.Test;

/** A database of an older version, with rows in it, brought up to date. */
class MigrationTest {
  private final Database.Settings settings = TestPostgres.settings("catalog");

  @Test
  void whatWasForSaleStaysVisibleAndWhatNeverWasDoesNot() throws SQLException {
    migrateTo("1");
    insert("draft", "DRAFT", "2026-11-27T12:00:00Z", "2026-11-27T14:00:00Z");
    insert("scheduled", "SCHEDULED", "2026-11-27T12:00:00Z", "2026-11-27T14:00:00Z");
    insert("open", "OPEN", "2026-11-27T12:00:00Z", "2026-11-27T14:00:00Z");
    insert("paused", "PAUSED", "2026-11-27T12:00:00Z", "2026-11-27T14:00:00Z");
    insert("closed when open", "CLOSED", "2026-11-27T12:00:00Z", "2026-11-27T13:00:00Z");
    insert("closed before", "CLOSED", "2026-11-27T12:00:00Z", "2026-11-27T11:00:00Z");
    try (var database = Database.open(settings)) {
      assertThat(names(database, false))
          .containsExactlyInAnyOrder("scheduled", "open", "paused", "closed when open");
      assertThat(names(database, true)).hasSize(6);
    }
  }

  private void migrateTo(String version) {
    Flyway.configure()
        .dataSource(settings.url(), settings.user(), settings.password())
        .locations("classpath:db/migration/catalog")
        .target(version)
        .load()
        .migrate();
  }

  private void insert(String name, String state, String opensAt, String closesAt)
      throws SQLException {
    try (var connection = TestPostgres.connect(settings);
        var statement =
            connection.prepareStatement(
                """
                INSERT INTO sale (sale_id, name, state, opens_at, closes_at, hold_seconds, version)
                VALUES (gen_random_uuid(), ?, ?, ?::timestamptz, ?::timestamptz, 600, 1)
                """)) {
      statement.setString(1, name);
      statement.setString(2, state);
      statement.setString(3, opensAt);
      statement.setString(4, closesAt);
      statement.executeUpdate();
    }
  }

  private static List<String> names(Database database, boolean withUnpublished) {
    return database
        .with(connection -> SaleRows.page(connection, withUnpublished, Optional.empty(), 100))
        .stream()
        .map(line -> line.sale().name())
        .toList();
  }
}
