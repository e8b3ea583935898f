package flashsale.server;

import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.Currency;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * A sale with its products and offers, as it stands in a YAML file; examples/winter-drop.yaml shows
 * and explains all of it.
 *
 * @param currency of all prices
 * @param offers at least one, each with a product of its own name
 */
public record SaleFile(
    String name,
    Instant opensAt,
    Instant closesAt,
    Duration holdTime,
    Currency currency,
    List<Offering> offers) {

  /**
   * A product and its offer.
   *
   * @param imageUrl null: none
   * @param priceMinor price of one unit in minor units of the sale's currency
   * @param units how many are for sale
   * @param limit units that one customer may have at most; 0: no limit
   */
  public record Offering(
      String product, String description, String imageUrl, long priceMinor, int units, int limit) {}

  private record ProductBody(String name, String description, String imageUrl) {}

  private record SaleBody(String name, Instant opensAt, Instant closesAt, long holdSeconds) {}

  private record OfferBody(
      String productId,
      long unitPriceMinor,
      String currency,
      int allocated,
      int limitPerCustomer) {}

  /**
   * Reads a file.
   *
   * @param now what {@code now} and {@code +10m} in it refer to
   * @throws CommandFailure USAGE that lists everything that is wrong, with its line
   */
  public static SaleFile read(Path file, Instant now) {
    try {
      return new SaleFileReader(YamlFile.read(file), now).read();
    } catch (YamlFile.Malformed e) {
      throw new CommandFailure(ExitCode.USAGE, e.getMessage(), e);
    }
  }

  /**
   * Creates the sale at a server, as a draft. A product of the same name that the catalogue has
   * already is used as it is.
   *
   * @return the sale's id
   * @throws CommandFailure as the client does; a draft that was begun is closed: nobody sees it
   */
  public String create(OperatorClient server) {
    var products = new HashMap<String, String>();
    for (var product : server.all("/api/v1/products", "products")) {
      products.putIfAbsent(product.path("name").asText(), product.path("productId").asText());
    }
    var sale =
        server.post(
            "/api/v1/admin/sales", new SaleBody(name, opensAt, closesAt, holdTime.toSeconds()));
    var saleId = sale.path("saleId").asText();
    try {
      offer(server, saleId, products);
      return saleId;
    } catch (CommandFailure e) {
      server.post("/api/v1/admin/sales/" + saleId + "/close", null);
      throw e;
    }
  }

  private void offer(OperatorClient server, String saleId, Map<String, String> products) {
    for (var offer : offers) {
      var productId =
          products.computeIfAbsent(
              offer.product(),
              product ->
                  server
                      .post(
                          "/api/v1/admin/products",
                          new ProductBody(product, offer.description(), offer.imageUrl()))
                      .path("productId")
                      .asText());
      server.post(
          "/api/v1/admin/sales/" + saleId + "/offers",
          new OfferBody(
              productId,
              offer.priceMinor(),
              currency.getCurrencyCode(),
              offer.units(),
              offer.limit()));
    }
  }

  /** The same sale with units held for another time. */
  SaleFile held(Duration newHoldTime) {
    return new SaleFile(name, opensAt, closesAt, newHoldTime, currency, offers);
  }
}
