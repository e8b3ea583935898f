package flashsale.platform.batching;

/** No answer within the deadline; the work may still be done. */
public final class Late extends RuntimeException {
  private static final long serialVersionUID = 1L;

  public Late(String message) {
    super(message, null, false, false);
  }
}
