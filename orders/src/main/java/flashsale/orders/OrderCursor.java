package flashsale.orders;

import flashsale.platform.http.Problem;
import java.nio.ByteBuffer;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Base64;
import java.util.UUID;

/** A place in a customer's list of orders, newest first: everything behind it comes next. */
record OrderCursor(Instant placedAt, UUID reservationId) {
  private static final int BYTES = 3 * Long.BYTES;

  /** Before the newest; far enough in the future, and still a time for PostgreSQL. */
  static final OrderCursor START =
      new OrderCursor(Instant.parse("9999-12-31T23:59:59Z"), new UUID(-1, -1));

  /** The place behind this order. */
  static OrderCursor behind(OrderRow row) {
    return new OrderCursor(row.placedAt(), row.reservationId());
  }

  /** As text for clients, who must not read anything into it. */
  String text() {
    return Base64.getUrlEncoder()
        .withoutPadding()
        .encodeToString(
            ByteBuffer.allocate(BYTES)
                .putLong(ChronoUnit.MICROS.between(Instant.EPOCH, placedAt))
                .putLong(reservationId.getMostSignificantBits())
                .putLong(reservationId.getLeastSignificantBits())
                .array());
  }

  /**
   * Reads what {@link #text} wrote.
   *
   * @throws Problem 400 for anything else
   */
  static OrderCursor parse(String text) {
    try {
      var bytes = ByteBuffer.wrap(Base64.getUrlDecoder().decode(text));
      if (bytes.remaining() == BYTES) {
        var placedAt = Instant.EPOCH.plus(bytes.getLong(), ChronoUnit.MICROS);
        if (!placedAt.isBefore(Instant.EPOCH) && !placedAt.isAfter(START.placedAt)) {
          return new OrderCursor(placedAt, new UUID(bytes.getLong(), bytes.getLong()));
        }
      }
    } catch (IllegalArgumentException e) {
      // Said below.
    }
    throw Problem.badRequest("INVALID_CURSOR", "cursor must be a page's `next`, unchanged.");
  }
}
