package flashsale.audit;

import flashsale.audit.AuditReport.Breach;
import flashsale.audit.AuditReport.Rule;
import flashsale.contracts.AuditRow;
import flashsale.contracts.Payments;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.function.Predicate;

/**
 * Compares the gateway's book with ours, key by key: a second charge of an order under another key,
 * also one that our payments have lost, shows here only.
 */
final class Charges {
  /** Fewer than of other rows: a page has to come within the time for one answer of the gateway. */
  private static final int PAGE_MAX = 1_000;

  private final Payments payments;
  private final Predicate<UUID> audited;
  private final int suspectsMax;
  private final Pages<AuditRow.Charge> pages;

  /**
   * From the first charge on.
   *
   * @param audited whether the purchase with this reservation id is
   */
  Charges(Payments payments, Predicate<UUID> audited, int suspectsMax) {
    this.payments = payments;
    this.audited = audited;
    this.suspectsMax = suspectsMax;
    this.pages = new Pages<>(after -> payments.charges(after, PAGE_MAX), AuditRow.Charge::key);
  }

  /** The keys, on from where it was, that look wrong; the rest later if there are too many. */
  Set<UUID> suspects() {
    var suspects = new LinkedHashSet<UUID>();
    while (hasMore() && suspects.size() < suspectsMax) {
      var charge = pages.take(pages.peek().orElseThrow());
      if (!isBooked(charge) && audited.test(charge.reservationId())) {
        suspects.add(charge.key());
      }
    }
    return suspects;
  }

  boolean hasMore() {
    return pages.peek().isPresent();
  }

  /** What is wrong with this key now. */
  List<Breach> mismatches(UUID key) {
    return payments.charges(Optional.of(UnsignedIds.before(key)), 1).stream()
        .filter(charge -> charge.key().equals(key) && !isBooked(charge))
        .map(Charges::breach)
        .toList();
  }

  private static boolean isBooked(AuditRow.Charge charge) {
    return charge.takenMinor() == charge.bookedMinor();
  }

  private static Breach breach(AuditRow.Charge charge) {
    return new Breach(
        Rule.CHARGE_IS_BOOKED,
        charge.reservationId(),
        "order %s: the gateway has %d under key %s, our payments say %d"
            .formatted(charge.orderId(), charge.takenMinor(), charge.key(), charge.bookedMinor()));
  }
}
