package flashsale.reservations;

import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;
import flashsale.contracts.Fact.ReservationRequested;
import flashsale.contracts.Fact.StockRefused;
import flashsale.contracts.Inventory;
import flashsale.platform.batching.Coalescer;
import flashsale.platform.metrics.Meters;
import java.time.Duration;
import java.util.Optional;
import java.util.UUID;

/**
 * Refuses from memory what is sold out or not open. A request without a key is new, so the figures
 * alone decide. One with a key may be the repeat of a request that took the very last unit: it is
 * refused only if the ledger does not know it. Thread-safe.
 */
final class Gate implements AutoCloseable {
  /** What a key was refused with; the fingerprint is the first body's. */
  record Refused(String fingerprint, StockRefused refusal) {}

  private final Inventory inventory;
  private final Duration deadline;
  private final Coalescer<UUID, Boolean> known;
  private final Cache<UUID, Refused> refused;
  private final Cache<UUID, Boolean> cutOff;

  Gate(Inventory inventory, ReservationApi.Settings settings, Meters meters) {
    this.inventory = inventory;
    this.deadline = settings.deadline();
    this.known =
        meters.coalescer(
            "ledger-lookup",
            ReservationApi.LOOKUPS_BATCH_MAX,
            settings.queueMax(),
            ids -> {
              var found = inventory.known(ids);
              return ids.stream().map(found::contains).toList();
            });
    this.refused = memory(settings);
    this.cutOff = memory(settings);
  }

  private static <T> Cache<UUID, T> memory(ReservationApi.Settings settings) {
    return Caffeine.newBuilder()
        .maximumSize(settings.refusalsMax())
        .expireAfterWrite(settings.refusalTtl())
        .build();
  }

  /** The refusal of a request that nobody can repeat. */
  Optional<StockRefused> refusal(ReservationRequested request) {
    return inventory.refusedAtGate(request);
  }

  /**
   * The refusal of a request with a key, remembered for its repeats. Empty where the ledger has
   * decided about it, or may be about to: then the walk brings the first outcome.
   */
  Optional<StockRefused> refusalWithKey(ReservationRequested request) {
    var id = request.reservationId();
    var refusal = inventory.refusedAtGate(request);
    if (refusal.isEmpty() || cutOff.getIfPresent(id) != null || known.submit(id, deadline)) {
      return Optional.empty();
    }
    refused.put(id, new Refused(request.fingerprint(), refusal.get()));
    return refusal;
  }

  /** What this request was refused with here not long ago. */
  Optional<Refused> remembered(UUID reservationId) {
    return Optional.ofNullable(refused.getIfPresent(reservationId));
  }

  /** Its walk was not waited for: its hold may be committed later than a look-up sees. */
  void cutOff(UUID reservationId) {
    cutOff.put(reservationId, true);
  }

  @Override
  public void close() {
    known.close();
  }
}
