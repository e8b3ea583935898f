package flashsale.lab;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.Optional;

/**
 * Reads one HTTP/1.1 response (RFC 9112) out of a buffer and is used again for the next, so that it
 * costs the load generator nothing. Strict: what it does not understand fails. Not thread-safe.
 */
final class Reply {
  /** A longer head is malformed. */
  static final int HEAD_MAX_BYTES = 16 * 1024;

  /** So is a longer response. */
  static final int MAX_BYTES = 8 * 1024 * 1024;

  /** The peer did not speak HTTP as it should. */
  static final class Malformed extends IOException {
    private static final long serialVersionUID = 1L;

    Malformed(String message) {
      super(message);
    }
  }

  private static final byte[] VERSION = ascii("HTTP/1.1 ");
  private static final byte[] LENGTH = ascii("content-length");
  private static final byte[] ENCODING = ascii("transfer-encoding");
  private static final byte[] CONNECTION = ascii("connection");
  private static final int UNKNOWN = -1;

  private byte[] bytes;
  private int status;
  private int headEnd;
  private int bodyEnd;
  private int end;
  private boolean closes;
  private boolean chunked;
  private int contentLength;

  /**
   * Reads the response at the start of the buffer. A chunked body is joined in place.
   *
   * @param length bytes of the buffer that are filled
   * @return false: more bytes are needed
   */
  boolean read(byte[] buffer, int length) throws Malformed {
    bytes = buffer;
    if (!head(length)) {
      return false;
    }
    if (chunked) {
      return chunks(length);
    }
    bodyEnd = headEnd + contentLength;
    end = bodyEnd;
    return length >= end;
  }

  int status() {
    return status;
  }

  /** Bytes of the whole response. */
  int end() {
    return end;
  }

  /** Whether the peer closes the connection after this response. */
  boolean closes() {
    return closes;
  }

  String body() {
    return new String(bytes, headEnd, bodyEnd - headEnd, StandardCharsets.UTF_8);
  }

  /** Whether the body has this text, compared byte by byte. */
  boolean bodyHas(byte[] text) {
    int last = bodyEnd - text.length;
    for (int at = headEnd; at <= last; at++) {
      if (bytes[at] == text[0] && matches(at, text)) {
        return true;
      }
    }
    return false;
  }

  /** The first header of this name; for the rare ones that are of interest. */
  Optional<String> header(String name) {
    var head = new String(bytes, 0, headEnd, StandardCharsets.ISO_8859_1);
    return head.lines()
        .skip(1)
        .filter(l -> l.toLowerCase(Locale.ROOT).startsWith(name.toLowerCase(Locale.ROOT) + ":"))
        .map(l -> l.substring(name.length() + 1).strip())
        .findFirst();
  }

  /** Whether the head is there, and with it the status and the headers. */
  boolean hasHead() {
    return headEnd > 0;
  }

  /** The whole chunks that have come of a body whose end is not there yet. */
  String bodySoFar(int length) throws Malformed {
    var body = new ByteArrayOutputStream();
    int at = chunked ? headEnd : length;
    for (int lineEnd = lineEnd(at, length); lineEnd >= 0; lineEnd = lineEnd(at, length)) {
      int size = chunkSize(at, lineEnd);
      int from = lineEnd + 2;
      at = from + size + 2;
      if (size == 0 || at > length) {
        break;
      }
      body.write(bytes, from, size);
    }
    return body.toString(StandardCharsets.UTF_8);
  }

  private boolean head(int length) throws Malformed {
    headEnd = 0;
    contentLength = UNKNOWN;
    chunked = false;
    closes = false;
    int line = 0;
    while (true) {
      int lineEnd = lineEnd(line, length);
      if (lineEnd < 0) {
        if (length > HEAD_MAX_BYTES) {
          throw new Malformed("the head of the response is longer than " + HEAD_MAX_BYTES);
        }
        return false;
      }
      if (lineEnd == line) {
        headEnd = line + 2;
        return checkHead();
      }
      if (line == 0) {
        statusLine(lineEnd);
      } else {
        headerLine(line, lineEnd);
      }
      line = lineEnd + 2;
    }
  }

  private boolean checkHead() throws Malformed {
    boolean bodiless = status == 204 || status == 304;
    if (contentLength != UNKNOWN && chunked) {
      throw new Malformed("both Content-Length and chunked");
    }
    if (bodiless) {
      contentLength = 0;
      chunked = false;
    } else if (contentLength == UNKNOWN && !chunked) {
      throw new Malformed("neither Content-Length nor chunked, status " + status);
    }
    return true;
  }

