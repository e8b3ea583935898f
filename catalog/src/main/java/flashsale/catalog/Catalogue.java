package flashsale.catalog;

import flashsale.contracts.Catalog;
import flashsale.contracts.Checkout;
import flashsale.contracts.Fact;
import flashsale.contracts.Fact.SaleKnown;
import flashsale.contracts.Fact.StockAllocated;
import flashsale.contracts.Inventory;
import flashsale.contracts.Quote;
import flashsale.contracts.Stock;
import flashsale.platform.caching.SharedMemory;
import flashsale.platform.http.Answer;
import flashsale.platform.http.Problem;
import flashsale.platform.messaging.Envelopes;
import flashsale.platform.messaging.Outbox;
import flashsale.platform.persistence.Database;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Products, sales and offers. The truth about what operators decided is this role's database, the
 * truth about stock is the ledger; what customers read comes from memory, kept fresh by two threads
 * of its own: one looks for changed rows, one for changed figures. When either source is down, the
 * last known pages go on being served. Thread-safe.
 */
public final class Catalogue implements Catalog, AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Catalogue.class);

  /** Rows are read again after this time although nothing changed, to drop what is long closed. */
  private static final Duration ROWS_KEPT = Duration.ofMinutes(1);

  /**
   * How the catalogue is set.
   *
   * @param gaugeRefresh how often the figures of open sales are read from the ledger; with the time
   *     of one read it bounds how late the pages are
   * @param rowsRefresh how often another process's changes are looked for, and the figures of sales
   *     that are not open
   * @param closedKept how long a closed sale stays in memory
   * @param liveSalesMax sales in memory; more cannot be made
   * @param liveOffersMax offers in memory, of all sales together; more cannot be made
   * @param offersPerSaleMax offers of one sale; more cannot be made
   * @param productCacheMaxBytes memory for ready product pages; those used least are dropped
   */
  public record Settings(
      Duration gaugeRefresh,
      Duration rowsRefresh,
      Duration closedKept,
      int liveSalesMax,
      int liveOffersMax,
      int offersPerSaleMax,
      long productCacheMaxBytes) {
    public Settings {
      if (!gaugeRefresh.isPositive() || !rowsRefresh.isPositive() || closedKept.isNegative()) {
        throw new IllegalArgumentException("gaugeRefresh and rowsRefresh must be positive");
      }
      if (gaugeRefresh.compareTo(rowsRefresh) > 0) {
        throw new IllegalArgumentException(
            "gaugeRefresh must not be longer than rowsRefresh, or open sales would be looked at"
                + " more rarely than others");
      }
      if (liveSalesMax < 1 || offersPerSaleMax < 1 || liveOffersMax < offersPerSaleMax) {
        throw new IllegalArgumentException(
            "liveOffersMax must be at least offersPerSaleMax, or one full sale would not fit");
      }
    }

    /** Right for one small machine. */
    public static Settings defaults() {
      return new Settings(
          Duration.ofMillis(100),
          Duration.ofSeconds(1),
          Duration.ofHours(1),
          1_000,
          20_000,
          200,
          16L * 1024 * 1024);
    }
  }

  private final Database database;
  private final Inventory inventory;
  private final InstantSource clock;
  private final Settings settings;
  private final ServerTime time;
  private final SalePages pages = new SalePages();
  private final ColdPages cold;
  private final ProductDecisions products;
  private final SaleDecisions sales;
  private final OfferDecisions offers;
  private final Gauge gauge;
  private final Ticker rowsTicker;
  private final Ticker gaugeTicker;
  private final ReentrantLock reading = new ReentrantLock();
  private volatile LiveSales live;

  /**
   * Reads what is live and starts to keep it fresh. The ledger need not be there yet.
   *
   * @param memory where processes of this role leave pages for each other
   * @param outbox of this role's database; a relay must drive it
   * @param checkout carries decisions to the ledger; not used before the first decision
   */
  public Catalogue(
      Database database,
      SharedMemory memory,
      Outbox outbox,
      Envelopes<Fact> envelopes,
      Inventory inventory,
      Checkout checkout,
      InstantSource clock,
      Settings settings) {
    this.database = database;
    this.inventory = inventory;
    this.clock = clock;
    this.settings = settings;
    this.time = new ServerTime(clock);
    this.cold = new ColdPages(database, memory, inventory, clock, settings.productCacheMaxBytes());
    var limits = new LiveLimits(settings);
    var decisions = new Decisions(database, outbox, envelopes, checkout, clock, this::changedHere);
    this.products = new ProductDecisions(database, decisions, cold::forgetProduct);
    this.sales = new SaleDecisions(decisions, limits);
    this.offers = new OfferDecisions(database, inventory, decisions, limits);
    readRows();
    this.gauge = new Gauge(inventory, pages, () -> live, clock, settings.rowsRefresh());
    this.rowsTicker = new Ticker("catalog-rows", settings.rowsRefresh(), this::readChangedRows);
    this.gaugeTicker = new Ticker("catalog-gauge", settings.gaugeRefresh(), gauge::look);
  }

  /** From memory; only offers of sales that closed long ago are asked for. */
  @Override
  public Map<UUID, Quote> quotes(Collection<UUID> offerIds) {
    var known = live.quotes();
    var found = HashMap.<UUID, Quote>newHashMap(offerIds.size());
    var missing = new ArrayList<UUID>(0);
    for (var offerId : offerIds) {
      var quote = known.get(offerId);
      if (quote != null) {
        found.put(offerId, quote);
      } else {
        missing.add(offerId);
      }
    }
    if (!missing.isEmpty()) {
      found.putAll(cold.oldQuotes(missing));
    }
    return found;
  }

  /** Records what the ledger made of allocations: takes StockAllocated, answers SaleKnown. */
  @Override
  public List<Fact> apply(List<Fact> facts) {
    var latest = new HashMap<UUID, StockAllocated>();
    for (var fact : facts) {
      if (!(fact instanceof StockAllocated allocated)) {
        throw new IllegalArgumentException("catalog does not take " + fact);
      }
      latest.merge(allocated.offerId(), allocated, (a, b) -> b.version() > a.version() ? b : a);
    }
    database.inTransaction(
        connection -> {
          SaleRows.nextRevision(connection);
          OfferRows.record(connection, latest.values());
          return null;
        });
    rowsTicker.wake();
    return facts.stream()
        .map(StockAllocated.class::cast)
        .<Fact>map(allocated -> new SaleKnown(allocated.saleId(), allocated.version()))
        .toList();
  }

  /**
   * The page of a published sale.
   *
   * @param has whether the caller already has the representation with this tag
   * @throws Problem 404
   */
  Answer sale(UUID saleId, Predicate<String> has) {
    var page = pages.page(saleId);
    if (page == null) {
      page = cold.oldSale(saleId).orElseThrow(() -> Problem.notFound("sale"));
    }
    return page.answer(time.now(), has);
  }

  /** What is read when somebody asks for it. */
  ColdPages cold() {
    return cold;
  }

  /** What operators may do about products. */
  ProductDecisions products() {
    return products;
  }

  /** What operators may do about sales. */
  SaleDecisions sales() {
    return sales;
  }

  /** What operators may do about offers. */
  OfferDecisions offers() {
    return offers;
  }

  /** A sale in any state, straight from the database and the ledger. */
  SaleDetail detail(UUID saleId) {
    var listing =
        database
            .with(connection -> SaleRows.listing(connection, saleId))
            .orElseThrow(() -> Problem.notFound("sale"));
    return SaleDetail.of(listing, figures(saleId), clock.instant());
  }

  private Map<UUID, Stock> figures(UUID saleId) {
    try {
      var stocks = inventory.stock(List.of(saleId));
      pages.count(stocks);
      return stocks.stream().collect(Collectors.toMap(Stock::offerId, stock -> stock));
    } catch (RuntimeException e) {
      LOG.warn("the last known figures are shown for sale {}: {}", saleId, e.toString());
      return pages.figures();
    }
  }

  /** How old the figures on the pages are at most, for a metric. */
  public Duration gaugeAge() {
    return gauge.age();
  }

  /**
   * The last known figures of offers that customers buy now, or shortly: what the gauge looks at.
   *
   * @param max offers at most
   */
  public List<Stock> busyStock(int max) {
    var busy = Set.copyOf(live.busy(clock.instant()));
    return pages.figures().values().stream()
        .filter(stock -> busy.contains(stock.saleId()))
        .limit(max)
        .toList();
  }

  /** Offers in memory, for a metric. */
  public int liveOffers() {
    return live.quotes().size();
  }

  /** Sales in memory, for a metric. */
  public int liveSales() {
    return live.listings().size();
  }

  /** The change is committed: whatever fails here is repaired by the next look. */
  private void changedHere() {
    try {
      cold.forget();
      readRows();
    } catch (RuntimeException e) {
      LOG.warn("changed rows could not be read: {}", e.toString());
      rowsTicker.wake();
    }
  }

  private void readChangedRows() {
    long revision = database.with(SaleRows::revision);
    var seen = live;
    if (revision != seen.revision()
        || Duration.between(seen.readAt(), clock.instant()).compareTo(ROWS_KEPT) > 0) {
      readRows();
    }
  }

  /** Takes turns, so that what is shown never goes back to an older revision. */
  private void readRows() {
    reading.lock();
    try {
      live = LiveSales.read(database, clock.instant(), settings.closedKept());
      pages.show(live.listings());
    } finally {
      reading.unlock();
    }
  }

  /** Ends both threads; pages can still be read. */
  @Override
  public void close() {
    rowsTicker.close();
    gaugeTicker.close();
  }
}
