package flashsale.contracts;

import java.util.UUID;

/**
 * An order's id is its reservation's with fixed bits flipped: a repeated hold can only ever make
 * the same order, each role can tell one id from the other without asking, and one index serves
 * both. The upper half stays, and with it the locality that UUIDv7 gives an index; so do the
 * version and the variant.
 */
public final class OrderIds {
  /** Some of the lowest 62 bits; the two above them are the variant of RFC 9562. */
  private static final long FLIPPED = 0x1c9e_6a35_d2f7_4b81L;

  private OrderIds() {}

  /** The id of the order that belongs to this reservation. */
  public static UUID of(UUID reservationId) {
    return new UUID(
        reservationId.getMostSignificantBits(), reservationId.getLeastSignificantBits() ^ FLIPPED);
  }

  /** The id of the reservation that this order belongs to. */
  public static UUID reservationOf(UUID orderId) {
    return of(orderId); // Flipping twice changes nothing.
  }
}
