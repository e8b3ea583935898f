package flashsale.payments;

import static org.assertj.core.api.Assertions.assertThat;

import flashsale.contracts.AuditRow;
import flashsale.contracts.Fact;
import flashsale.contracts.PaymentState;
import flashsale.platform.messaging.Changes;
import flashsale.platform.messaging.Envelopes;
import flashsale.platform.messaging.Outbox;
import flashsale.platform.persistence.Database;
import flashsale.platform.persistence.Migrations;
import flashsale.platform.persistence.TestPostgres;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import org.junit.jupiter.api.Test;

/** A shop that was running before is running after: its rows are intact, defaults are right. */
class MigrationTest {
  private static final Instant NOON = Instant.parse("2026-11-27T12:00:00Z");
  private static final UUID ORDER = new UUID(1, 1);
  private static final UUID RESERVATION = new UUID(2, 1);
  private static final UUID DECLINED = new UUID(3, 1);
  private static final UUID OPEN = new UUID(3, 2);

  private static final String ROWS_OF_V1 =
      """
      INSERT INTO payment (payment_id, order_id, reservation_id, customer_id, amount_minor,
                           currency, method, state, decline_reason, fingerprint, requested_at,
                           changed_at, next_look_at)
      SELECT id, '00000000-0000-0001-0000-000000000001', '00000000-0000-0002-0000-000000000001',
             '00000000-0000-0004-0000-000000000001', 3998, 'EUR', 'tok_ok', state, reason, 'print',
             '2026-11-27T12:00Z', '2026-11-27T12:00Z', look
      FROM (VALUES
        ('00000000-0000-0003-0000-000000000001'::uuid, 'DECLINED', 'NOT_CHARGED', null),
        ('00000000-0000-0003-0000-000000000002', 'UNKNOWN', null, '2026-11-27T12:00Z'::timestamptz))
        AS n (id, state, reason, look);
      """;

  @Test
  void thePaymentsOfTheFirstVersionGoOn() throws SQLException {
    var settings = TestPostgres.settings("payments");
    Migrations.to(settings, "1");
    try (var connection = TestPostgres.connect(settings);
        var statement = connection.createStatement()) {
      statement.execute(ROWS_OF_V1);
    }
    try (var database = Database.open(settings)) {
      var book =
          new PaymentBook(
              database,
              new Outbox(database),
              new Envelopes<>(Fact.TYPES),
              new Changes(1),
              new MovableClock(NOON),
              PaymentDesk.Settings.defaults());
      assertThat(book.after(Optional.empty(), 10))
          .containsExactlyInAnyOrder(
              audited(DECLINED, PaymentState.DECLINED, false),
              audited(OPEN, PaymentState.UNKNOWN, false));
      assertThat(book.takeDueStrays()).isEmpty();
      assertThat(book.takeDue()).extracting(PaymentRow::paymentId).containsExactly(OPEN);
      book.settle(List.of(new Settlement.Captured(DECLINED, "late")), Duration.ZERO);
      assertThat(book.after(Optional.empty(), 10))
          .contains(audited(DECLINED, PaymentState.DECLINED, true));
    }
  }

  private static AuditRow.Payment audited(UUID paymentId, PaymentState state, boolean strayOut) {
    return new AuditRow.Payment(paymentId, ORDER, RESERVATION, 3998, state, strayOut, NOON);
  }
}
