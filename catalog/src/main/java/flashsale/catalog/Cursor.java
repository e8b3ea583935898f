package flashsale.catalog;

import flashsale.platform.http.Problem;
import java.nio.ByteBuffer;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Base64;
import java.util.UUID;

/** Where the next page of a list begins: behind the last thing shown. Opaque text for clients. */
final class Cursor {
  /** The place of a sale in the list. */
  record OfSale(Instant opensAt, UUID saleId) {
    /** Before every sale. */
    static final OfSale FIRST = new OfSale(Rules.LATEST, new UUID(-1L, -1L));

    String text() {
      return Cursor.text(
          ByteBuffer.allocate(24)
              .putLong(ChronoUnit.MICROS.between(Instant.EPOCH, opensAt))
              .putLong(saleId.getMostSignificantBits())
              .putLong(saleId.getLeastSignificantBits())
              .array());
    }

    static OfSale parse(String text) {
      var bytes = bytes(text, 24);
      long micros = bytes.getLong();
      if (micros < ChronoUnit.MICROS.between(Instant.EPOCH, Rules.EARLIEST)
          || micros > ChronoUnit.MICROS.between(Instant.EPOCH, Rules.LATEST)) {
        throw invalid();
      }
      return new OfSale(
          Instant.EPOCH.plus(micros, ChronoUnit.MICROS),
          new UUID(bytes.getLong(), bytes.getLong()));
    }
  }

  private Cursor() {}

  static String ofProduct(UUID productId) {
    return text(
        ByteBuffer.allocate(16)
            .putLong(productId.getMostSignificantBits())
            .putLong(productId.getLeastSignificantBits())
            .array());
  }

  static UUID parseProduct(String text) {
    var bytes = bytes(text, 16);
    return new UUID(bytes.getLong(), bytes.getLong());
  }

  private static String text(byte[] bytes) {
    return Base64.getUrlEncoder().withoutPadding().encodeToString(bytes);
  }

  private static ByteBuffer bytes(String text, int length) {
    try {
      var bytes = Base64.getUrlDecoder().decode(text);
      if (bytes.length == length) {
        return ByteBuffer.wrap(bytes);
      }
    } catch (IllegalArgumentException e) {
      // Said below.
    }
    throw invalid();
  }

  private static Problem invalid() {
    return Problem.badRequest("INVALID_CURSOR", "cursor must be one that a page before gave.");
  }
}
