package flashsale.audit;

import java.util.Optional;
import java.util.UUID;

/** Ids in the order of their bytes, as PostgreSQL sorts them; Java's UUIDs compare as signed. */
final class UnsignedIds {
  private UnsignedIds() {}

  static int compare(UUID a, UUID b) {
    int most = Long.compareUnsigned(a.getMostSignificantBits(), b.getMostSignificantBits());
    return most != 0
        ? most
        : Long.compareUnsigned(a.getLeastSignificantBits(), b.getLeastSignificantBits());
  }

  /** The id just before this one. */
  static UUID before(UUID id) {
    long least = id.getLeastSignificantBits();
    long most = id.getMostSignificantBits();
    return new UUID(least == 0 ? most - 1 : most, least - 1);
  }

  /** The least of those that are there. */
  @SafeVarargs
  static Optional<UUID> least(Optional<UUID>... ids) {
    Optional<UUID> least = Optional.empty();
    for (var id : ids) {
      if (id.isPresent() && (least.isEmpty() || compare(id.get(), least.get()) < 0)) {
        least = id;
      }
    }
    return least;
  }
}
