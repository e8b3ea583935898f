package flashsale.reservations;

import static org.assertj.core.api.Assertions.assertThat;

import flashsale.contracts.Fact.OrderPaid;
import flashsale.contracts.Fact.ReservationSettled;
import flashsale.contracts.Line;
import flashsale.contracts.Refusal;
import flashsale.contracts.ReservationState;
import flashsale.platform.messaging.Changes;
import flashsale.platform.messaging.Outbox;
import flashsale.platform.persistence.Database;
import flashsale.platform.persistence.Migrations;
import flashsale.platform.persistence.TestPostgres;
import java.sql.SQLException;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.Test;

/** A shop that was running before is running after: its reservations are intact and go on. */
class MigrationTest {
  private static final Instant NOON = Instant.parse("2026-11-27T12:00:00Z");
  private static final UUID HELD = new UUID(2, 1);
  private static final UUID REFUSED = new UUID(2, 2);
  private static final UUID CUSTOMER = new UUID(4, 1);
  private static final UUID ORDER = new UUID(6, 1);

  private static final String ROWS_OF_V1 =
      """
      INSERT INTO reservation (reservation_id, customer_id, state, order_id, lines, total_minor,
                               currency, fingerprint, reason, expires_at, changed_at)
      SELECT id, '00000000-0000-0004-0000-000000000001', state, order_id,
             '[{"offerId": "00000000-0000-0005-0000-000000000001", "quantity": 2,
                "unitPriceMinor": 1999}]',
             3998, 'EUR', 'print', reason, '2026-11-27T12:10Z', '2026-11-27T12:00Z'
      FROM (VALUES
        ('00000000-0000-0002-0000-000000000001'::uuid, 'HELD',
         '00000000-0000-0006-0000-000000000001'::uuid, NULL),
        ('00000000-0000-0002-0000-000000000002', 'REFUSED', NULL, 'SOLD_OUT'))
        AS n (id, state, order_id, reason);
      """;

  @Test
  void theReservationsOfTheFirstVersionGoOn() throws SQLException {
    var settings = TestPostgres.settings("reservations");
    Migrations.to(settings, "1");
    try (var connection = TestPostgres.connect(settings);
        var statement = connection.createStatement()) {
      statement.execute(ROWS_OF_V1);
    }
    try (var database = Database.open(settings)) {
      var outbox = new Outbox(database);
      var book = new ReservationBook(database, outbox, new Changes(1), InstantSource.fixed(NOON));
      var rows = book.find(List.of(HELD, REFUSED));
      assertThat(rows.get(HELD).lines()).containsExactly(new Line(new UUID(5, 1), 2, 1999));
      assertThat(rows.get(REFUSED).reason()).isEqualTo(Refusal.SOLD_OUT);
      assertThat(rows.get(REFUSED).available()).isNull();
      var paid = new OrderPaid(ORDER, HELD, CUSTOMER, new UUID(7, 1), NOON);
      assertThat(book.apply(List.of(paid)))
          .singleElement()
          .extracting(fact -> ((ReservationSettled) fact).state())
          .isEqualTo(ReservationState.CONFIRMED);
    }
  }
}
