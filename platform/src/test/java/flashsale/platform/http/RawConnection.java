package flashsale.platform.http;

import flashsale.platform.json.Json;
import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** One connection on which a test says exactly what it wants, right or wrong. */
public final class RawConnection implements AutoCloseable {
  private static final int TIMEOUT_MILLIS = 30_000;

  /** What came back. */
  public record Response(int status, List<Map.Entry<String, String>> headers, String body) {
    /** The header's value, or null. */
    public String header(String name) {
      return headers.stream()
          .filter(h -> h.getKey().equals(name.toLowerCase(Locale.ROOT)))
          .map(Map.Entry::getValue)
          .findFirst()
          .orElse(null);
    }

    /** A member of the JSON body as text, or null. */
    public String member(String name) throws IOException {
      var value = Json.tolerant().readTree(body).get(name);
      return value == null ? null : value.asText();
    }
  }

  private final Socket socket;
  private final InputStream in;

  public RawConnection(int port) throws IOException {
    socket = new Socket(InetAddress.getLoopbackAddress(), port);
    socket.setTcpNoDelay(true);
    socket.setSoTimeout(TIMEOUT_MILLIS);
    in = new BufferedInputStream(socket.getInputStream());
  }

  /** Sends a request with these header lines and this body, and reads the response. */
  public Response ask(String method, String path, String body, String... headers)
      throws IOException {
    var bytes = body.getBytes(StandardCharsets.UTF_8);
    var head = new StringBuilder(method + " " + path + " HTTP/1.1\r\nHost: test\r\n");
    for (var header : headers) {
      head.append(header).append("\r\n");
    }
    if (bytes.length > 0) {
      head.append("Content-Length: ").append(bytes.length).append("\r\n");
    }
    var all = new ByteArrayOutputStream();
    all.writeBytes(head.append("\r\n").toString().getBytes(StandardCharsets.ISO_8859_1));
    all.writeBytes(bytes);
    send(all.toByteArray());
    return read(!method.equals("HEAD"));
  }

  /** Sends exactly this, each character one byte. */
  public RawConnection send(String text) throws IOException {
    send(text.getBytes(StandardCharsets.ISO_8859_1));
    return this;
  }

  private void send(byte[] bytes) throws IOException {
    socket.getOutputStream().write(bytes);
    socket.getOutputStream().flush();
  }

  /** Reads one response. */
  public Response read() throws IOException {
    return read(true);
  }

  private Response read(boolean withBody) throws IOException {
    var statusLine = line();
    int status = Integer.parseInt(statusLine.split(" ", -1)[1]);
    var headers = new ArrayList<Map.Entry<String, String>>();
    int length = 0;
    for (var line = line(); !line.isEmpty(); line = line()) {
      int colon = line.indexOf(':');
      var name = line.substring(0, colon).toLowerCase(Locale.ROOT);
      headers.add(Map.entry(name, line.substring(colon + 1).strip()));
      if (name.equals("content-length")) {
        length = Integer.parseInt(line.substring(colon + 1).strip());
      }
    }
    var body = withBody ? in.readNBytes(length) : new byte[0];
    return new Response(status, headers, new String(body, StandardCharsets.UTF_8));
  }

  /** Whether the server has closed the connection and sent nothing more. */
  public boolean isAtEnd() throws IOException {
    return in.read() < 0;
  }

  private String line() throws IOException {
    var line = new StringBuilder();
    for (int c = in.read(); c != '\n'; c = in.read()) {
      if (c < 0) {
        throw new EOFException("the connection ended after '" + line + "'");
      }
      line.append((char) c);
    }
    return line.toString().stripTrailing();
  }

  @Override
  public void close() throws IOException {
    socket.close();
  }
}
