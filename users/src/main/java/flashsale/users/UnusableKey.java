package flashsale.users;

/**
 * A signing key that must not be used: damaged, or open to others. Whoever owns the folder can mend
 * that; the message says how.
 */
public final class UnusableKey extends IllegalStateException {
  private static final long serialVersionUID = 1L;

  UnusableKey(String message) {
    super(message);
  }
}
