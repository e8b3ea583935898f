package flashsale.inventory;

import flashsale.contracts.AuditRow;
import flashsale.contracts.Fact;
import flashsale.contracts.Fact.HoldExpired;
import flashsale.contracts.Fact.HoldReleased;
import flashsale.contracts.Fact.ReservationRequested;
import flashsale.contracts.Fact.StockHeld;
import flashsale.contracts.Fact.StockRefused;
import flashsale.contracts.Fact.StockReturned;
import flashsale.contracts.Fact.StockSold;
import flashsale.contracts.HoldState;
import flashsale.contracts.Line;
import flashsale.contracts.Refusal;
import java.time.Instant;
import java.util.List;
import java.util.UUID;

/**
 * What the ledger knows of one reservation, a row of {@code hold}: an open hold, or how it was
 * resolved, or that it was refused. Lines are as first asked for and never change.
 *
 * @param customerId null only in a tombstone that no customer asked for
 * @param denial why it was refused; null unless REFUSED
 * @param purchase to whom its units went; null unless SOLD or RETURNED
 * @param heldAt when it was first decided
 * @param promisedUntil when it was first to be overdue; extensions do not change it
 * @param expiresAt when an open hold is overdue
 * @param changedAt when it came into its state
 */
record Hold(
    UUID reservationId,
    UUID customerId,
    List<Line> lines,
    String currency,
    String fingerprint,
    HoldState state,
    Denial denial,
    Purchase purchase,
    Instant heldAt,
    Instant promisedUntil,
    Instant expiresAt,
    Instant changedAt) {

  /** The reason, the offer that decided it and that offer's available units at that moment. */
  record Denial(Refusal reason, UUID offerId, int available) {}

  /** The payment that bought the units. */
  record Purchase(UUID orderId, UUID paymentId, Instant soldAt) {}

  static Hold held(ReservationRequested request, Instant now, Instant expiresAt) {
    return decided(request, HoldState.HELD, null, now, expiresAt);
  }

  static Hold refused(ReservationRequested request, Denial denial, Instant now) {
    return decided(request, HoldState.REFUSED, denial, now, now);
  }

  private static Hold decided(
      ReservationRequested r, HoldState state, Denial denial, Instant now, Instant expiresAt) {
    return new Hold(
        r.reservationId(),
        r.customerId(),
        r.lines(),
        r.currency(),
        r.fingerprint(),
        state,
        denial,
        null,
        now,
        expiresAt,
        expiresAt,
        now);
  }

  /** Released before it was asked for: when the request arrives late, it takes nothing. */
  static Hold tombstone(UUID reservationId, UUID customerId, Instant now) {
    return new Hold(
        reservationId,
        customerId,
        List.of(),
        "",
        "",
        HoldState.RELEASED,
        null,
        null,
        now,
        now,
        now,
        now);
  }

  Hold resolved(HoldState to, Instant now) {
    return become(to, purchase, expiresAt, now);
  }

  Hold sold(Purchase to) {
    return become(HoldState.SOLD, to, expiresAt, to.soldAt());
  }

  Hold extended(Instant until) {
    return become(state, purchase, until, changedAt);
  }

  private Hold become(HoldState to, Purchase by, Instant until, Instant at) {
    return new Hold(
        reservationId,
        customerId,
        lines,
        currency,
        fingerprint,
        to,
        denial,
        by,
        heldAt,
        promisedUntil,
        until,
        at);
  }

  boolean isHeld() {
    return state == HoldState.HELD;
  }

  /** Whether units of its offers are its own; a refused one may name offers that nobody knows. */
  boolean hasUnits() {
    return state == HoldState.HELD || state == HoldState.SOLD;
  }

  /** Whether its time is up; the instant of expiry itself is too late. */
  boolean overdueAt(Instant now) {
    return !now.isBefore(expiresAt);
  }

  /** Whether this payment bought the units, returned since or not. */
  boolean boughtBy(UUID paymentId) {
    return purchase != null && purchase.paymentId().equals(paymentId);
  }

  /** The fact with which this state was first answered. */
  Fact outcome() {
    return switch (state) {
      case HELD -> heldFact();
      case REFUSED ->
          new StockRefused(
              reservationId,
              customerId,
              lines,
              currency,
              fingerprint,
              denial.reason(),
              denial.offerId(),
              denial.available(),
              changedAt);
      case RELEASED -> new HoldReleased(reservationId, customerId, changedAt);
      case EXPIRED -> new HoldExpired(reservationId, customerId, changedAt);
      case SOLD -> soldFact();
      case RETURNED -> new StockReturned(reservationId, customerId, purchase.orderId(), changedAt);
    };
  }

  StockHeld heldFact() {
    return new StockHeld(
        reservationId, customerId, lines, currency, fingerprint, heldAt, expiresAt);
  }

  StockSold soldFact() {
    return new StockSold(
        reservationId, customerId, purchase.orderId(), purchase.paymentId(), purchase.soldAt());
  }

  AuditRow.Hold auditRow() {
    return new AuditRow.Hold(reservationId, customerId, lines, state, expiresAt, changedAt);
  }
}
