package flashsale.users;

import java.util.UUID;

/**
 * What a sign-in or a refresh gives.
 *
 * @param accessToken for {@code Authorization: Bearer}; see {@link
 *     flashsale.platform.security.AccessToken}
 * @param refreshToken good for one refresh; 43 characters, opaque
 */
public record SignedIn(
    String accessToken,
    String tokenType,
    long expiresInSeconds,
    String refreshToken,
    long refreshExpiresInSeconds,
    UUID userId,
    boolean operator) {
  @Override
  public String toString() {
    return "SignedIn[userId=" + userId + "]";
  }
}
