package flashsale.contracts;

/**
 * What the roles need of the flow: hand over a fact, get the fact with which its walk ended. The
 * drivers in {@code checkout} implement it.
 */
@FunctionalInterface
public interface Checkout {
  /**
   * Walks the flow from this fact to its end. Safe to repeat: every step repeats its first outcome.
   *
   * @return the last fact, e.g. {@link Fact.ReservationSettled} or {@link Fact.PaymentDeclined}
   * @throws CheckoutUnavailable if the walk could not be finished now
   */
  Fact carry(Fact first);
}
