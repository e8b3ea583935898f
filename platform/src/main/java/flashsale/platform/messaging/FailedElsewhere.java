package flashsale.platform.messaging;

/** A failure in another process, with what that process made of it. */
public final class FailedElsewhere extends RuntimeException {
  private static final long serialVersionUID = 1L;
  private final FailureCategory category;

  public FailedElsewhere(FailureCategory category, String message) {
    super(message, null, false, false);
    this.category = category;
  }

  public FailureCategory category() {
    return category;
  }
}
