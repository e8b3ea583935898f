package flashsale.contracts;

import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.UUID;

/**
 * Something that happened; immutable. What follows a fact is written in one place only, the flow
 * table in {@code checkout}. Facts carry what later steps need, so that no step calls back
 * upstream.
 *
 * <p>Amounts are minor units of the ISO 4217 currency beside them; times are UTC.
 */
public sealed interface Fact {

  /** What orders facts among each other: the reservation's id, or the sale's for sale facts. */
  UUID key();

  // --- reserving -------------------------------------------------------------------------------

  /** A customer asked for all of these lines; {@code fingerprint} tells a repeat from a misuse. */
  record ReservationRequested(
      UUID reservationId,
      UUID customerId,
      List<Line> lines,
      String currency,
      String fingerprint,
      Instant requestedAt)
      implements Fact {
    @Override
    public UUID key() {
      return reservationId;
    }
  }

  /** Every line is held until {@code expiresAt}. */
  record StockHeld(
      UUID reservationId,
      UUID customerId,
      List<Line> lines,
      String currency,
      String fingerprint,
      Instant heldAt,
      Instant expiresAt)
      implements Fact {
    @Override
    public UUID key() {
      return reservationId;
    }
  }

  /**
   * Nothing is held. {@code offerId} is the offer that decided it and {@code available} its units
   * at that moment.
   */
  record StockRefused(
      UUID reservationId,
      UUID customerId,
      List<Line> lines,
      String currency,
      String fingerprint,
      Refusal reason,
      UUID offerId,
      int available,
      Instant refusedAt)
      implements Fact {
    @Override
    public UUID key() {
      return reservationId;
    }
  }

  /** An order waits for its payment. */
  record OrderPlaced(
      UUID orderId,
      UUID reservationId,
      UUID customerId,
      List<Line> lines,
      long totalMinor,
      String currency,
      String fingerprint,
      Instant placedAt,
      Instant expiresAt)
      implements Fact {
    @Override
    public UUID key() {
      return reservationId;
    }
  }

  /**
   * The reservation's row says {@code state}: an end of the flow. {@code reason}, {@code offerId}
   * and the units of it that were {@code available} are set for REFUSED only, {@code orderId}
   * wherever there is an order.
   */
  record ReservationSettled(
      UUID reservationId,
      UUID customerId,
      ReservationState state,
      UUID orderId,
      List<Line> lines,
      long totalMinor,
      String currency,
      Instant expiresAt,
      Refusal reason,
      UUID offerId,
      Integer available)
      implements Fact {
    @Override
    public UUID key() {
      return reservationId;
    }
  }

  // --- giving back -----------------------------------------------------------------------------

  /** The customer, or a walk that could not finish, gives the hold back. */
  record ReleaseRequested(UUID reservationId, UUID customerId, Instant requestedAt)
      implements Fact {
    @Override
    public UUID key() {
      return reservationId;
    }
  }

  /** The ledger's clock passed the hold's expiry: it is to be resolved. */
  record HoldOverdue(UUID reservationId, Instant noticedAt) implements Fact {
    @Override
    public UUID key() {
      return reservationId;
    }
  }

  /** The hold's units are available again because the customer gave them back. */
  record HoldReleased(UUID reservationId, UUID customerId, Instant releasedAt) implements Fact {
    @Override
    public UUID key() {
      return reservationId;
    }
  }

  /** The hold's units are available again because its time was up. */
  record HoldExpired(UUID reservationId, UUID customerId, Instant expiredAt) implements Fact {
    @Override
    public UUID key() {
      return reservationId;
    }
  }

  // --- paying ----------------------------------------------------------------------------------

  /** A customer asked to pay an order with a method (a card token of the payment gateway). */
  record PaymentRequested(
      UUID paymentId,
      UUID orderId,
      UUID reservationId,
      UUID customerId,
      long amountMinor,
      String currency,
      String method,
      Instant requestedAt)
      implements Fact {
    @Override
    public UUID key() {
      return reservationId;
    }
  }

