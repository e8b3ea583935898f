package flashsale.catalog;

import java.util.List;

/** A sale with its offers, oldest first. */
record Listing(Sale sale, List<Offer> offers) {}
