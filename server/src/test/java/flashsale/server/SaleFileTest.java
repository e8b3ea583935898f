package flashsale.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import flashsale.catalog.Catalogue;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SaleFileTest {
  private static final Instant NOW = Instant.parse("2026-11-24T10:00:00Z");
  private static final String SALE =
      """
      name: Test sale
      opensAt: now
      closesAt: +2h
      currency: EUR
      offers:
        - product: Parka
          price: 349.00
          units: 50
          limit: 1
        - product: Stove
          description: Titanium
          price: 9.5
          units: 7
      """;

  @TempDir private Path folder;

  @Test
  void theExampleHasAboutTwentyProductsOfWhichAFewAreScarce() {
    var sale = SaleFile.read(Project.root().resolve("examples/winter-drop.yaml"), NOW);

    assertThat(sale.offers()).hasSizeBetween(18, 25);
    assertThat(sale.offers()).filteredOn(o -> o.units() <= 200).hasSizeBetween(3, 5);
    assertThat(sale.offers())
        .filteredOn(o -> o.units() <= 200)
        .allMatch(o -> o.limit() == 1 || o.limit() == 2);
    assertThat(sale.currency().getCurrencyCode()).isEqualTo("EUR");
  }

  @Test
  void aFileBecomesASale() throws IOException {
    var sale = SaleFile.read(file(SALE), NOW);

    assertThat(sale.name()).isEqualTo("Test sale");
    assertThat(sale.opensAt()).isEqualTo(NOW);
    assertThat(sale.closesAt()).isEqualTo(NOW.plus(Duration.ofHours(2)));
    assertThat(sale.holdTime()).isEqualTo(Duration.ofMinutes(10));
    assertThat(sale.offers())
        .containsExactly(
            new SaleFile.Offering("Parka", "", null, 34_900, 50, 1),
            new SaleFile.Offering("Stove", "Titanium", null, 950, 7, 0));
  }

  @ParameterizedTest
  @CsvSource({
    "now, +90m, 2026-11-24T10:00:00Z, 2026-11-24T11:30:00Z",
    "+10m, +1h, 2026-11-24T10:10:00Z, 2026-11-24T11:10:00Z",
    "2026-12-01T18:00:00Z, 2026-12-01T20:00:00Z, 2026-12-01T18:00:00Z, 2026-12-01T20:00:00Z",
    "2026-12-01T18:00:00Z, +30m, 2026-12-01T18:00:00Z, 2026-12-01T18:30:00Z"
  })
  void timesMayBeRelative(String opensAt, String closesAt, Instant opens, Instant closes)
      throws IOException {
    var sale = SaleFile.read(file(SALE.replace("now", opensAt).replace("+2h", closesAt)), NOW);

    assertThat(sale.opensAt()).isEqualTo(opens);
    assertThat(sale.closesAt()).isEqualTo(closes);
  }

  @Test
  void aCurrencyWithoutMinorUnitsTakesNoDecimals() throws IOException {
    var yen = SALE.replace("EUR", "JPY").replace("9.5", "950").replace("349.00", "34900");

    assertThat(SaleFile.read(file(yen), NOW).offers().getFirst().priceMinor()).isEqualTo(34_900);
    assertThat(wrong(SALE.replace("EUR", "JPY"))).contains("price of offer 2", "0 decimals of JPY");
  }

  @ParameterizedTest
  @CsvSource({
    "'name: Test sale', 'name:', 1, name must be a text",
    "'opensAt: now', 'opensAt: soon', 2, 'opensAt must be now, a time from now'",
    "'closesAt: +2h', 'closesAt: 2020-01-01T00:00:00Z', 3, closesAt must be after opensAt",
    "'closesAt: +2h', 'closesAt: +0', 3, closesAt must be after opensAt",
    "'currency: EUR', 'currency: Euro', 4, currency must be an ISO 4217 code",
    "'currency: EUR', 'curency: EUR', 4, there is no field curency. Did you mean currency?",
    "'description: Titanium', 'imageUrl: javascript:x', 11, 'imageUrl of offer 2 must be an http'",
    "'price: 349.00', 'price: 10000000000.01', 7, price of offer 1",
    "'opensAt: now', 'opensAt: 1999-12-31T00:00:00Z', 2, opensAt",
    "'closesAt: +2h', 'closesAt: 2200-01-01T00:00:00Z', 3, closesAt",
    "'price: 349.00', 'price: 349.001', 7, 'price of offer 1 must be an amount'",
    "'price: 349.00', 'price: cheap', 7, price of offer 1",
    "'price: 349.00', 'price: -1', 7, price of offer 1",
    "'price: 349.00', 'prize: 349.00', 7, Did you mean price?",
    "'units: 50', 'units: 0', 8, units of offer 1 must be a whole number from 1",
    "'units: 50', 'units: 5.5', 8, units of offer 1",
    "'units: 50', 'units: 99999999999', 8, units of offer 1",
    "'limit: 1', 'limit: [1]', 9, limit of offer 1",
    "'product: Stove', 'product: Parka', 10, product of offer 2 is the same as in line 6"
  })
  void aMistakeIsToldWithItsLine(String right, String mistaken, int line, String said)
      throws IOException {
    var message = wrong(SALE.replace(right, mistaken));

    assertThat(message).contains("sale.yaml:" + line + ":").contains(said);
  }

  @Test
  void allMistakesAreToldAtOnce() throws IOException {
    var message = wrong("name: ''\nopensAt: x\noffers:\n  - product: P\n");

    assertThat(message)
        .contains("name", "opensAt", "closesAt is missing", "currency is missing")
        .contains("price of offer 1 is missing", "units of offer 1 is missing");
  }

  @Test
  void noMoreOffersThanTheServerTakes() throws IOException {
    int most = Catalogue.Settings.defaults().offersPerSaleMax();
    var offer = "  - product: P%d\n    price: 1\n    units: 1\n";
    var many =
        new StringBuilder("name: Test\nopensAt: now\nclosesAt: +1h\ncurrency: EUR\noffers:\n");
    for (int i = 0; i < most; i++) {
      many.append(offer.formatted(i));
    }

    assertThat(SaleFile.read(file(many.toString()), NOW).offers()).hasSize(most);
    assertThat(wrong(many + offer.formatted(most))).contains("a list of 1 to " + most + " offers");
  }

  @Test
  void aSaleNeedsOffers() throws IOException {
    assertThat(wrong("name: Test\nopensAt: now\nclosesAt: +1h\ncurrency: EUR\noffers: []\n"))
        .contains("sale.yaml:5: offers must be a list");
  }

  @Test
  void whatIsNoYamlSaysWhere() throws IOException {
    assertThat(wrong("name: [\n\n")).contains("sale.yaml:").contains("no YAML");
    assertThat(wrong("name: a\nname: b\n")).contains("sale.yaml:2 says name again, after line 1");
  }

  @Test
  void aMissingFileIsSaid() {
    var missing = folder.resolve("none.yaml");

    var failure = catchThrowableOfType(CommandFailure.class, () -> SaleFile.read(missing, NOW));

    assertThat(failure).hasMessageContaining("there is no such file");
  }

  private Path file(String text) throws IOException {
    return Files.writeString(folder.resolve("sale.yaml"), text);
  }

  private String wrong(String text) throws IOException {
    var file = file(text);
    var failure = catchThrowableOfType(CommandFailure.class, () -> SaleFile.read(file, NOW));
    assertThat(failure).as("it is refused").isNotNull();
    assertThat(failure.exitCode()).isEqualTo(ExitCode.USAGE);
    return failure.getMessage();
  }
}
