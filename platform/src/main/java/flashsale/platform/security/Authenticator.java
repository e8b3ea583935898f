package flashsale.platform.security;

/** Turns a bearer token into its caller. */
@FunctionalInterface
public interface Authenticator {
  /**
   * Verifies the token.
   *
   * @param bearer the token as it stands after {@code Bearer }
   * @throws flashsale.platform.http.Problem 401 if it is not valid now
   */
  Caller authenticate(String bearer);
}
