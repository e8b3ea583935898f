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
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.stream.Collectors;

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
  private final Coalescer<Set<UUID>, Map<UUID, Optional<Quote>>> questions;
  private final int batchMax;

  public RemoteCatalog(Peer peer, Settings settings, Meters meters) {
    this.door = RemoteDoors.of(Catalog.class, peer);
    this.patience = peer.patience();
    this.quotes =
        Caffeine.newBuilder()
            .maximumSize(settings.quotesMax())
            .expireAfterWrite(settings.quoteTtl())
            .build();
    this.batchMax = settings.batchMax();
    this.questions =
        meters.coalescer("quotes", settings.batchMax(), settings.queueMax(), this::ask);
  }

  /** All of them under one deadline; callers who came in time have gone by then. */
  private List<Map<UUID, Optional<Quote>>> ask(List<Set<UUID>> wanted) {
    var found = Deadline.in(patience).during(() -> found(wanted));
    quotes.putAll(found);
    return Collections.nCopies(wanted.size(), found);
  }

  /** A customer's offers are few, and mostly those that everybody wants: one exchange as a rule. */
  private Map<UUID, Optional<Quote>> found(List<Set<UUID>> wanted) {
    var found = new HashMap<UUID, Optional<Quote>>();
    var offerIds = wanted.stream().flatMap(Set::stream).distinct().toList();
    for (int from = 0; from < offerIds.size(); from += batchMax) {
      var part = offerIds.subList(from, Math.min(from + batchMax, offerIds.size()));
      var told = door.quotes(Set.copyOf(part));
      part.forEach(id -> found.put(id, Optional.ofNullable(told.get(id))));
    }
    return Map.copyOf(found);
  }

  @Override
  public Map<UUID, Quote> quotes(Collection<UUID> offerIds) {
    var wanted = Set.copyOf(offerIds);
    var known = quotes.getAllPresent(wanted);
    var missing = wanted.stream().filter(id -> !known.containsKey(id)).collect(Collectors.toSet());
    var told =
        missing.isEmpty()
            ? Map.<UUID, Optional<Quote>>of()
            : questions.submit(missing, Deadline.left(patience));
    var found = new HashMap<UUID, Quote>();
    for (var id : wanted) {
      known.getOrDefault(id, told.get(id)).ifPresent(quote -> found.put(id, quote));
    }
    return found;
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
