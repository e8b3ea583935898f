package flashsale.orders;

import static org.assertj.core.api.Assertions.assertThat;

import flashsale.contracts.Fact.OrderPaid;
import flashsale.contracts.Fact.StockSold;
import flashsale.contracts.Line;
import flashsale.contracts.OrderIds;
import flashsale.contracts.OrderState;
import flashsale.platform.persistence.Database;
import flashsale.platform.persistence.Migrations;
import flashsale.platform.persistence.TestPostgres;
import java.sql.SQLException;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.Test;

/** A shop that was running before is running after: its orders are intact and go on. */
class MigrationTest {
  private static final Instant NOON = Instant.parse("2026-11-27T12:00:00Z");
  private static final UUID RESERVATION = new UUID(2, 1);
  private static final UUID CUSTOMER = new UUID(4, 1);

  private static final String ROW_OF_V1 =
      """
      INSERT INTO orders (reservation_id, customer_id, state, lines, total_minor, currency,
                          fingerprint, placed_at, expires_at, changed_at)
      VALUES ('00000000-0000-0002-0000-000000000001', '00000000-0000-0004-0000-000000000001',
              'PENDING_PAYMENT',
              '[{"quantity": 2, "offerId": "00000000-0000-0005-0000-000000000001",
                 "unitPriceMinor": 1999}]',
              3998, 'EUR', 'print', '2026-11-27T12:00Z', '2026-11-27T12:10Z', '2026-11-27T12:00Z');
      """;

  @Test
  void theOrdersOfTheFirstVersionGoOn() throws SQLException {
    var settings = TestPostgres.settings("orders");
    Migrations.to(settings, "1");
    try (var connection = TestPostgres.connect(settings);
        var statement = connection.createStatement()) {
      statement.execute(ROW_OF_V1);
    }
    try (var database = Database.open(settings)) {
      var book = new OrderBook(database, InstantSource.fixed(NOON));
      var id = OrderIds.of(RESERVATION);
      var order = book.order(id).orElseThrow();
      assertThat(order.lines()).containsExactly(new Line(new UUID(5, 1), 2, 1999));
      assertThat(order.totalMinor()).isEqualTo(3998);
      var sold = new StockSold(RESERVATION, CUSTOMER, id, new UUID(6, 1), NOON);
      assertThat(book.apply(List.of(sold))).singleElement().isInstanceOf(OrderPaid.class);
      assertThat(book.order(id).orElseThrow().state()).isEqualTo(OrderState.PAID);
    }
  }
}
