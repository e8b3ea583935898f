package flashsale.contracts;

import java.time.Instant;
import java.util.List;
import java.util.UUID;

/** An order as its customer sees it; amounts in minor units. Times not reached yet are null. */
public record Order(
    UUID orderId,
    UUID reservationId,
    UUID customerId,
    OrderState state,
    List<Line> lines,
    long totalMinor,
    String currency,
    Instant placedAt,
    Instant expiresAt,
    Instant paidAt,
    Instant endedAt) {}
