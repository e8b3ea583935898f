package flashsale.reservations;

import flashsale.contracts.Catalog;
import flashsale.contracts.Fact.ReservationRequested;
import flashsale.contracts.Line;
import flashsale.platform.http.Problem;
import flashsale.platform.ids.Ids;
import flashsale.reservations.Carts.Item;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;

/** Turns what a client sent into a priced request: the prices are the catalogue's, never theirs. */
final class ReservationRequests {
  /** The body of {@code POST /reservations}: a cart, or lines; not both. */
  record Body(UUID cartId, List<Item> lines) {}

  private static final UUID FINGERPRINTS = UUID.fromString("7c0d3f1e-52b6-4f0a-9d43-8e1f6a2b9c70");

  private final Carts carts;
  private final Catalog catalog;
  private final ReservationApi.Settings settings;

  ReservationRequests(Carts carts, Catalog catalog, ReservationApi.Settings settings) {
    this.carts = carts;
    this.catalog = catalog;
    this.settings = settings;
  }

  /**
   * What was asked for, as 36 characters however many lines there are: the ledger bounds the text.
   * Two bodies that mean the same may differ in it.
   */
  static String fingerprint(Body body) {
    if (body.cartId() != null) {
      return digest("cart " + body.cartId());
    }
    var text = new StringBuilder();
    for (var item : body.lines() == null ? List.<Item>of() : body.lines()) {
      if (item != null) {
        text.append(item.quantity()).append('x').append(item.offerId()).append(' ');
      }
    }
    return digest(text.toString());
  }

  private static String digest(String text) {
    return Ids.derive(FINGERPRINTS, text).toString();
  }

  /**
   * The request as a fact.
   *
   * @param fingerprint of the body; empty where nobody can ask for its outcome again
   * @throws Problem 404 for a cart that is not the customer's, 422 for anything that cannot be sold
   */
  ReservationRequested request(
      UUID id, UUID customerId, Body body, String fingerprint, Instant now) {
    var quantities = quantities(items(customerId, body));
    var quotes = catalog.quotes(quantities.keySet());
    var lines = new ArrayList<Line>(quantities.size());
    String currency = null;
    long total = 0;
    for (var wanted : quantities.entrySet()) {
      var quote = quotes.get(wanted.getKey());
      if (quote == null) {
        throw Problem.unprocessable("OFFER_UNKNOWN", "There is no such offer in any sale.")
            .with("offerId", wanted.getKey());
      }
      if (currency != null && !currency.equals(quote.currency())) {
        throw Problem.unprocessable(
            "CURRENCIES_MIXED", "All lines of one reservation must have the same currency.");
      }
      currency = quote.currency();
      var line = new Line(wanted.getKey(), wanted.getValue(), quote.unitPriceMinor());
      total = add(total, line);
      lines.add(line);
    }
    return new ReservationRequested(id, customerId, List.copyOf(lines), currency, fingerprint, now);
  }

  private static long add(long total, Line line) {
    try {
      return Math.addExact(total, line.totalMinor());
    } catch (ArithmeticException e) {
      throw Problem.unprocessable("TOTAL_TOO_LARGE", "The total is larger than can be sold.");
    }
  }

  private List<Item> items(UUID customerId, Body body) {
    if ((body.cartId() == null) == (body.lines() == null)) {
      throw Problem.unprocessable("LINES_OR_CART", "Send either cartId or lines.");
    }
    if (body.lines() != null) {
      return body.lines();
    }
    return carts
        .find(body.cartId(), customerId)
        .orElseThrow(() -> Problem.notFound("cart"))
        .items();
  }

  /** Units per offer in the order in which the offers were named first. */
  private Map<UUID, Integer> quantities(List<Item> items) {
    if (items.isEmpty() || items.size() > settings.linesMax()) {
      throw Problem.unprocessable(
          "INVALID_LINES", "A reservation has 1 to " + settings.linesMax() + " lines.");
    }
    var quantities = new LinkedHashMap<UUID, Integer>();
    for (var item : items) {
      if (item == null || item.offerId() == null) {
        throw Problem.unprocessable("INVALID_LINES", "Every line needs an offerId.");
      }
      int before = quantities.getOrDefault(item.offerId(), 0);
      if (item.quantity() < 1 || item.quantity() > settings.quantityMax() - before) {
        throw Problem.unprocessable(
            "INVALID_QUANTITY",
            "The quantity of an offer must be from 1 to " + settings.quantityMax() + ".");
      }
      quantities.put(item.offerId(), before + item.quantity());
    }
    return quantities;
  }
}
