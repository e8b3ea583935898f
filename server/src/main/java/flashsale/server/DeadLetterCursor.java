package flashsale.server;

import flashsale.platform.http.Problem;
import flashsale.platform.messaging.DeadLetter;
import flashsale.platform.messaging.DeadLetters.Position;
import java.nio.ByteBuffer;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Base64;
import java.util.UUID;

/** A place in the list of dead letters as text for clients, who must not read anything into it. */
final class DeadLetterCursor {
  private static final int BYTES = 3 * Long.BYTES;

  /** Far enough in the future, and still a time for PostgreSQL. */
  private static final Instant LAST = Instant.parse("9999-12-31T23:59:59Z");

  private DeadLetterCursor() {}

  static String behind(DeadLetter letter) {
    return Base64.getUrlEncoder()
        .withoutPadding()
        .encodeToString(
            ByteBuffer.allocate(BYTES)
                .putLong(ChronoUnit.MICROS.between(Instant.EPOCH, letter.firstAt()))
                .putLong(letter.id().getMostSignificantBits())
                .putLong(letter.id().getLeastSignificantBits())
                .array());
  }

  /**
   * Reads what {@link #behind} wrote.
   *
   * @throws Problem 400 for anything else
   */
  static Position parse(String text) {
    try {
      var bytes = ByteBuffer.wrap(Base64.getUrlDecoder().decode(text));
      if (bytes.remaining() == BYTES) {
        var firstAt = Instant.EPOCH.plus(bytes.getLong(), ChronoUnit.MICROS);
        if (!firstAt.isBefore(Instant.EPOCH) && !firstAt.isAfter(LAST)) {
          return new Position(firstAt, new UUID(bytes.getLong(), bytes.getLong()));
        }
      }
    } catch (IllegalArgumentException e) {
      // Said below.
    }
    throw Problem.badRequest("INVALID_CURSOR", "cursor must be a page's `next`, unchanged.");
  }
}
