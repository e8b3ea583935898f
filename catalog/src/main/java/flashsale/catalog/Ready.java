package flashsale.catalog;

import flashsale.platform.http.Answer;
import flashsale.platform.json.Json;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;

/**
 * An answer whose bytes are made before anybody asks. Immutable.
 *
 * @param tag the entity tag in quotes, derived from the content, so that all processes give the
 *     same one
 */
record Ready(byte[] body, String tag, List<Map.Entry<String, String>> headers) {
  static final String JSON = "application/json";
  private static final int TAG_BYTES = 12;

  static Ready of(Object value) {
    return of(Json.bytes(value));
  }

  static Ready of(byte[] body) {
    var tag = tag(body, "");
    return new Ready(body, tag, headers(tag));
  }

  /**
   * 200 with the bytes, or 304.
   *
   * @param has whether the caller already has the representation with this tag
   */
  Answer answer(Predicate<String> has) {
    return has.test(tag) ? Answer.notModified(tag) : new Answer(200, headers, JSON, body);
  }

  /**
   * {@code no-cache} means that a cache may keep it, and asks before each use whether it is true.
   */
  static List<Map.Entry<String, String>> headers(String etag) {
    return List.of(Map.entry("ETag", etag), Map.entry("Cache-Control", "no-cache"));
  }

  /** The entity tag of this content, told apart by a suffix. */
  static String tag(byte[] content, String suffix) {
    try {
      var hash = MessageDigest.getInstance("SHA-256").digest(content);
      var text = Base64.getUrlEncoder().encode(Arrays.copyOf(hash, TAG_BYTES));
      return '"' + new String(text, StandardCharsets.US_ASCII) + suffix + '"';
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every JDK has SHA-256", e);
    }
  }
}
