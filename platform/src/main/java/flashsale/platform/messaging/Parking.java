package flashsale.platform.messaging;

/** Where a {@link Relay} leaves a message that it gives up. */
@FunctionalInterface
public interface Parking {
  /**
   * Takes the message out of its outbox and keeps it, both or neither. One that is parked already
   * is kept once.
   *
   * @param failure what its last attempt ended with
   */
  void park(Outbox.Taken message, Throwable failure);
}
