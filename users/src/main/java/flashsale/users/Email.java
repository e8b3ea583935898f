package flashsale.users;

import java.util.Locale;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * An address that names an account. ASCII only (an internationalised domain in its {@code xn--}
 * form): a dot-atom of RFC 5322, {@code @}, and a domain of at least two labels. Space around it is
 * dropped and the domain is lower-cased; the local part stays as it was written, but two addresses
 * that differ in case only are the same account.
 *
 * @param text the address as it is stored and shown
 */
record Email(String text) {
  private static final int MAX_CHARS = 254;
  private static final int LOCAL_MAX_CHARS = 64;
  private static final String ATOM = "[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+";
  private static final String LABEL = "[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?";
  private static final Pattern LOCAL = Pattern.compile(ATOM + "(?:\\." + ATOM + ")*");
  private static final Pattern DOMAIN = Pattern.compile(LABEL + "(?:\\." + LABEL + ")+");

  /** The address in this text, if it is one. */
  static Optional<Email> parse(String raw) {
    var text = raw == null ? "" : raw.strip();
    int at = text.lastIndexOf('@');
    if (text.length() > MAX_CHARS || at < 1 || at > LOCAL_MAX_CHARS) {
      return Optional.empty();
    }
    var local = text.substring(0, at);
    var domain = text.substring(at + 1);
    return LOCAL.matcher(local).matches() && DOMAIN.matcher(domain).matches()
        ? Optional.of(new Email(local + "@" + domain.toLowerCase(Locale.ROOT)))
        : Optional.empty();
  }

  /** What two ways to write the same account's address have in common. */
  String key() {
    return text.toLowerCase(Locale.ROOT);
  }
}
