package flashsale.platform.http;

import io.helidon.http.HeaderName;
import io.helidon.http.HeaderNames;
import io.helidon.http.Headers;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Gives every request an id that its answer, the access log and error messages share. Thread-safe.
 */
final class RequestIds {
  static final HeaderName HEADER = HeaderNames.create("X-Request-Id");

  private static final int CHARS_MAX = 64;

  private final AtomicLong number = new AtomicLong();
  private final String prefix =
      Long.toString(System.nanoTime() & 0xffffff, Character.MAX_RADIX) + "-";

  /** The client's own id where it is harmless to repeat, else a new one. */
  String of(Headers headers) {
    var given = headers.first(HEADER).orElse("");
    boolean harmless =
        !given.isEmpty()
            && given.length() <= CHARS_MAX
            && given.chars().allMatch(c -> c < 0x7f && (Character.isLetterOrDigit(c) || c == '-'));
    return harmless ? given : prefix + number.incrementAndGet();
  }
}
