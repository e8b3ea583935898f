package flashsale.inventory;

import flashsale.contracts.HoldState;
import flashsale.contracts.Line;
import flashsale.contracts.Refusal;
import flashsale.contracts.SaleState;
import flashsale.contracts.SaleWindow;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;

/** The ledger's rows as records, and the columns to select for them. */
final class Rows {
  static final String OFFER =
      "offer_id, sale_id, allocated, available, held, sold, limit_per_customer, limit_ceiling, "
          + "version, revision";

  static final String WINDOW = "sale_id, state, opens_at, closes_at, hold_seconds, version";

  static final String HOLD =
      """
      reservation_id, customer_id, held_at, promised_until, expires_at, changed_at, state, offer_ids, quantities, \
      unit_prices, currency, fingerprint, reason, refused_offer, refused_available, order_id, \
      payment_id, sold_at""";

  private Rows() {}

  static OfferStock offer(ResultSet row) throws SQLException {
    return new OfferStock(
        uuid(row, "offer_id"),
        uuid(row, "sale_id"),
        row.getInt("allocated"),
        row.getInt("available"),
        row.getInt("held"),
        row.getInt("sold"),
        row.getInt("limit_per_customer"),
        row.getInt("limit_ceiling"),
        row.getLong("version"),
        row.getLong("revision"));
  }

  static SaleWindow window(ResultSet row) throws SQLException {
    return new SaleWindow(
        uuid(row, "sale_id"),
        SaleState.valueOf(row.getString("state")),
        time(row, "opens_at"),
        time(row, "closes_at"),
        row.getInt("hold_seconds"),
        row.getLong("version"));
  }

  static Hold hold(ResultSet row) throws SQLException {
    var expiresAt = time(row, "expires_at");
    var promisedUntil = time(row, "promised_until");
    return new Hold(
        uuid(row, "reservation_id"),
        uuid(row, "customer_id"),
        lines(row),
        row.getString("currency"),
        row.getString("fingerprint"),
        HoldState.valueOf(row.getString("state")),
        denial(row),
        purchase(row),
        time(row, "held_at"),
        promisedUntil == null ? expiresAt : promisedUntil,
        expiresAt,
        time(row, "changed_at"));
  }

  private static Hold.Denial denial(ResultSet row) throws SQLException {
    var reason = row.getString("reason");
    return reason == null
        ? null
        : new Hold.Denial(
            Refusal.valueOf(reason), uuid(row, "refused_offer"), row.getInt("refused_available"));
  }

  private static Hold.Purchase purchase(ResultSet row) throws SQLException {
    var payment = uuid(row, "payment_id");
    return payment == null
        ? null
        : new Hold.Purchase(uuid(row, "order_id"), payment, time(row, "sold_at"));
  }

  private static List<Line> lines(ResultSet row) throws SQLException {
    var offers = (UUID[]) row.getArray("offer_ids").getArray();
    var quantities = (Integer[]) row.getArray("quantities").getArray();
    var prices = (Long[]) row.getArray("unit_prices").getArray();
    var lines = new ArrayList<Line>(offers.length);
    for (int i = 0; i < offers.length; i++) {
      lines.add(new Line(offers[i], quantities[i], prices[i]));
    }
    return List.copyOf(lines);
  }

  static UUID uuid(ResultSet row, String column) throws SQLException {
    return row.getObject(column, UUID.class);
  }

  private static Instant time(ResultSet row, String column) throws SQLException {
    var time = row.getObject(column, OffsetDateTime.class);
    return time == null ? null : time.toInstant();
  }

  /** An instant as a parameter whose type the driver knows without asking the server. */
  static OffsetDateTime parameter(Instant time) {
    return time.atOffset(ZoneOffset.UTC);
  }
}
