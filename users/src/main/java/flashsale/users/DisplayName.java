package flashsale.users;

import java.text.Normalizer;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * How a customer wants to be called: 1 to 100 code points on one line, NFC, without the characters
 * that turn the direction of the text around them.
 */
record DisplayName(String text) {
  static final int MAX_CHARS = 100;
  private static final int RAW_MAX_CHARS = 400;
  private static final Pattern TURNS_DIRECTION = Pattern.compile("[\u202a-\u202e\u2066-\u2069]");

  /** The name in this text, if it can be one. */
  static Optional<DisplayName> parse(String raw) {
    if (raw.length() > RAW_MAX_CHARS
        || !Unicode.isClean(raw)
        || TURNS_DIRECTION.matcher(raw).find()) {
      return Optional.empty();
    }
    var text = Normalizer.normalize(raw, Normalizer.Form.NFC).strip();
    int chars = text.codePointCount(0, text.length());
    return chars >= 1 && chars <= MAX_CHARS ? Optional.of(new DisplayName(text)) : Optional.empty();
  }
}