  /** The hold cannot expire before {@code expiresAt}, so the charge may begin. */
  record HoldExtended(
      UUID paymentId,
      UUID orderId,
      UUID reservationId,
      UUID customerId,
      long amountMinor,
      String currency,
      String method,
      Instant expiresAt)
      implements Fact {
    @Override
    public UUID key() {
      return reservationId;
    }
  }

  /** There is no hold any more, so nothing must be charged. */
  record HoldGone(UUID paymentId, UUID orderId, UUID reservationId, UUID customerId)
      implements Fact {
    @Override
    public UUID key() {
      return reservationId;
    }
  }

  /** Money was taken. From here on the flow must finish, whatever dies. */
  record PaymentCaptured(
      UUID paymentId,
      UUID orderId,
      UUID reservationId,
      UUID customerId,
      long amountMinor,
      String currency,
      String gatewayReference,
      Instant capturedAt)
      implements Fact {
    @Override
    public UUID key() {
      return reservationId;
    }
  }

  /** Nothing was charged; {@code reason} is the gateway's code, or HOLD_GONE. */
  record PaymentDeclined(
      UUID paymentId,
      UUID orderId,
      UUID reservationId,
      UUID customerId,
      String reason,
      Instant declinedAt)
      implements Fact {
    @Override
    public UUID key() {
      return reservationId;
    }
  }

  /** The payment gateway gave no answer yet; the payments role keeps asking with the same key. */
  record PaymentUnanswered(UUID paymentId, UUID orderId, UUID reservationId, UUID customerId)
      implements Fact {
    @Override
    public UUID key() {
      return reservationId;
    }
  }

  /** The held units belong to the customer. */
  record StockSold(
      UUID reservationId, UUID customerId, UUID orderId, UUID paymentId, Instant soldAt)
      implements Fact {
    @Override
    public UUID key() {
      return reservationId;
    }
  }

  /**
   * Money was taken for a hold that had been resolved otherwise: it must be given back. {@code
   * resolvedAs} tells how; null if there never was a hold, and in messages of versions that did not
   * tell.
   */
  record HoldLost(
      UUID reservationId,
      UUID customerId,
      UUID orderId,
      UUID paymentId,
      Instant lostAt,
      HoldState resolvedAs)
      implements Fact {
    @Override
    public UUID key() {
      return reservationId;
    }
  }

  /** The order is paid and its units are sold. */
  record OrderPaid(
      UUID orderId, UUID reservationId, UUID customerId, UUID paymentId, Instant paidAt)
      implements Fact {
    @Override
    public UUID key() {
      return reservationId;
    }
  }

  // --- giving money back -----------------------------------------------------------------------

  /** An operator decided to give the money of a paid order back. */
  record RefundRequested(
      UUID orderId, UUID reservationId, UUID customerId, UUID requestedBy, Instant requestedAt)
      implements Fact {
    @Override
    public UUID key() {
      return reservationId;
    }
  }

  /**
   * The captured money of this order went back. {@code paymentId} is null when there was none to
   * give back; {@code holdLost} tells the automatic refund from an operator's, and {@code
   * resolvedAs} is then {@link HoldLost}'s.
   */
  record PaymentRefunded(
      UUID paymentId,
      UUID orderId,
      UUID reservationId,
      UUID customerId,
      long amountMinor,
      String currency,
      boolean holdLost,
      Instant refundedAt,
      HoldState resolvedAs)
      implements Fact {
    @Override
    public UUID key() {
      return reservationId;
    }
  }

  /** The order is void; nothing was or stays charged. {@code reservationState} says why. */
  record OrderCancelled(
      UUID orderId, UUID reservationId, UUID customerId, ReservationState reservationState)
      implements Fact {
    @Override
    public UUID key() {
      return reservationId;
    }
  }

  /** A paid order was refunded by an operator; its units are to be returned. */
  record OrderRefunded(UUID orderId, UUID reservationId, UUID customerId, Instant refundedAt)
      implements Fact {
    @Override
    public UUID key() {
      return reservationId;
    }
  }

  /** Sold units of a refunded order are available again. */
  record StockReturned(UUID reservationId, UUID customerId, UUID orderId, Instant returnedAt)
      implements Fact {
    @Override
    public UUID key() {
      return reservationId;
    }
  }

