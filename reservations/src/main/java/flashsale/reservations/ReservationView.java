package flashsale.reservations;

import flashsale.contracts.Fact.ReservationSettled;
import flashsale.contracts.Line;
import flashsale.contracts.Refusal;
import flashsale.contracts.ReservationState;
import java.time.Instant;
import java.util.List;
import java.util.UUID;

/** A reservation as its customer sees it; the total in minor units of the currency. */
record ReservationView(
    UUID reservationId,
    ReservationState state,
    UUID orderId,
    List<Line> lines,
    long totalMinor,
    String currency,
    Instant expiresAt,
    Refusal reason) {

  static ReservationView of(ReservationSettled settled) {
    return new ReservationView(
        settled.reservationId(),
        settled.state(),
        settled.orderId(),
        settled.lines(),
        settled.totalMinor(),
        settled.currency(),
        settled.expiresAt(),
        settled.reason());
  }
}
