package flashsale.checkout;

import flashsale.contracts.Fact;
import flashsale.contracts.Fact.HoldExpired;
import flashsale.contracts.Fact.HoldExtended;
import flashsale.contracts.Fact.HoldGone;
import flashsale.contracts.Fact.HoldLost;
import flashsale.contracts.Fact.HoldOverdue;
import flashsale.contracts.Fact.HoldReleased;
import flashsale.contracts.Fact.OfferAllocated;
import flashsale.contracts.Fact.OrderCancelled;
import flashsale.contracts.Fact.OrderPaid;
import flashsale.contracts.Fact.OrderPlaced;
import flashsale.contracts.Fact.OrderRefunded;
import flashsale.contracts.Fact.PaymentCaptured;
import flashsale.contracts.Fact.PaymentDeclined;
import flashsale.contracts.Fact.PaymentRefunded;
import flashsale.contracts.Fact.PaymentRequested;
import flashsale.contracts.Fact.PaymentUnanswered;
import flashsale.contracts.Fact.RefundRequested;
import flashsale.contracts.Fact.ReleaseRequested;
import flashsale.contracts.Fact.ReservationRequested;
import flashsale.contracts.Fact.ReservationSettled;
import flashsale.contracts.Fact.SaleClosed;
import flashsale.contracts.Fact.SaleKnown;
import flashsale.contracts.Fact.SaleOpened;
import flashsale.contracts.Fact.SalePaused;
import flashsale.contracts.Fact.SaleScheduled;
import flashsale.contracts.Fact.StockAllocated;
import flashsale.contracts.Fact.StockHeld;
import flashsale.contracts.Fact.StockRefused;
import flashsale.contracts.Fact.StockReturned;
import flashsale.contracts.Fact.StockSold;

/**
 * The flow: which role's step follows which fact. This is the only place in the system that says
 * so, and it has no default: a new fact does not compile until the flow handles it. The drivers
 * walk it; no step knows how it was reached.
 */
public final class Flow {
  /** Whose step takes a fact; NOBODY's means that the walk ends here. */
  public enum Next {
    INVENTORY,
    ORDERS,
    PAYMENTS,
    RESERVATIONS,
    CATALOG,
    NOBODY
  }

  private Flow() {}

  /** Who does something about this fact. The comment behind each line says what they answer. */
  public static Next after(Fact fact) {
    return switch (fact) {
      // Reserving.
      case ReservationRequested f -> Next.INVENTORY; // hold: StockHeld | StockRefused
      case StockHeld f -> Next.ORDERS; // place: OrderPlaced
      case OrderPlaced f -> Next.RESERVATIONS; // HELD
      case StockRefused f -> Next.RESERVATIONS; // REFUSED
      // Paying. From PaymentCaptured on the walk must finish.
      case PaymentRequested f -> Next.INVENTORY; // extend: HoldExtended | HoldGone
      case HoldExtended f -> Next.PAYMENTS; // charge: PaymentCaptured | Declined | Unanswered
      case HoldGone f -> Next.PAYMENTS; // nothing is charged: PaymentDeclined
      case PaymentCaptured f -> Next.INVENTORY; // sell: StockSold | HoldLost
      case StockSold f -> Next.ORDERS; // OrderPaid
      case OrderPaid f -> Next.RESERVATIONS; // CONFIRMED
      case PaymentDeclined f -> Next.NOBODY; // the hold stays, another card may be tried
      case PaymentUnanswered f -> Next.NOBODY; // payments asks again and starts at its answer
      // Giving money back.
      case HoldLost f -> Next.PAYMENTS; // refund: PaymentRefunded
      case RefundRequested f -> Next.PAYMENTS; // refund: PaymentRefunded
      case PaymentRefunded f -> Next.ORDERS; // OrderCancelled | OrderRefunded
      case OrderRefunded f -> Next.INVENTORY; // restock: StockReturned
      case StockReturned f -> Next.RESERVATIONS; // RELEASED
      // Giving units back.
      case ReleaseRequested f -> Next.INVENTORY; // release: HoldReleased
      case HoldOverdue f -> Next.INVENTORY; // expire: HoldExpired
      case HoldReleased f -> Next.ORDERS; // OrderCancelled
      case HoldExpired f -> Next.ORDERS; // OrderCancelled
      case OrderCancelled f -> Next.RESERVATIONS; // RELEASED | EXPIRED
      case ReservationSettled f -> Next.NOBODY;
      // What operators decide.
      case OfferAllocated f -> Next.INVENTORY; // StockAllocated
      case StockAllocated f -> Next.CATALOG; // SaleKnown
      case SaleScheduled f -> Next.INVENTORY; // SaleKnown
      case SaleOpened f -> Next.INVENTORY; // SaleKnown
      case SalePaused f -> Next.INVENTORY; // SaleKnown
      case SaleClosed f -> Next.INVENTORY; // SaleKnown
      case SaleKnown f -> Next.NOBODY;
    };
  }
}
