package flashsale.catalog;

import flashsale.contracts.Quote;
import flashsale.platform.persistence.Database;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;

/**
 * Every sale that is not long closed, with its offers, as the database had them at one revision.
 * Immutable. Bounded, because new sales and offers are refused beyond {@link
 * Catalogue.Settings#liveSalesMax} and {@link Catalogue.Settings#liveOffersMax}.
 */
record LiveSales(long revision, Instant readAt, List<Listing> listings, Map<UUID, Quote> quotes) {
  /** How long before its opening a sale is watched as closely as an open one. */
  private static final Duration WATCHED_BEFORE = Duration.ofMinutes(1);

  static LiveSales read(Database database, Instant now, Duration closedKept) {
    return database.with(
        connection -> {
          // Read before the rows: rows that are newer than it are only read once more.
          long revision = SaleRows.revision(connection);
          var listings = SaleRows.listings(connection, now.minus(closedKept));
          return new LiveSales(revision, now, List.copyOf(listings), quotes(listings));
        });
  }

  /** What each offer of these sales costs, and when, by offer. */
  static Map<UUID, Quote> quotes(List<Listing> listings) {
    var quotes = new HashMap<UUID, Quote>();
    for (var listing : listings) {
      var sale = listing.sale();
      for (var offer : listing.offers()) {
        quotes.put(
            offer.offerId(),
            new Quote(
                offer.offerId(),
                sale.saleId(),
                offer.productName(),
                offer.unitPriceMinor(),
                offer.currency(),
                offer.limitPerCustomer(),
                sale.state(),
                sale.opensAt(),
                sale.closesAt()));
      }
    }
    return quotes;
  }

  /** The published sales whose figures change by the second: open, paused, or opening shortly. */
  List<UUID> busy(Instant now) {
    var soon = now.plus(WATCHED_BEFORE);
    var ids = new ArrayList<UUID>();
    for (var listing : listings) {
      switch (listing.sale().stateAt(now)) {
        case OPEN, PAUSED -> ids.add(listing.sale().saleId());
        case SCHEDULED -> {
          if (!listing.sale().opensAt().isAfter(soon)) {
            ids.add(listing.sale().saleId());
          }
        }
        case DRAFT, CLOSED -> {
          // Nobody sees the one, and the other only changes as its last holds end.
        }
      }
    }
    return ids;
  }

  /** All published sales. */
  List<UUID> published() {
    return listings.stream()
        .map(Listing::sale)
        .filter(sale -> sale.fact().isPresent())
        .map(Sale::saleId)
        .toList();
  }
}
