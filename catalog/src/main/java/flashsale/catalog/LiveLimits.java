package flashsale.catalog;

import flashsale.platform.http.Problem;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Instant;
import java.util.UUID;

/**
 * What is live lies in memory, in every process: that is what these limits are for. They are
 * checked after writing and within the transaction, which is rolled back where they are exceeded;
 * decisions take turns, so two of them cannot exceed a limit together.
 */
final class LiveLimits {
  private final Catalogue.Settings settings;

  LiveLimits(Catalogue.Settings settings) {
    this.settings = settings;
  }

  /**
   * All live sales together.
   *
   * @throws Problem 409 TOO_MANY_SALES or TOO_MANY_OFFERS, with the maximum
   */
  void check(Connection connection, Instant now) throws SQLException {
    var closingAfter = now.minus(settings.closedKept());
    if (SaleRows.count(connection, closingAfter) > settings.liveSalesMax()) {
      throw tooMany("TOO_MANY_SALES", "sales that are not long closed", settings.liveSalesMax());
    }
    if (OfferRows.count(connection, closingAfter) > settings.liveOffersMax()) {
      throw tooMany(
          "TOO_MANY_OFFERS", "offers in sales that are not long closed", settings.liveOffersMax());
    }
  }

  /** The same for one sale. */
  void check(Connection connection, UUID saleId) throws SQLException {
    if (OfferRows.countOf(connection, saleId) > settings.offersPerSaleMax()) {
      throw tooMany("TOO_MANY_OFFERS", "offers in one sale", settings.offersPerSaleMax());
    }
  }

  private static Problem tooMany(String code, String what, int max) {
    return Problem.conflict(code, "There can be " + max + " " + what + " at most.")
        .with("max", max);
  }
}
