package flashsale.inventory;

import flashsale.contracts.Fact;
import flashsale.contracts.Fact.HoldOverdue;
import flashsale.contracts.Fact.OfferAllocated;
import flashsale.contracts.Fact.OrderRefunded;
import flashsale.contracts.Fact.PaymentCaptured;
import flashsale.contracts.Fact.PaymentRequested;
import flashsale.contracts.Fact.ReleaseRequested;
import flashsale.contracts.Fact.ReservationRequested;
import flashsale.contracts.Fact.SaleOpened;
import flashsale.contracts.Line;
import flashsale.contracts.Stock;
import flashsale.platform.ids.Ids;
import flashsale.platform.messaging.Outbox;
import flashsale.platform.persistence.Database;
import flashsale.platform.persistence.TestPostgres;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;

/** A ledger on a database of its own, a clock to set, and short ways to say facts. */
final class TestLedger implements AutoCloseable {
  static final int HOLD_SECONDS = 600;
  static final long PRICE = 1_999;

  final Database database = TestPostgres.open("inventory");
  final SettableClock clock = new SettableClock();
  final Outbox outbox = new Outbox(database);
  final Ledger ledger = another();

  /** One more ledger on the same database, as another process would have it. */
  Ledger another() {
    return new Ledger(database, outbox, clock, Ledger.Settings.DEFAULT);
  }

  Fact apply(Fact fact) {
    return ledger.apply(List.of(fact)).getFirst();
  }

  Instant now() {
    return clock.instant();
  }

  /** A sale that is open for a day. */
  UUID openSale() {
    var saleId = Ids.next();
    apply(opened(saleId, HOLD_SECONDS, 1));
    return saleId;
  }

  SaleOpened opened(UUID saleId, int holdSeconds, long version) {
    return new SaleOpened(saleId, now(), now().plus(Duration.ofDays(1)), holdSeconds, version);
  }

  /** An offer of an open sale of its own. */
  UUID offer(int allocated, int limitPerCustomer) {
    return offer(openSale(), allocated, limitPerCustomer);
  }

  UUID offer(UUID saleId, int allocated, int limitPerCustomer) {
    var offerId = Ids.next();
    apply(new OfferAllocated(offerId, saleId, allocated, limitPerCustomer, 1));
    return offerId;
  }

  ReservationRequested request(UUID customerId, Line... lines) {
    return request(Ids.next(), customerId, lines);
  }

  ReservationRequested request(UUID reservationId, UUID customerId, Line... lines) {
    return new ReservationRequested(
        reservationId, customerId, List.of(lines), "EUR", "fingerprint", now());
  }

  static Line line(UUID offerId, int quantity) {
    return new Line(offerId, quantity, PRICE);
  }

  ReleaseRequested release(ReservationRequested of) {
    return new ReleaseRequested(of.reservationId(), of.customerId(), now());
  }

  HoldOverdue overdue(ReservationRequested of) {
    return new HoldOverdue(of.reservationId(), now());
  }

  /** The order's id is the reservation's here. */
  PaymentRequested payment(ReservationRequested of, UUID paymentId) {
    return new PaymentRequested(
        paymentId,
        of.reservationId(),
        of.reservationId(),
        of.customerId(),
        PRICE,
        "EUR",
        "tok_ok",
        now());
  }

  PaymentCaptured captured(ReservationRequested of, UUID paymentId) {
    return new PaymentCaptured(
        paymentId,
        of.reservationId(),
        of.reservationId(),
        of.customerId(),
        PRICE,
        "EUR",
        "ref",
        now());
  }

  OrderRefunded refunded(ReservationRequested of) {
    return new OrderRefunded(of.reservationId(), of.reservationId(), of.customerId(), now());
  }

  /** The offer's figures, straight from its row. */
  Stock stock(UUID offerId) {
    return ledger.offers().stream()
        .map(o -> o.stock())
        .filter(s -> s.offerId().equals(offerId))
        .findFirst()
        .orElseThrow();
  }

  void execute(String sql) {
    database.with(
        connection -> {
          try (var statement = connection.createStatement()) {
            return statement.execute(sql);
          }
        });
  }

  /** What one query says, its columns joined by blanks. */
  List<String> query(String sql) {
    return database.with(
        connection -> {
          try (var statement = connection.createStatement();
              var rows = statement.executeQuery(sql)) {
            return rowsOf(rows);
          }
        });
  }

  private static List<String> rowsOf(java.sql.ResultSet rows) throws SQLException {
    var found = new ArrayList<String>();
    while (rows.next()) {
      var text = new ArrayList<String>();
      for (int i = 1; i <= rows.getMetaData().getColumnCount(); i++) {
        text.add(String.valueOf(rows.getString(i)));
      }
      found.add(String.join(" ", text));
    }
    return found;
  }

  @Override
  public void close() {
    ledger.close();
    database.close();
  }
}
