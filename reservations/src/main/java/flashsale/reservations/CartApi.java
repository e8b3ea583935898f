package flashsale.reservations;

import flashsale.contracts.Catalog;
import flashsale.platform.http.Access;
import flashsale.platform.http.Answer;
import flashsale.platform.http.Call;
import flashsale.platform.http.Problem;
import flashsale.platform.http.Routes;
import java.util.List;

/** The carts over HTTP. */
public final class CartApi {
  private record PutItem(int quantity) {}

  private final Carts carts;
  private final Catalog catalog;
  private final int quantityMax;

  /**
   * Over these carts.
   *
   * @param quantityMax units of one offer in a cart at most
   */
  public CartApi(Carts carts, Catalog catalog, int quantityMax) {
    this.carts = carts;
    this.catalog = catalog;
    this.quantityMax = quantityMax;
  }

  public void routes(Routes routes) {
    var item = "/api/v1/carts/{cartId}/items/{offerId}";
    routes
        .post("/api/v1/carts", Access.CUSTOMER, this::create)
        .get("/api/v1/carts/{cartId}", Access.CUSTOMER, this::get)
        .put(item, Access.CUSTOMER, this::put)
        .delete(item, Access.CUSTOMER, this::delete);
  }

  private Answer create(Call call) {
    var cart = carts.create(call.caller().userId());
    return Answer.created("/api/v1/carts/" + cart.cartId(), cart);
  }

  private Answer get(Call call) {
    return Answer.ok(
        carts
            .find(call.pathId("cartId", "cart"), call.caller().userId())
            .orElseThrow(() -> Problem.notFound("cart")));
  }

  private Answer put(Call call) {
    int quantity = call.body(PutItem.class).quantity();
    if (quantity < 1 || quantity > quantityMax) {
      throw Problem.unprocessable(
          "INVALID_QUANTITY", "quantity must be from 1 to " + quantityMax + ".");
    }
    var offerId = call.pathId("offerId", "offer");
    if (catalog.quotes(List.of(offerId)).isEmpty()) {
      throw Problem.notFound("offer");
    }
    return change(call, quantity);
  }

  private Answer delete(Call call) {
    return change(call, 0);
  }

  private Answer change(Call call, int quantity) {
    return Answer.ok(
        carts
            .put(
                call.pathId("cartId", "cart"),
                call.caller().userId(),
                call.pathId("offerId", "offer"),
                quantity)
            .orElseThrow(() -> Problem.notFound("cart")));
  }
}
