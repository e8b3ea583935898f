package flashsale.platform.http;

/** What kind of request a route takes, for the limits of {@link RateLimits}. */
public enum RouteClass {
  /** Is never limited: probes. */
  UNLIMITED("unlimited"),
  READ("read"),
  WRITE("write"),
  /** Reserves or pays. */
  PURCHASE("purchase"),
  /** Of those who have no token yet. */
  SIGN_IN("sign-in");

  private final String text;

  RouteClass(String text) {
    this.text = text;
  }

  /** As it stands in headers, messages and metrics. */
  public String text() {
    return text;
  }
}
