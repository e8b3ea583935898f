package flashsale.lab;

import java.util.Comparator;
import java.util.List;
import java.util.UUID;

/** A sale as customers see it; what else the shop tells is of no use here. */
record Sale(UUID saleId, String name, String state, List<Offer> offers) {
  private static final int HOT_MAX = 4;
  private static final int HOT_IS_ONE_IN = 4;

  /**
   * An offer.
   *
   * @param limitPerCustomer units; 0: no limit
   * @param allocated units there were
   * @param available units left
   */
  record Offer(
      UUID offerId,
      String productName,
      long unitPriceMinor,
      String currency,
      int limitPerCustomer,
      long allocated,
      long available,
      boolean soldOut) {}

  /** The offers that the crowd comes for: the quarter with the least stock, one to four. */
  List<Offer> hot() {
    return offers.stream()
        .sorted(Comparator.comparingLong(Offer::allocated))
        .limit(Math.clamp(offers.size() / HOT_IS_ONE_IN, 1, HOT_MAX))
        .toList();
  }
}
