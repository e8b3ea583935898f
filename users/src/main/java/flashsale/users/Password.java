package flashsale.users;

import java.nio.charset.StandardCharsets;
import java.text.Normalizer;
import java.util.Optional;

/**
 * A password in the one form that is hashed, as RFC 8265 (OpaqueString) tells: every kind of space
 * is the ASCII one, composed characters (NFC), no control characters, so that the same keys pressed
 * on another system give the same password. Case and compatibility forms are kept apart.
 *
 * @param text never to be logged or stored
 */
record Password(String text) {
  /** Code points of a password that may be chosen. */
  static final int MIN_CHARS = 8;

  static final int MAX_CHARS = 128;

  /** What is longer is not even normalised. */
  private static final int RAW_MAX_CHARS = 1_024;

  /** The password in this text, if it can be one at all. */
  static Optional<Password> parse(String raw) {
    if (raw == null || raw.length() > RAW_MAX_CHARS || !Unicode.isClean(raw)) {
      return Optional.empty();
    }
    var spaced = new StringBuilder(raw.length());
    raw.codePoints()
        .map(c -> Character.getType(c) == Character.SPACE_SEPARATOR ? ' ' : c)
        .forEach(spaced::appendCodePoint);
    var text = Normalizer.normalize(spaced, Normalizer.Form.NFC);
    return text.codePointCount(0, text.length()) <= MAX_CHARS
        ? Optional.of(new Password(text))
        : Optional.empty();
  }

  /** Whether it may be chosen for this account. */
  boolean isStrongFor(Email email) {
    return text.codePointCount(0, text.length()) >= MIN_CHARS
        && !text.strip().equalsIgnoreCase(email.text());
  }

  byte[] bytes() {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  @Override
  public String toString() {
    return "Password";
  }
}
