package flashsale.users;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.security.SecureRandom;
import java.util.Base64;
import java.util.Optional;
import java.util.regex.Pattern;

/** 256 random bits as 43 characters (base64url). Only the SHA-256 of the text is ever stored. */
record RefreshToken(String text) {
  private static final int BYTES = 32;
  private static final Pattern FORM = Pattern.compile("[A-Za-z0-9_-]{43}");
  private static final SecureRandom RANDOM = new SecureRandom();

  static RefreshToken next() {
    var bytes = new byte[BYTES];
    RANDOM.nextBytes(bytes);
    return new RefreshToken(Base64.getUrlEncoder().withoutPadding().encodeToString(bytes));
  }

  /** The token in this text, if it has the form of one. */
  static Optional<RefreshToken> parse(String raw) {
    return raw != null && FORM.matcher(raw).matches()
        ? Optional.of(new RefreshToken(raw))
        : Optional.empty();
  }

  byte[] hash() {
    try {
      return MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.US_ASCII));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every JDK has SHA-256", e);
    }
  }

  @Override
  public String toString() {
    return "RefreshToken";
  }
}
