package flashsale.catalog;

import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;
import flashsale.contracts.Inventory;
import flashsale.contracts.Quote;
import flashsale.contracts.SaleState;
import flashsale.contracts.Stock;
import flashsale.platform.caching.SharedMemory;
import flashsale.platform.ids.Ids;
import flashsale.platform.json.Json;
import flashsale.platform.persistence.Database;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What is read from the database when somebody asks for it, and kept ready for a moment: products,
 * lists, and sales that closed long ago. However many ask for the same at a time, one of them asks
 * the database. Thread-safe.
 */
final class ColdPages {
  private static final Logger LOG = LoggerFactory.getLogger(ColdPages.class);

  /** Bounds the memory; the time bounds how late another process's change is seen here. */
  private static final int LISTS_MAX = 1_000;

  private static final Duration LISTS_KEPT = Duration.ofMillis(250);
  private static final int OLD_SALES_MAX = 200;
  private static final int OLD_QUOTES_MAX = 1_000;
  private static final Duration OLD_SALES_KEPT = Duration.ofSeconds(10);
  private static final Duration PRODUCTS_KEPT = Duration.ofSeconds(5);
  private static final Duration PRODUCTS_SHARED = Duration.ofMinutes(1);
  private static final String PRODUCT = "product:";

  /** What a cached product takes besides its bytes, roughly. */
  private static final int ENTRY_BYTES = 300;

  private record PageOf(String what, int limit, String cursor) {}

  private record Products(List<Product> products, String next) {}

  private record Sales(List<Line> sales, String next) {}

  /** A sale in a list. */
  private record Line(
      UUID saleId,
      String name,
      SaleState state,
      Instant opensAt,
      Instant closesAt,
      int offerCount) {

    static Line of(SaleRows.Line line, Instant now) {
      var sale = line.sale();
      return new Line(
          sale.saleId(),
          sale.name(),
          sale.stateAt(now),
          sale.opensAt(),
          sale.closesAt(),
          line.offerCount());
    }
  }

  private final Database database;
  private final SharedMemory memory;
  private final Inventory inventory;
  private final InstantSource clock;
  private final Cache<UUID, Ready> products;
  private final Cache<PageOf, Ready> lists =
      Caffeine.newBuilder().maximumSize(LISTS_MAX).expireAfterWrite(LISTS_KEPT).build();
  private final Cache<UUID, Quote> oldQuotes =
      Caffeine.newBuilder().maximumSize(OLD_QUOTES_MAX).expireAfterWrite(OLD_SALES_KEPT).build();
  private final Cache<UUID, SalePage> oldSales =
      Caffeine.newBuilder().maximumSize(OLD_SALES_MAX).expireAfterWrite(OLD_SALES_KEPT).build();

  /**
   * @param memory where processes leave product pages for each other
   */
  ColdPages(
      Database database,
      SharedMemory memory,
      Inventory inventory,
      InstantSource clock,
      long productCacheMaxBytes) {
    this.database = database;
    this.memory = memory;
    this.inventory = inventory;
    this.clock = clock;
    this.products =
        Caffeine.newBuilder()
            .maximumWeight(productCacheMaxBytes)
            .weigher((UUID id, Ready ready) -> ready.body().length + ENTRY_BYTES)
            .expireAfterWrite(PRODUCTS_KEPT)
            .build();
    memory.listen(SharedMemory.FORGOTTEN, this::changedElsewhere);
  }

  /** The product, where there is one. */
  Optional<Ready> product(UUID productId) {
    return Optional.ofNullable(
        products.get(
            productId,
            id ->
                memory
                    .get(PRODUCT + id, PRODUCTS_SHARED, () -> readProduct(id))
                    .map(bytes -> Ready.of(bytes))
                    .orElse(null)));
  }

  private Optional<byte[]> readProduct(UUID productId) {
    return database
        .read(connection -> ProductRows.find(connection, productId))
        .map(product -> Json.bytes(product));
  }

  private void changedElsewhere(String key) {
    if (key.startsWith(PRODUCT)) {
      Ids.parse(key.substring(PRODUCT.length())).ifPresent(products::invalidate);
    }
  }

  /** One page of all products. */
  Ready products(int limit, String cursor) {
    return lists.get(new PageOf("products", limit, cursor), page -> readProducts(limit, cursor));
  }

  private Ready readProducts(int limit, String cursor) {
    var after = Optional.ofNullable(cursor).map(Cursor::parseProduct);
    var found = database.read(connection -> ProductRows.page(connection, after, limit + 1));
    return Ready.of(
        new Products(
            found.subList(0, Math.min(limit, found.size())),
            found.size() > limit ? Cursor.ofProduct(found.get(limit - 1).productId()) : null));
  }

  /** One page of all sales, with or without those that were never published. */
  Ready sales(boolean withUnpublished, int limit, String cursor) {
    return lists.get(
        new PageOf(withUnpublished ? "all sales" : "sales", limit, cursor),
        page -> readSales(withUnpublished, limit, cursor));
  }

  private Ready readSales(boolean withUnpublished, int limit, String cursor) {
    var after = Optional.ofNullable(cursor).map(Cursor.OfSale::parse);
    var found =
        database.read(connection -> SaleRows.page(connection, withUnpublished, after, limit + 1));
    var now = clock.instant();
    var shown = found.subList(0, Math.min(limit, found.size()));
    return Ready.of(
        new Sales(
            shown.stream().map(line -> Line.of(line, now)).toList(),
            found.size() > limit ? next(shown.getLast().sale()) : null));
  }

  private static String next(Sale last) {
    return new Cursor.OfSale(last.opensAt(), last.saleId()).text();
  }

  /** The page of a published sale that is not live here. */
  Optional<SalePage> oldSale(UUID saleId) {
    return Optional.ofNullable(
        oldSales.get(
            saleId,
            id ->
                database
                    .read(connection -> SaleRows.listing(connection, id))
                    .filter(listing -> listing.sale().published())
                    .map(listing -> SalePage.of(listing, figures(id)))
                    .orElse(null)));
  }

  /**
   * The quotes of published offers that are not live here, as far as these are such: what customers
   * can still see must not be denied.
   */
  Map<UUID, Quote> oldQuotes(Collection<UUID> offerIds) {
    return oldQuotes.getAll(
        offerIds,
        ids -> {
          Set<UUID> asked = Set.copyOf(ids);
          var quotes =
              new HashMap<UUID, Quote>(
                  LiveSales.quotes(
                      database.read(connection -> SaleRows.listingsOf(connection, asked))));
          quotes.keySet().retainAll(asked);
          return quotes;
        });
  }

  private Map<UUID, Stock> figures(UUID saleId) {
    try {
      return inventory.stock(List.of(saleId)).stream()
          .collect(Collectors.toMap(Stock::offerId, stock -> stock));
    } catch (RuntimeException e) {
      LOG.warn("no figures for the old sale {}: {}", saleId, e.toString());
      return Map.of();
    }
  }

  /** Something was changed here: what is kept may no longer be true. */
  void forget() {
    lists.invalidateAll();
    oldSales.invalidateAll();
    oldQuotes.invalidateAll();
  }

  /** This product was changed here. Waits for a reader that is just bringing the old one. */
  void forgetProduct(UUID productId) {
    memory.forget(PRODUCT + productId);
    products.invalidate(productId);
    lists.invalidateAll();
  }
}
