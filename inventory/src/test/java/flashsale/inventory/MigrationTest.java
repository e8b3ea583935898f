package flashsale.inventory;

import static org.assertj.core.api.Assertions.assertThat;

import flashsale.contracts.AuditRow;
import flashsale.contracts.HoldState;
import flashsale.contracts.Line;
import flashsale.contracts.Stock;
import flashsale.platform.messaging.Outbox;
import flashsale.platform.persistence.Database;
import flashsale.platform.persistence.Migrations;
import flashsale.platform.persistence.TestPostgres;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import org.junit.jupiter.api.Test;

/** A shop that was running before is running after: its rows are intact, defaults are right. */
class MigrationTest {
  private static final Instant NOON = Instant.parse("2026-11-27T12:00:00Z");
  private static final UUID LIMITED = new UUID(1, 1);
  private static final UUID UNLIMITED = new UUID(1, 2);
  private static final UUID SALE = new UUID(2, 1);
  private static final UUID HELD = new UUID(3, 1);
  private static final UUID CUSTOMER = new UUID(4, 1);

  private static final String ROWS_OF_V1 =
      """
      INSERT INTO sale_window VALUES
        ('00000000-0000-0002-0000-000000000001', 'OPEN', '2026-11-27T11:00Z', '2026-11-27T13:00Z',
         600, 1);
      INSERT INTO stock VALUES
        ('00000000-0000-0001-0000-000000000001', '00000000-0000-0002-0000-000000000001',
         10, 8, 2, 0, 3, 1, 7),
        ('00000000-0000-0001-0000-000000000002', '00000000-0000-0002-0000-000000000001',
         5, 5, 0, 0, 0, 1, 1);
      INSERT INTO hold (reservation_id, customer_id, held_at, expires_at, changed_at, state,
                        offer_ids, quantities, unit_prices, currency, fingerprint) VALUES
        ('00000000-0000-0003-0000-000000000001', '00000000-0000-0004-0000-000000000001',
         '2026-11-27T12:00Z', '2026-11-27T12:10Z', '2026-11-27T12:00Z', 'HELD',
         '{00000000-0000-0001-0000-000000000001}', '{2}', '{1999}', 'EUR', 'print');
      INSERT INTO allotment VALUES
        ('00000000-0000-0001-0000-000000000001', '00000000-0000-0004-0000-000000000001', 2);
      """;

  @Test
  void theLedgerOfTheFirstVersionGoesOn() throws SQLException {
    var settings = TestPostgres.settings("inventory");
    Migrations.to(settings, "1");
    try (var connection = TestPostgres.connect(settings);
        var statement = connection.createStatement()) {
      statement.execute(ROWS_OF_V1);
    }
    var clock = new SettableClock();
    try (var database = Database.open(settings);
        var ledger = new Ledger(database, new Outbox(database), clock, Ledger.Settings.DEFAULT)) {
      var limited = new Stock(LIMITED, SALE, 10, 8, 2, 0, 3, 7);
      var unlimited = new Stock(UNLIMITED, SALE, 5, 5, 0, 0, 0, 1);
      assertThat(ledger.offers())
          .containsExactly(new AuditRow.Offer(limited, 2, 0), new AuditRow.Offer(unlimited, 0, 0));
      assertThat(ledger.holds(Optional.empty(), 10))
          .containsExactly(
              new AuditRow.Hold(
                  HELD,
                  CUSTOMER,
                  List.of(new Line(LIMITED, 2, 1999)),
                  HoldState.HELD,
                  NOON.plus(Duration.ofMinutes(10)),
                  NOON));
      assertThat(ledger.overLimit()).isEmpty();
      assertThat(ledger.miscounted()).isEmpty();
      assertThat(columns(database, "SELECT limit_ceiling FROM stock ORDER BY offer_id"))
          .containsExactly("3", "0");
      assertThat(columns(database, "SELECT coalesce(promised_until, expires_at) FROM hold"))
          .containsExactly(columns(database, "SELECT expires_at FROM hold").getFirst());
    }
  }

  private static List<String> columns(Database database, String sql) {
    return database.with(
        connection -> {
          try (var statement = connection.createStatement();
              var rows = statement.executeQuery(sql)) {
            var found = new ArrayList<String>();
            while (rows.next()) {
              found.add(rows.getString(1));
            }
            return found;
          }
        });
  }
}
