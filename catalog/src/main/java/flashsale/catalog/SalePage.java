package flashsale.catalog;

import flashsale.contracts.SaleState;
import flashsale.contracts.Stock;
import flashsale.platform.http.Answer;
import flashsale.platform.json.Json;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.function.Predicate;

/**
 * What a request for one sale is answered, as bytes that lack only the server's time: the opening
 * of the object, the time, and the rest. There is one rest for each state that the clock may bring,
 * so that the page changes its state on time without being made again. Immutable.
 *
 * <p>The entity tag is weak (RFC 9110, 8.8.1): pages with the same tag differ in their time.
 */
final class SalePage {
  private static final byte[] BEFORE_TIME = ascii("{\"serverTime\":\"");

  private record Head(UUID saleId, String name) {}

  private record Tail(Instant opensAt, Instant closesAt, int holdSeconds, List<Item> offers) {}

  /**
   * An offer as customers see it.
   *
   * @param available units; null as long as the ledger has never told
   */
  private record Item(
      UUID offerId,
      UUID productId,
      String productName,
      long unitPriceMinor,
      String currency,
      int limitPerCustomer,
      int allocated,
      Integer available,
      boolean soldOut) {

    static Item of(Offer offer, Stock stock) {
      return new Item(
          offer.offerId(),
          offer.productId(),
          offer.productName(),
          offer.unitPriceMinor(),
          offer.currency(),
          offer.limitPerCustomer(),
          stock == null ? offer.allocated() : stock.allocated(),
          stock == null ? null : stock.available(),
          stock != null && stock.available() == 0);
    }
  }

  /** The page in one state. */
  private record Face(
      byte[] afterTime, String tag, String etag, List<Map.Entry<String, String>> headers) {}

  private final Listing listing;
  private final List<Item> items;
  private final Map<SaleState, Face> faces = new EnumMap<>(SaleState.class);

  private SalePage(Listing listing, List<Item> items) {
    this.listing = listing;
    this.items = items;
    var sale = listing.sale();
    var head = Json.text(new Head(sale.saleId(), sale.name()));
    var tail = Json.text(new Tail(sale.opensAt(), sale.closesAt(), sale.holdSeconds(), items));
    for (var state : SaleState.values()) {
      faces.put(state, face(head, state, tail));
    }
  }

  /** The page of this sale with the ledger's figures by offer, as far as they are known. */
  static SalePage of(Listing listing, Map<UUID, Stock> figures) {
    return new SalePage(listing, items(listing, figures));
  }

  /** This very page where nothing that it shows has changed, else a new one. */
  SalePage with(Listing nowListing, Map<UUID, Stock> figures) {
    var nowItems = items(nowListing, figures);
    return nowItems.equals(items) && nowListing.sale().equals(listing.sale())
        ? this
        : new SalePage(nowListing, nowItems);
  }

  private static List<Item> items(Listing listing, Map<UUID, Stock> figures) {
    return listing.offers().stream()
        .map(offer -> Item.of(offer, figures.get(offer.offerId())))
        .toList();
  }

  /** Joins the object of the head, the state, and the object of the tail into one object. */
  private static Face face(String head, SaleState state, String tail) {
    var text =
        "\","
            + head.substring(1, head.length() - 1)
            + ",\"state\":\""
            + state
            + "\","
            + tail.substring(1);
    var bytes = text.getBytes(StandardCharsets.UTF_8);
    var tag = Ready.tag(bytes, "");
    var etag = "W/" + tag;
    return new Face(bytes, tag, etag, Ready.headers(etag));
  }

  Listing listing() {
    return listing;
  }

  /**
   * The page at this moment, or 304.
   *
   * @param has whether the caller already has the representation with this tag
   */
  Answer answer(ServerTime.Stamp now, Predicate<String> has) {
    var face = faces.get(listing.sale().stateAt(now.instant()));
    if (has.test(face.tag)) {
      return Answer.notModified(face.etag);
    }
    var time = now.text();
    var body = new byte[BEFORE_TIME.length + time.length + face.afterTime.length];
    System.arraycopy(BEFORE_TIME, 0, body, 0, BEFORE_TIME.length);
    System.arraycopy(time, 0, body, BEFORE_TIME.length, time.length);
    System.arraycopy(
        face.afterTime, 0, body, BEFORE_TIME.length + time.length, face.afterTime.length);
    return new Answer(200, face.headers, Ready.JSON, body);
  }

  private static byte[] ascii(String text) {
    return text.getBytes(StandardCharsets.US_ASCII);
  }
}
