package flashsale.orders;

import flashsale.contracts.Line;
import flashsale.contracts.Order;
import flashsale.contracts.OrderState;
import flashsale.platform.http.Access;
import flashsale.platform.http.Answer;
import flashsale.platform.http.Call;
import flashsale.platform.http.Problem;
import flashsale.platform.http.Routes;
import java.time.Instant;
import java.util.List;
import java.util.UUID;

/** The customers' own orders over HTTP; anybody else's do not exist for them. */
public final class OrderApi {
  private static final int PAGE_DEFAULT = 20;
  private static final int PAGE_MAX = 100;

  /** An order as its customer sees it; amounts in minor units, times not reached yet are null. */
  record OrderView(
      UUID orderId,
      UUID reservationId,
      OrderState state,
      List<Line> lines,
      long totalMinor,
      String currency,
      Instant placedAt,
      Instant expiresAt,
      Instant paidAt,
      Instant endedAt) {
    static OrderView of(Order order) {
      return new OrderView(
          order.orderId(),
          order.reservationId(),
          order.state(),
          order.lines(),
          order.totalMinor(),
          order.currency(),
          order.placedAt(),
          order.expiresAt(),
          order.paidAt(),
          order.endedAt());
    }
  }

  /** {@code next} is null on the last page. */
  record OrderPage(List<OrderView> orders, String next) {}

  private final OrderBook orders;

  public OrderApi(OrderBook orders) {
    this.orders = orders;
  }

  public void routes(Routes routes) {
    routes
        .get("/api/v1/orders", Access.CUSTOMER, this::list)
        .get("/api/v1/orders/{orderId}", Access.CUSTOMER, this::get);
  }

  private Answer list(Call call) {
    int limit = call.queryInt("limit", PAGE_DEFAULT, 1, PAGE_MAX);
    var cursor = call.query("cursor").map(OrderCursor::parse).orElse(OrderCursor.START);
    // One more than asked for tells whether there is a next page.
    var found = orders.ofCustomer(call.caller().userId(), cursor, limit + 1);
    var page = found.subList(0, Math.min(limit, found.size()));
    return Answer.ok(
        new OrderPage(
            page.stream().map(row -> OrderView.of(row.order())).toList(),
            found.size() > limit ? OrderCursor.behind(page.getLast()).text() : null));
  }

  private Answer get(Call call) {
    return orders
        .order(call.pathId("orderId", "order"))
        .filter(order -> order.customerId().equals(call.caller().userId()))
        .map(order -> Answer.ok(OrderView.of(order)))
        .orElseThrow(() -> Problem.notFound("order"));
  }
}