  // --- what operators decide -------------------------------------------------------------------

  /**
   * An offer has this allocation and this limit per customer (0: no limit). A version lower than or
   * equal to the ledger's changes nothing.
   */
  record OfferAllocated(
      UUID offerId, UUID saleId, int allocated, int limitPerCustomer, long version)
      implements Fact {
    @Override
    public UUID key() {
      return saleId;
    }
  }

  /**
   * What the ledger made of an allocation: {@code allocated} is the truth, which is higher than
   * what was asked for where more units are held or sold already.
   */
  record StockAllocated(
      UUID offerId, UUID saleId, int allocated, int available, int held, int sold, long version)
      implements Fact {
    @Override
    public UUID key() {
      return saleId;
    }
  }

  /** The sale opens and closes by the clock. */
  record SaleScheduled(
      UUID saleId, Instant opensAt, Instant closesAt, int holdSeconds, long version)
      implements Fact {
    @Override
    public UUID key() {
      return saleId;
    }
  }

  /** An operator opened or resumed the sale. */
  record SaleOpened(UUID saleId, Instant opensAt, Instant closesAt, int holdSeconds, long version)
      implements Fact {
    @Override
    public UUID key() {
      return saleId;
    }
  }

  /** An operator paused the sale: holds and payments go on, reservations are refused. */
  record SalePaused(UUID saleId, Instant opensAt, Instant closesAt, int holdSeconds, long version)
      implements Fact {
    @Override
    public UUID key() {
      return saleId;
    }
  }

  /** The sale is over for good. */
  record SaleClosed(UUID saleId, Instant opensAt, Instant closesAt, int holdSeconds, long version)
      implements Fact {
    @Override
    public UUID key() {
      return saleId;
    }
  }

  /** The ledger's copy of the sale has this version: an end of the flow. */
  record SaleKnown(UUID saleId, long version) implements Fact {
    @Override
    public UUID key() {
      return saleId;
    }
  }

  /** The stable names on the wire, version included. Golden files pin the JSON of each. */
  Map<String, Class<? extends Fact>> TYPES =
      Map.ofEntries(
          Map.entry("reservation-requested.v1", ReservationRequested.class),
          Map.entry("stock-held.v1", StockHeld.class),
          Map.entry("stock-refused.v1", StockRefused.class),
          Map.entry("order-placed.v1", OrderPlaced.class),
          Map.entry("reservation-settled.v1", ReservationSettled.class),
          Map.entry("release-requested.v1", ReleaseRequested.class),
          Map.entry("hold-overdue.v1", HoldOverdue.class),
          Map.entry("hold-released.v1", HoldReleased.class),
          Map.entry("hold-expired.v1", HoldExpired.class),
          Map.entry("payment-requested.v1", PaymentRequested.class),
          Map.entry("hold-extended.v1", HoldExtended.class),
          Map.entry("hold-gone.v1", HoldGone.class),
          Map.entry("payment-captured.v1", PaymentCaptured.class),
          Map.entry("payment-declined.v1", PaymentDeclined.class),
          Map.entry("payment-unanswered.v1", PaymentUnanswered.class),
          Map.entry("stock-sold.v1", StockSold.class),
          Map.entry("hold-lost.v1", HoldLost.class),
          Map.entry("order-paid.v1", OrderPaid.class),
          Map.entry("refund-requested.v1", RefundRequested.class),
          Map.entry("payment-refunded.v1", PaymentRefunded.class),
          Map.entry("order-cancelled.v1", OrderCancelled.class),
          Map.entry("order-refunded.v1", OrderRefunded.class),
          Map.entry("stock-returned.v1", StockReturned.class),
          Map.entry("offer-allocated.v1", OfferAllocated.class),
          Map.entry("stock-allocated.v1", StockAllocated.class),
          Map.entry("sale-scheduled.v1", SaleScheduled.class),
          Map.entry("sale-opened.v1", SaleOpened.class),
          Map.entry("sale-paused.v1", SalePaused.class),
          Map.entry("sale-closed.v1", SaleClosed.class),
          Map.entry("sale-known.v1", SaleKnown.class));
}
