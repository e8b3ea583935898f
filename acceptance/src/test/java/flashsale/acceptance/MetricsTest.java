package flashsale.acceptance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import flashsale.acceptance.TestShop.Ask;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

class MetricsTest {
  private static final Pattern NAME = Pattern.compile("(?m)^# TYPE (flashsale_\\w+) ");

  @Test
  void theMetricsTellTheStockOfLiveSalesAndTheirPageNamesThemAll() throws Exception {
    try (var shop = TestShop.start()) {
      var sale = shop.openSale(new Ask(5, 0, 100));
      var offer = "flashsale_stock{offer=\"" + sale.offerId() + "\"";
      await()
          .untilAsserted(
              () ->
                  assertThat(scrape(shop).lines())
                      .filteredOn(line -> line.startsWith(offer))
                      .hasSize(4)
                      .anyMatch(l -> l.contains("\"allocated\"") && l.endsWith(" 5.0"))
                      .anyMatch(l -> l.contains("\"available\"") && l.endsWith(" 5.0")));
      var metrics = scrape(shop);
      assertThat(metrics)
          .contains(
              "flashsale_log_dropped",
              "flashsale_http_running",
              "flashsale_catalog_live",
              "flashsale_catalog_gauge_age_seconds",
              "flashsale_gate_offers",
              "flashsale_outbox_waiting{role=\"payments\"} 0.0",
              "flashsale_outbox_lag_seconds{role=\"payments\"} 0.0",
              "batch=\"reservation-lookup\"",
              "batch=\"payment-open\"");
      var page = Files.readString(Path.of("..", "docs", "metrics.md"));
      var names = NAME.matcher(metrics);
      while (names.find()) {
        assertThat(page).contains("`" + names.group(1) + "`");
      }

      shop.operator().post("/api/v1/admin/sales/" + sale.saleId() + "/close", null).expect(200);
      await().untilAsserted(() -> assertThat(scrape(shop)).doesNotContain(offer));
    }
  }

  static String scrape(TestShop shop) {
    try (var in = shop.url().resolve("/metrics").toURL().openStream()) {
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
