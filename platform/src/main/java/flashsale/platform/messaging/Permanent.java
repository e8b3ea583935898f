package flashsale.platform.messaging;

/**
 * What can never be done, however often it is tried: a message that nobody can read, a rule that it
 * breaks. A handler throws it, or anything caused by it; the bus then parks the message at once
 * instead of trying again.
 */
public class Permanent extends RuntimeException {
  private static final long serialVersionUID = 1L;
  private static final int CAUSES_MAX = 32;

  public Permanent(String message) {
    super(message);
  }

  public Permanent(String message, Throwable cause) {
    super(message, cause);
  }

  /** Whether this failure is permanent or was caused by one that is. */
  public static boolean is(Throwable failure) {
    var cause = failure;
    // Bounded, because nothing keeps two exceptions from being each other's cause.
    for (int i = 0; cause != null && i < CAUSES_MAX; i++) {
      if (cause instanceof Permanent) {
        return true;
      }
      cause = cause.getCause();
    }
    return false;
  }
}
