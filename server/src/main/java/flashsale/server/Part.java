package flashsale.server;

import java.util.EnumMap;
import java.util.Map;
import java.util.Set;

/** What a process is made of. */
enum Part {
  DATABASES,
  USERS,
  INVENTORY,
  CATALOG,
  ORDERS,
  PAYMENTS,
  RESERVATIONS,
  CHECKOUT,
  BACKGROUND,
  HTTP;

  /** What must have started before each part; it stops in the reverse order. */
  static final Map<Part, Set<Part>> NEEDS =
      new EnumMap<>(
          Map.of(
              DATABASES, Set.of(),
              USERS, Set.of(DATABASES),
              INVENTORY, Set.of(DATABASES),
              CATALOG, Set.of(INVENTORY),
              ORDERS, Set.of(DATABASES),
              PAYMENTS, Set.of(ORDERS),
              RESERVATIONS, Set.of(CATALOG),
              CHECKOUT, Set.of(INVENTORY, CATALOG, ORDERS, PAYMENTS, RESERVATIONS),
              // What finishes interrupted work walks the flow, so it starts after the driver and
              // has stopped before the driver drains.
              BACKGROUND, Set.of(CHECKOUT),
              HTTP, Set.of(USERS, BACKGROUND)));
}
