package flashsale.server;

import com.fasterxml.jackson.databind.JsonNode;
import flashsale.lab.CrowdReport;
import java.util.HashMap;
import java.util.UUID;

/**
 * What became of a demo's units once the crowd has left, from what operators are told of a sale.
 */
final class DemoStock {
  private DemoStock() {}

  /** Units that are held now. */
  static long held(JsonNode sale) {
    long held = 0;
    for (var offer : sale.path("offers")) {
      held += offer.path("held").asLong();
    }
    return held;
  }

  /**
   * Every offer's units. A unit that was reserved, is neither sold nor held and was not released
   * has expired: the crowd was alone at the sale.
   */
  static String table(CrowdReport report, JsonNode sale) {
    var now = new HashMap<UUID, JsonNode>();
    for (var offer : sale.path("offers")) {
      now.put(UUID.fromString(offer.path("offerId").asText()), offer);
    }
    var table =
        new TextTable("offer", "units", "reserved", "released", "expired", "sold", "held", "left");
    for (var line : report.offers()) {
      var offer = now.get(line.offerId());
      long sold = offer.path("sold").asLong();
      long held = offer.path("held").asLong();
      long expired = Math.max(0, line.reserved() - line.released() - sold - held);
      table.row(
          line.name(),
          line.allocated(),
          line.reserved(),
          line.released(),
          expired,
          sold,
          held,
          offer.path("available").asLong());
    }
    return "%nWhen the holds had ended:%n%n".formatted() + table + System.lineSeparator();
  }
}