  private void statusLine(int lineEnd) throws Malformed {
    int at = VERSION.length;
    if (lineEnd < at + 3 || !matches(0, VERSION)) {
      throw new Malformed("not HTTP/1.1: '" + text(0, Math.min(lineEnd, 60)) + "'");
    }
    status = number(at, at + 3, 10);
    if (status < 200 || status > 599) {
      throw new Malformed("status " + status);
    }
  }

  private void headerLine(int from, int to) throws Malformed {
    if (named(from, to, LENGTH)) {
      int value = number(skipBlanks(from + LENGTH.length + 1), withoutBlanks(to), 10);
      if (contentLength != UNKNOWN && contentLength != value) {
        throw new Malformed("two different Content-Lengths");
      }
      contentLength = value;
    } else if (named(from, to, ENCODING)) {
      if (!text(from + ENCODING.length + 1, to).strip().equalsIgnoreCase("chunked")) {
        throw new Malformed("unknown Transfer-Encoding");
      }
      chunked = true;
    } else if (named(from, to, CONNECTION)) {
      closes = text(from + CONNECTION.length + 1, to).strip().equalsIgnoreCase("close");
    }
  }

  /** Looks whether all chunks are there; only then moves them together, so it can be done again. */
  private boolean chunks(int length) throws Malformed {
    int at = headEnd;
    while (true) {
      int lineEnd = lineEnd(at, length);
      if (lineEnd < 0) {
        return false;
      }
      int size = chunkSize(at, lineEnd);
      at = lineEnd + 2;
      if (size == 0) {
        return trailer(at, length);
      }
      if (length < at + size + 2) {
        return false;
      }
      at += size;
      if (bytes[at] != '\r' || bytes[at + 1] != '\n') {
        throw new Malformed("a chunk is longer than it says");
      }
      at += 2;
    }
  }

  private boolean trailer(int from, int length) throws Malformed {
    int at = from;
    for (int lineEnd = lineEnd(at, length); lineEnd >= 0; lineEnd = lineEnd(at, length)) {
      if (lineEnd == at) {
        end = at + 2;
        join();
        return true;
      }
      at = lineEnd + 2;
    }
    return false;
  }

  private void join() throws Malformed {
    int to = headEnd;
    int at = headEnd;
    while (true) {
      int lineEnd = lineEnd(at, end);
      int size = chunkSize(at, lineEnd);
      if (size == 0) {
        bodyEnd = to;
        return;
      }
      System.arraycopy(bytes, lineEnd + 2, bytes, to, size);
      to += size;
      at = lineEnd + 2 + size + 2;
    }
  }

  private int chunkSize(int from, int lineEnd) throws Malformed {
    int to = from;
    while (to < lineEnd && bytes[to] != ';' && bytes[to] != ' ') {
      to++;
    }
    return number(from, to, 16);
  }

  private int lineEnd(int from, int length) {
    for (int at = from; at + 1 < length; at++) {
      if (bytes[at] == '\r' && bytes[at + 1] == '\n') {
        return at;
      }
    }
    return -1;
  }

  private int number(int from, int to, int radix) throws Malformed {
    long value = 0;
    for (int at = from; at < to; at++) {
      int digit = Character.digit(bytes[at], radix);
      value = value * radix + digit;
      if (digit < 0 || value > MAX_BYTES) {
        throw new Malformed("not a number up to " + MAX_BYTES + ": " + text(from, to));
      }
    }
    if (to <= from) {
      throw new Malformed("a number is missing");
    }
    return (int) value;
  }

  private int skipBlanks(int from) {
    int at = from;
    while (bytes[at] == ' ' || bytes[at] == '\t') {
      at++;
    }
    return at;
  }

  private int withoutBlanks(int end) {
    int at = end;
    while (bytes[at - 1] == ' ' || bytes[at - 1] == '\t') {
      at--;
    }
    return at;
  }

  /** Whether the line is the header of this lower-case name. */
  private boolean named(int from, int to, byte[] name) {
    if (to - from <= name.length || bytes[from + name.length] != ':') {
      return false;
    }
    for (int i = 0; i < name.length; i++) {
      if ((bytes[from + i] | 0x20) != name[i] && bytes[from + i] != name[i]) {
        return false;
      }
    }
    return true;
  }

  private boolean matches(int at, byte[] text) {
    for (int i = 0; i < text.length; i++) {
      if (bytes[at + i] != text[i]) {
        return false;
      }
    }
    return true;
  }

  private String text(int from, int to) {
    return new String(bytes, from, to - from, StandardCharsets.ISO_8859_1);
  }

  private static byte[] ascii(String text) {
    return text.getBytes(StandardCharsets.US_ASCII);
  }
}
