package flashsale.catalog;

import flashsale.platform.http.Access;
import flashsale.platform.http.Answer;
import flashsale.platform.http.Call;
import flashsale.platform.http.Problem;
import flashsale.platform.http.Routes;

/** What everybody may read of the catalogue. */
public final class CatalogApi {
  static final int PAGE_DEFAULT = 20;
  static final int PAGE_MAX = 100;

  private final Catalogue catalogue;

  public CatalogApi(Catalogue catalogue) {
    this.catalogue = catalogue;
  }

  public void routes(Routes routes) {
    routes
        .get("/api/v1/sales", Access.PUBLIC, this::sales)
        .get("/api/v1/sales/{saleId}", Access.PUBLIC, this::sale)
        .get("/api/v1/products", Access.PUBLIC, this::products)
        .get("/api/v1/products/{productId}", Access.PUBLIC, this::product);
  }

  private Answer sales(Call call) {
    return catalogue.cold().sales(false, limit(call), cursor(call)).answer(call::has);
  }

  private Answer sale(Call call) {
    return catalogue.sale(call.pathId("saleId", "sale"), call::has);
  }

  private Answer products(Call call) {
    return catalogue.cold().products(limit(call), cursor(call)).answer(call::has);
  }

  private Answer product(Call call) {
    return catalogue
        .cold()
        .product(call.pathId("productId", "product"))
        .orElseThrow(() -> Problem.notFound("product"))
        .answer(call::has);
  }

  static int limit(Call call) {
    return call.queryInt("limit", PAGE_DEFAULT, 1, PAGE_MAX);
  }

  static String cursor(Call call) {
    return call.query("cursor").orElse(null);
  }
}
