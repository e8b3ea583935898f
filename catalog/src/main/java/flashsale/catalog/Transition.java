package flashsale.catalog;

import static flashsale.contracts.SaleState.CLOSED;
import static flashsale.contracts.SaleState.DRAFT;
import static flashsale.contracts.SaleState.OPEN;
import static flashsale.contracts.SaleState.PAUSED;
import static flashsale.contracts.SaleState.SCHEDULED;

import flashsale.contracts.SaleState;
import flashsale.platform.http.Problem;
import java.time.Instant;
import java.util.EnumSet;
import java.util.Set;

/** The legal ways of a sale from one state to another. Each may be repeated without effect. */
enum Transition {
  SCHEDULE(SCHEDULED),
  OPEN_NOW(OPEN),
  PAUSE(PAUSED),
  CLOSE(CLOSED);

  private final SaleState to;

  Transition(SaleState to) {
    this.to = to;
  }

  private Set<SaleState> from() {
    return switch (this) {
      case SCHEDULE -> EnumSet.of(DRAFT);
      case OPEN_NOW -> EnumSet.of(DRAFT, SCHEDULED, PAUSED);
      case PAUSE -> EnumSet.of(SCHEDULED, OPEN);
      case CLOSE -> EnumSet.of(DRAFT, SCHEDULED, OPEN, PAUSED);
    };
  }

  /**
   * The sale afterwards; the same sale where it is there already.
   *
   * @throws Problem 409 ILLEGAL_TRANSITION with from and to
   */
  Sale of(Sale sale, Instant now) {
    if (this == CLOSE) {
      return sale.state() == CLOSED ? sale : moved(sale, sale.opensAt(), min(sale.closesAt(), now));
    }
    // A window that has passed has closed the sale, whatever was decided before.
    if (sale.overAt(now) || !now.isBefore(sale.closesAt())) {
      throw illegal(sale.stateAt(now), "its closing time has passed");
    }
    if (sale.state() == to) {
      return sale;
    }
    if (!from().contains(sale.state())) {
      throw illegal(sale.state(), "only " + from() + " can become that");
    }
    return moved(
        sale, this == OPEN_NOW ? min(sale.opensAt(), now) : sale.opensAt(), sale.closesAt());
  }

  private Sale moved(Sale sale, Instant opensAt, Instant closesAt) {
    return new Sale(
        sale.saleId(),
        sale.name(),
        to,
        sale.published() || to != CLOSED,
        opensAt,
        closesAt,
        sale.holdSeconds(),
        sale.version() + 1);
  }

  private Problem illegal(SaleState state, String why) {
    return Problem.conflict(
            "ILLEGAL_TRANSITION",
            "The sale is " + state + " and cannot be " + to + ": " + why + ".")
        .with("from", state)
        .with("to", to);
  }

  private static Instant min(Instant a, Instant b) {
    return a.isBefore(b) ? a : b;
  }
}
