package flashsale.lab;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * An HTTP/1.1 request, written out.
 *
 * @param bytes head and body
 * @param keyAt where in them the Idempotency-Key stands that is made new for each sending; -1: none
 */
public record Request(byte[] bytes, int keyAt) {
  static final int MAX_BYTES = 64 * 1024;

  /** Asks to be answered with 202 as soon as the request is durable. */
  static final String ASYNC = "respond-async";

  /** Characters of a key that is made new for each sending. */
  static final int FRESH_KEY_CHARS = 24;

  private static final String KEY = "Idempotency-Key: ";

  /**
   * Writes a request out.
   *
   * @param token bearer token, or null
   * @param key Idempotency-Key, or null
   * @param body JSON, or null
   */
  public static Request of(String method, String path, String token, String key, String body) {
    return of(method, path, token, key, null, body);
  }

  /**
   * Writes a request out.
   *
   * @param prefer how it would like to be answered, e.g. {@link #ASYNC}; null: as usual
   */
  static Request of(
      String method, String path, String token, String key, String prefer, String body) {
    var head = new StringBuilder(method + " " + path + " HTTP/1.1\r\nHost: localhost\r\n");
    if (token != null) {
      head.append("Authorization: Bearer ").append(token).append("\r\n");
    }
    if (key != null) {
      head.append(KEY).append(key).append("\r\n");
    }
    if (prefer != null) {
      head.append("Prefer: ").append(prefer).append("\r\n");
    }
    var content = body == null ? new byte[0] : body.getBytes(StandardCharsets.UTF_8);
    if (body != null) {
      head.append("Content-Type: application/json\r\nContent-Length: ")
          .append(content.length)
          .append("\r\n");
    }
    var start = head.append("\r\n").toString().getBytes(StandardCharsets.US_ASCII);
    if (start.length + content.length > MAX_BYTES) {
      throw new IllegalArgumentException("a request is longer than " + MAX_BYTES + " bytes");
    }
    var bytes = Arrays.copyOf(start, start.length + content.length);
    System.arraycopy(content, 0, bytes, start.length, content.length);
    return new Request(bytes, -1);
  }

  /** The same for {@link Load}, which makes the key new each time it sends it. */
  public static Request freshlyKeyed(String method, String path, String token, String body) {
    var written = of(method, path, token, "0".repeat(FRESH_KEY_CHARS), body);
    var text = new String(written.bytes, StandardCharsets.ISO_8859_1);
    return new Request(written.bytes, text.indexOf(KEY) + KEY.length());
  }
}
