package flashsale.platform.http;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.Base64;

/**
 * Tags what GET answers, unless the endpoint has done so itself, so that a client which asks again
 * and again is sent a body only when there is news. The tag is strong: a digest of the bytes, the
 * same in all processes.
 */
final class EntityTags {
  private static final String ETAG = "ETag";
  private static final int TAG_BYTES = 12;
  private static final byte[] NOTHING = {};

  private EntityTags() {}

  /** The answer to a GET with its tag, or 304. */
  static Answer added(Call call, Answer answer) {
    if (answer.status() != 200 || answer.events() != null || has(answer)) {
      return answer;
    }
    var tag = tag(answer.body());
    var tagged = answer.header(ETAG, tag);
    return call.has(tag) ? new Answer(304, tagged.headers(), null, NOTHING) : tagged;
  }

  private static boolean has(Answer answer) {
    return answer.headers().stream().anyMatch(header -> header.getKey().equals(ETAG));
  }

  private static String tag(byte[] body) {
    try {
      var digest = MessageDigest.getInstance("SHA-256").digest(body);
      var text = Base64.getUrlEncoder().encode(Arrays.copyOf(digest, TAG_BYTES));
      return '"' + new String(text, StandardCharsets.US_ASCII) + '"';
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every JDK has SHA-256", e);
    }
  }
}
