package flashsale.platform.batching;

/** Refused at once because a bounded queue is full, or because the system is stopping. */
public final class Overloaded extends RuntimeException {
  private static final long serialVersionUID = 1L;

  public Overloaded(String message) {
    super(message, null, false, false);
  }
}
