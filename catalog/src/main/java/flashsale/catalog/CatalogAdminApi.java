package flashsale.catalog;

import flashsale.platform.http.Access;
import flashsale.platform.http.Answer;
import flashsale.platform.http.Call;
import flashsale.platform.http.Endpoint;
import flashsale.platform.http.Problem;
import flashsale.platform.http.Routes;

/** What operators may do with the catalogue. */
public final class CatalogAdminApi {
  private static final String PRODUCTS = "/api/v1/admin/products";
  private static final String SALES = "/api/v1/admin/sales";
  private static final String SALE = SALES + "/{saleId}";

  private final Catalogue catalogue;

  public CatalogAdminApi(Catalogue catalogue) {
    this.catalogue = catalogue;
  }

  public void routes(Routes routes) {
    routes
        .post(PRODUCTS, Access.OPERATOR, this::addProduct)
        .patch(PRODUCTS + "/{productId}", Access.OPERATOR, this::changeProduct)
        .get(SALES, Access.OPERATOR, this::sales)
        .post(SALES, Access.OPERATOR, this::addSale)
        .get(SALE, Access.OPERATOR, this::sale)
        .patch(SALE, Access.OPERATOR, this::changeSale)
        .post(SALE + "/offers", Access.OPERATOR, this::addOffer)
        .post(SALE + "/schedule", Access.OPERATOR, move(Transition.SCHEDULE))
        .post(SALE + "/open", Access.OPERATOR, move(Transition.OPEN_NOW))
        .post(SALE + "/pause", Access.OPERATOR, move(Transition.PAUSE))
        .post(SALE + "/close", Access.OPERATOR, move(Transition.CLOSE))
        .patch("/api/v1/admin/offers/{offerId}", Access.OPERATOR, this::changeOffer);
  }

  private Answer addProduct(Call call) {
    var product = catalogue.products().add(call.body(ProductDecisions.Body.class));
    return Answer.created("/api/v1/products/" + product.productId(), product);
  }

  private Answer changeProduct(Call call) {
    var productId = call.pathId("productId", "product");
    return Answer.ok(
        catalogue.products().change(productId, call.body(ProductDecisions.Body.class)));
  }

  private Answer sales(Call call) {
    return catalogue
        .cold()
        .sales(true, CatalogApi.limit(call), CatalogApi.cursor(call))
        .answer(call::has);
  }

  private Answer addSale(Call call) {
    var sale = catalogue.sales().add(call.body(SaleDecisions.Body.class));
    return Answer.created(SALES + "/" + sale.saleId(), catalogue.detail(sale.saleId()));
  }

  private Answer sale(Call call) {
    return Answer.ok(catalogue.detail(call.pathId("saleId", "sale")));
  }

  private Answer changeSale(Call call) {
    var saleId = call.pathId("saleId", "sale");
    catalogue.sales().change(saleId, call.body(SaleDecisions.Body.class));
    return Answer.ok(catalogue.detail(saleId));
  }

  private Endpoint move(Transition transition) {
    return call -> {
      var sale = catalogue.sales().move(call.pathId("saleId", "sale"), transition);
      return Answer.ok(catalogue.detail(sale.saleId()));
    };
  }

  private Answer addOffer(Call call) {
    var saleId = call.pathId("saleId", "sale");
    var offer = catalogue.offers().add(saleId, call.body(OfferDecisions.Body.class));
    return Answer.json(201, detail(offer));
  }

  private Answer changeOffer(Call call) {
    var offerId = call.pathId("offerId", "offer");
    var offer = catalogue.offers().change(offerId, call.body(OfferDecisions.Change.class));
    return Answer.ok(detail(offer));
  }

  /** As the ledger has it now, which may differ from what was asked for. */
  private SaleDetail.OfferDetail detail(Offer offer) {
    return catalogue.detail(offer.saleId()).offers().stream()
        .filter(detail -> detail.offerId().equals(offer.offerId()))
        .findFirst()
        .orElseThrow(() -> Problem.notFound("offer"));
  }
}
