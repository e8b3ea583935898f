package flashsale.server;

import flashsale.catalog.Catalogue;
import flashsale.contracts.Catalog;
import flashsale.contracts.Inventory;
import flashsale.contracts.Stock;
import flashsale.inventory.Ledger;
import flashsale.platform.http.HttpServer;
import flashsale.platform.metrics.Meters;
import io.micrometer.core.instrument.MultiGauge;
import io.micrometer.core.instrument.Tags;
import java.util.ArrayList;
import java.util.List;
import java.util.function.ToIntFunction;

/** The figures that only the whole shop can tell; docs/metrics.md names all of them. */
final class ShopMeters {
  /** Offers with figures of their own; a metrics store keeps each of their series for weeks. */
  static final int OFFERS_MAX = 100;

  private static final String STOCK = "flashsale.stock";

  /** Null if the role is elsewhere. */
  private final Catalogue catalogue;

  private final MultiGauge stock;

  ShopMeters(
      Meters meters,
      Catalog catalog,
      Inventory inventory,
      HttpServer http,
      HttpServer.Observer accessLog) {
    this.catalogue = catalog instanceof Catalogue here ? here : null;
    this.stock = meters.table(STOCK, "Units of the offers of live sales, by what they are");
    meters.gauge(
        "flashsale.http.running", "Requests being answered", "server", "api", http::running);
    meters.gauge(
        "flashsale.log.dropped",
        "Lines that the log could not keep up with, since the start",
        "log",
        "access",
        accessLog::dropped);
    if (catalogue != null) {
      watch(meters, catalogue);
    }
    if (inventory instanceof Ledger ledger) {
      meters.gauge(
          "flashsale.gate.offers",
          "Offers that the gate can refuse from memory",
          "role",
          "inventory",
          ledger::gateOffers);
    }
  }

  private static void watch(Meters meters, Catalogue catalogue) {
    var live = "flashsale.catalog.live";
    var inMemory = "Sales and offers in memory";
    meters.gauge(live, inMemory, "what", "sales", catalogue::liveSales);
    meters.gauge(live, inMemory, "what", "offers", catalogue::liveOffers);
    meters.gauge(
        "flashsale.catalog.gauge.age.seconds",
        "Age of the availability that is shown, at most",
        "role",
        "catalog",
        () -> catalogue.gaugeAge().toNanos() / 1e9);
  }

  /** Called before each look at the metrics, so that sales that are over leave them. */
  void refresh() {
    if (catalogue == null) {
      return;
    }
    var rows = new ArrayList<MultiGauge.Row<?>>();
    for (var offer : catalogue.busyStock(OFFERS_MAX)) {
      add(rows, offer, "allocated", Stock::allocated);
      add(rows, offer, "available", Stock::available);
      add(rows, offer, "held", Stock::held);
      add(rows, offer, "sold", Stock::sold);
    }
    stock.register(rows, true);
  }

  private static void add(
      List<MultiGauge.Row<?>> rows, Stock offer, String units, ToIntFunction<Stock> figure) {
    var tags =
        Tags.of(
            "sale", offer.saleId().toString(), "offer", offer.offerId().toString(), "units", units);
    rows.add(MultiGauge.Row.of(tags, figure.applyAsInt(offer)));
  }
}
