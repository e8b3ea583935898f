package flashsale.doors;

import com.fasterxml.jackson.core.type.TypeReference;
import flashsale.contracts.Inventory;
import flashsale.contracts.Inventory.Figures;
import flashsale.contracts.SaleWindow;
import flashsale.contracts.Stock;
import flashsale.platform.caching.SharedMemory;
import flashsale.platform.json.Json;
import flashsale.platform.lifecycle.Periodic;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.stream.IntStream;

/**
 * The ledger's figures in the memory that processes share, so that many processes which show them
 * do not all ask the ledger. They lie under several keys, an offer's always under the same, and
 * vanish when nobody brings new ones. Thread-safe.
 */
public final class SharedFigures {
  static final int SHARDS = 16;
  private static final String WINDOWS = "gauge:windows";

  /** Rounds after which the last figures are gone. */
  private static final int ROUNDS_KEPT = 2;

  private static final List<String> KEYS =
      IntStream.rangeClosed(0, SHARDS)
          .mapToObj(shard -> shard == SHARDS ? WINDOWS : "gauge:" + shard)
          .toList();

  private final SharedMemory memory;
  private final Map<UUID, Stock> newest = new HashMap<>();

  public SharedFigures(SharedMemory memory) {
    this.memory = memory;
  }

  /** Brings the ledger's figures, again and again, until it is closed. */
  public static AutoCloseable keepTelling(SharedMemory memory, Inventory ledger, Duration every) {
    var figures = new SharedFigures(memory);
    return new Periodic(
        "shared-gauge",
        every,
        () -> figures.tell(ledger.figures(), every.multipliedBy(ROUNDS_KEPT)));
  }

  void tell(Figures figures, Duration kept) {
    var shards = new ArrayList<List<Stock>>();
    for (int shard = 0; shard < SHARDS; shard++) {
      shards.add(new ArrayList<>());
    }
    figures.stock().forEach(stock -> shards.get(shard(stock.offerId())).add(stock));
    var values = new HashMap<String, byte[]>();
    for (int shard = 0; shard < SHARDS; shard++) {
      values.put(KEYS.get(shard), Json.bytes(shards.get(shard)));
    }
    values.put(WINDOWS, Json.bytes(figures.windows()));
    memory.put(values, kept);
  }

  private static int shard(UUID offerId) {
    return Math.floorMod(offerId.hashCode(), SHARDS);
  }

  /**
   * The figures, if all of them are there; none of them older than one that was read here before.
   */
  public synchronized Optional<Figures> read() {
    var values = memory.get(KEYS);
    if (values.size() < KEYS.size()) {
      return Optional.empty();
    }
    var stock = new ArrayList<Stock>();
    for (int shard = 0; shard < SHARDS; shard++) {
      stock.addAll(parsed(values.get(KEYS.get(shard)), new TypeReference<List<Stock>>() {}));
    }
    stock.replaceAll(
        told -> newest.merge(told.offerId(), told, (a, b) -> b.revision() > a.revision() ? b : a));
    newest.keySet().retainAll(stock.stream().map(Stock::offerId).toList());
    return Optional.of(
        new Figures(stock, parsed(values.get(WINDOWS), new TypeReference<List<SaleWindow>>() {})));
  }

  private static <T> T parsed(byte[] bytes, TypeReference<T> type) {
    try {
      return Json.tolerant().readValue(bytes, type);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
