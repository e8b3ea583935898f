package flashsale.payments;

import flashsale.contracts.Checkout;
import flashsale.contracts.CheckoutUnavailable;
import flashsale.contracts.Fact.ReservationSettled;
import flashsale.contracts.OrderState;
import flashsale.contracts.Orders;
import flashsale.platform.http.Access;
import flashsale.platform.http.Answer;
import flashsale.platform.http.Call;
import flashsale.platform.http.Problem;
import flashsale.platform.http.Routes;
import java.util.UUID;

/**
 * What operators do about payments: give the money of a paid order back. Who asked first, and when,
 * stays in the payment's row.
 */
public final class PaymentAdminApi {
  /** {@code state} is REFUNDED, or still PAID with the answer 202. */
  record RefundView(UUID orderId, OrderState state) {}

  private static final String RETRY_SECONDS = "1";

  private final PaymentBook book;
  private final Orders orders;
  private final Checkout checkout;

  public PaymentAdminApi(PaymentDesk desk, Orders orders, Checkout checkout) {
    this.book = desk.book();
    this.orders = orders;
    this.checkout = checkout;
  }

  public void routes(Routes routes) {
    routes.post("/api/v1/admin/orders/{orderId}/refund", Access.OPERATOR, this::refund);
  }

  private Answer refund(Call call) {
    var orderId = call.pathId("orderId", "order");
    var order = orders.order(orderId).orElseThrow(() -> Problem.notFound("order"));
    return switch (order.state()) {
      case REFUNDED -> Answer.ok(new RefundView(orderId, OrderState.REFUNDED));
      case PAID -> refundPaid(orderId, call.caller().userId());
      case PENDING_PAYMENT, CANCELLED -> throw notPaid(order.state());
    };
  }

  private static Problem notPaid(OrderState state) {
    return Problem.conflict("ORDER_NOT_PAID", "The order is " + state + ", not PAID.")
        .with("state", state);
  }

  private Answer refundPaid(UUID orderId, UUID operatorId) {
    var request =
        book.requestRefund(orderId, operatorId)
            .orElseThrow(
                () -> new IllegalStateException("order " + orderId + " is paid by no payment"));
    try {
      if (checkout.carry(request) instanceof ReservationSettled) {
        book.refundWalked(orderId);
        return Answer.ok(new RefundView(orderId, OrderState.REFUNDED));
      }
    } catch (CheckoutUnavailable e) {
      // It is in the outbox and will be driven to its end.
    }
    // There is nothing to read that an operator may: the same request, again, tells the outcome.
    return Answer.json(202, new RefundView(orderId, OrderState.PAID))
        .header("Retry-After", RETRY_SECONDS);
  }
}
