package flashsale.catalog;

import flashsale.catalog.Decisions.Decided;
import flashsale.contracts.SaleState;
import flashsale.platform.http.Problem;
import flashsale.platform.ids.Ids;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Instant;
import java.util.UUID;

/** What operators decide about sales. Thread-safe. */
final class SaleDecisions {
  private static final int HOLD_DEFAULT_SECONDS = 600;

  /** A sale to be, or its changes: there, null leaves a field as it is. */
  record Body(String name, String opensAt, String closesAt, Integer holdSeconds) {}

  private final Decisions decisions;
  private final LiveLimits limits;

  SaleDecisions(Decisions decisions, LiveLimits limits) {
    this.decisions = decisions;
    this.limits = limits;
  }

  /** A draft. */
  Sale add(Body body) {
    var sale =
        new Sale(
            Ids.next(),
            Rules.name(body.name()),
            SaleState.DRAFT,
            false,
            Rules.time("opensAt", body.opensAt()),
            Rules.time("closesAt", body.closesAt()),
            body.holdSeconds() == null
                ? HOLD_DEFAULT_SECONDS
                : Rules.holdSeconds(body.holdSeconds()),
            1);
    Rules.window(sale.opensAt(), sale.closesAt());
    return decisions.decide(
        (connection, now) -> {
          SaleRows.insert(connection, sale);
          limits.check(connection, now);
          return Decided.withoutLedger(sale);
        });
  }

  /** Name, window and hold time, as long as the sale is not over. */
  Sale change(UUID saleId, Body body) {
    return decisions.decide(
        (connection, now) -> {
          var sale = notOver(connection, saleId, now);
          var next = changed(sale, body);
          refuseWindow(sale, next, now);
          if (next.equals(sale)) {
            return Decided.withoutLedger(sale);
          }
          next = next.withVersion(sale.version() + 1);
          SaleRows.update(connection, next);
          if (next.closesAt().isAfter(sale.closesAt())) {
            limits.check(connection, now);
          }
          return next.sameForLedger(sale)
              ? Decided.withoutLedger(next)
              : new Decided<>(next, next.fact());
        });
  }

  private static Sale changed(Sale sale, Body body) {
    return new Sale(
        sale.saleId(),
        body.name() == null ? sale.name() : Rules.name(body.name()),
        sale.state(),
        sale.published(),
        body.opensAt() == null ? sale.opensAt() : Rules.time("opensAt", body.opensAt()),
        body.closesAt() == null ? sale.closesAt() : Rules.time("closesAt", body.closesAt()),
        body.holdSeconds() == null ? sale.holdSeconds() : Rules.holdSeconds(body.holdSeconds()),
        sale.version());
  }

  /** A window must not do what only a transition may: end a sale, or take it back to waiting. */
  private static void refuseWindow(Sale sale, Sale next, Instant now) {
    Rules.window(next.opensAt(), next.closesAt());
    if (sale.state() == SaleState.DRAFT) {
      return;
    }
    if (!next.closesAt().isAfter(now)) {
      throw Rules.invalid("closesAt", "must be in the future; to end the sale now, close it");
    }
    if (sale.stateAt(now) == SaleState.OPEN && next.opensAt().isAfter(now)) {
      throw Rules.invalid("opensAt", "must not be in the future while the sale is open; pause it");
    }
  }

  /** A repeat changes nothing, and carries the same fact to the ledger once more. */
  Sale move(UUID saleId, Transition transition) {
    return decisions.decide(
        (connection, now) -> {
          var sale = find(connection, saleId);
          var next = transition.of(sale, now);
          if (!next.equals(sale)) {
            SaleRows.update(connection, next);
          }
          return new Decided<>(next, next.fact());
        });
  }

  private static Sale find(Connection connection, UUID saleId) throws SQLException {
    return SaleRows.listing(connection, saleId).orElseThrow(() -> Problem.notFound("sale")).sale();
  }

  /**
   * The sale.
   *
   * @throws Problem 404, or 409 SALE_CLOSED
   */
  static Sale notOver(Connection connection, UUID saleId, Instant now) throws SQLException {
    var sale = find(connection, saleId);
    if (sale.overAt(now)) {
      throw Problem.conflict("SALE_CLOSED", "The sale is over; nothing of it can be changed.");
    }
    return sale;
  }
}
