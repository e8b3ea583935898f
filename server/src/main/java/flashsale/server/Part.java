package flashsale.server;

import static java.util.Map.entry;

import java.util.EnumMap;
import java.util.Map;
import java.util.Set;

/** What a process is made of. */
enum Part {
  DATABASES,
  ELSEWHERE,
  USERS,
  INVENTORY,
  CATALOG,
  ORDERS,
  PAYMENTS,
  RESERVATIONS,
  DOORS,
  CHECKOUT,
  BACKGROUND,
  HTTP;

  /** What must have started before each part; it stops in the reverse order. */
  static final Map<Part, Set<Part>> NEEDS =
      new EnumMap<>(
          Map.ofEntries(
              entry(DATABASES, Set.of()),
              entry(ELSEWHERE, Set.of()),
              entry(USERS, Set.of(DATABASES, ELSEWHERE)),
              entry(INVENTORY, Set.of(DATABASES, ELSEWHERE)),
              entry(CATALOG, Set.of(INVENTORY)),
              entry(ORDERS, Set.of(DATABASES, ELSEWHERE)),
              entry(PAYMENTS, Set.of(ORDERS)),
              entry(RESERVATIONS, Set.of(CATALOG)),
              // Others are answered until what runs here has ended, which may need their answers.
              entry(DOORS, Set.of(USERS, INVENTORY, CATALOG, ORDERS, PAYMENTS, RESERVATIONS)),
              entry(CHECKOUT, Set.of(DOORS)),
              // What finishes interrupted work walks the flow, so it starts after the driver and
              // has stopped before the driver drains.
              entry(BACKGROUND, Set.of(CHECKOUT)),
              entry(HTTP, Set.of(BACKGROUND))));
}
