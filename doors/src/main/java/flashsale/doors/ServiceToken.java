package flashsale.doors;

import flashsale.platform.http.Problem;
import flashsale.platform.security.Authenticator;
import flashsale.platform.security.Caller;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.Arrays;
import java.util.List;
import java.util.UUID;

/**
 * The secret that the processes of one shop share: whoever knows it may use the doors. Several,
 * separated by commas, are all accepted, and the first is sent: so it is changed without a pause.
 * Thread-safe.
 */
public final class ServiceToken implements Authenticator {
  /** Fewer could be guessed. */
  public static final int MIN_CHARS = 32;

  private static final Caller PEER = new Caller(new UUID(0, 0), true);

  private final List<String> accepted;

  /**
   * @throws IllegalArgumentException if one of them is too short
   */
  public ServiceToken(String tokens) {
    this.accepted = Arrays.stream(tokens.split(",")).map(String::strip).toList();
    if (accepted.stream().anyMatch(token -> token.length() < MIN_CHARS)) {
      throw new IllegalArgumentException(
          "a service token has at least " + MIN_CHARS + " characters");
    }
  }

  /** The one to send. */
  String text() {
    return accepted.getFirst();
  }

  /** Takes the same time for every wrong token of one length. */
  @Override
  public Caller authenticate(String bearer) {
    boolean known = false;
    for (var token : accepted) {
      known |= MessageDigest.isEqual(bytes(token), bytes(bearer));
    }
    if (!known) {
      throw Problem.of(401, "UNAUTHENTICATED", "The service token is not valid.");
    }
    return PEER;
  }

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  @Override
  public String toString() {
    return "a service token";
  }
}
