package flashsale.doors;

import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;
import flashsale.contracts.Catalog;
import flashsale.contracts.Fact;
import flashsale.contracts.Quote;
import flashsale.platform.batching.Coalescer;
import flashsale.platform.metrics.Meters;
import flashsale.platform.time.Deadline;
import java.time.Duration;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;

/**
 * The catalogue in another process. Quotes are remembered for a moment, and asked for together: a
 * hot offer costs a few exchanges a second, however many want it. Thread-safe.
 */
public final class RemoteCatalog implements Catalog, AutoCloseable {
  /**
   * Sizes.
   *
   * @param quoteTtl how long a quote is remembered: a new price is in force no later than that
   * @param quotesMax quotes remembered
   * @param batchMax offers in one question
   * @param queueMax questions waiting to be asked
   */
  public record Settings(Duration quoteTtl, int quotesMax, int batchMax, int queueMax) {}

  private final Catalog door;
  private final Duration patience;
  private final Cache<UUID, Optional<Quote>> quotes;
  private final Coalescer<UUID, Optional<Quote>> questions;

  public RemoteCatalog(Peer peer, Settings settings, Meters meters) {
    this.door = RemoteDoors.of(Catalog.class, peer);
    this.patience = peer.patience();
    this.quotes =
        Caffeine.newBuilder()
            .maximumSize(settings.quotesMax())
            .expireAfterWrite(settings.quoteTtl())
            .build();
    this.questions =
        new Coalescer<>(
            "quotes",
            settings.batchMax(),
            settings.queueMax(),
            this::ask,
            meters.batches("quotes"));
  }

  private List<Optional<Quote>> ask(List<UUID> offerIds) {
    var found = door.quotes(Set.copyOf(offerIds));
    return offerIds.stream().map(id -> Optional.ofNullable(found.get(id))).toList();
  }

  @Override
  public Map<UUID, Quote> quotes(Collection<UUID> offerIds) {
    var found = new HashMap<UUID, Quote>();
    for (var id : offerIds) {
      quote(id).ifPresent(quote -> found.put(id, quote));
    }
    return found;
  }

  private Optional<Quote> quote(UUID offerId) {
    var known = quotes.getIfPresent(offerId);
    if (known != null) {
      return known;
    }
    var quote = questions.submit(offerId, Deadline.left(patience));
    quotes.put(offerId, quote);
    return quote;
  }

  @Override
  public List<Fact> apply(List<Fact> facts) {
    return door.apply(facts);
  }

  @Override
  public void close() {
    questions.close();
  }
}
