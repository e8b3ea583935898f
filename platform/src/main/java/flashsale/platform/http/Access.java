package flashsale.platform.http;

/** Who may call a route. */
public enum Access {
  PUBLIC,
  CUSTOMER,
  OPERATOR
}
