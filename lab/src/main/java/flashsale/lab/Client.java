package flashsale.lab;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.MissingNode;
import flashsale.platform.json.Json;
import java.io.EOFException;
import java.io.IOException;
import java.net.Socket;
import java.net.URI;
import java.time.Duration;
import java.util.Arrays;
import java.util.Optional;
import java.util.UUID;
import java.util.function.Supplier;

/**
 * What a customer's browser is to the shop: one keep-alive connection, JSON both ways, every call
 * timed. A plain socket on a virtual thread, because thousands of these share the machine with the
 * server that they visit. Used by one thread at a time.
 */
public final class Client implements AutoCloseable {
  /** For connecting, and for each read. */
  static final Duration ANSWER_MAX = Duration.ofSeconds(60);

  private static final Duration IDLE_MAX = Duration.ofSeconds(20);
  private static final int FIRST_BUFFER_BYTES = 4 * 1024;
  private static final long RETRY_AFTER_MAX_SECONDS = 60;

  /**
   * An answer.
   *
   * @param code of the problem; empty after a success
   * @param body missing when there is none
   * @param retryAfter what the server asks for, at most a minute
   */
  record Answered(int status, String code, JsonNode body, Optional<Duration> retryAfter) {
    boolean ok() {
      return status < 300;
    }

    /** Whether the same request may well get another answer later. */
    boolean passing() {
      return status >= 500
          || status == 429
          || code.equals("STILL_RUNNING")
          || code.equals("PAYMENT_IN_PROGRESS");
    }

    UUID id(String field) {
      return UUID.fromString(body.path(field).asText());
    }
  }

  private final Supplier<URI> server;
  private final Tally tally;
  private final Reply reply = new Reply();
  private byte[] buffer = new byte[FIRST_BUFFER_BYTES];
  private Socket socket;
  private long usedAtNanoTime;

  /**
   * Connects at the first call.
   *
   * @param server asked at each connecting, as a server may come back under another port
   */
  Client(Supplier<URI> server, Tally tally) {
    this.server = server;
    this.tally = tally;
  }

  /**
   * Sends a request and waits for the whole answer, whatever its status.
   *
   * @param call the name under which it is counted
   * @param token bearer token, or null
   * @param key Idempotency-Key, or null
   * @param body written as JSON; null: none
   * @throws IOException when there was no well-formed answer; the next call connects anew
   * @throws IllegalArgumentException if the server is not on this machine
   */
  Answered call(String call, String method, String path, String token, String key, Object body)
      throws IOException {
    long from = System.nanoTime();
    try {
      connect();
      var request = Request.of(method, path, token, key, body == null ? null : Json.text(body));
      socket.getOutputStream().write(request.bytes());
      receive();
      var answered = answered();
      tally.record(call, answered.status(), answered.code(), System.nanoTime() - from);
      return answered;
    } catch (IOException e) {
      close();
      tally.record(call, Tally.NO_ANSWER, e.getClass().getSimpleName(), System.nanoTime() - from);
      throw e;
    } finally {
      if (socket != null && reply.closes()) {
        close();
      }
    }
  }

  private void connect() throws IOException {
    // The server closes what is idle; a request sent into that moment would be lost.
    if (System.nanoTime() - usedAtNanoTime > IDLE_MAX.toNanos()) {
      close();
    }
    usedAtNanoTime = System.nanoTime();
    if (socket == null) {
      var address = Loopback.address(server.get());
      socket = new Socket();
      socket.setTcpNoDelay(true);
      socket.setSoTimeout((int) ANSWER_MAX.toMillis());
      socket.connect(address, (int) ANSWER_MAX.toMillis());
    }
  }

  private void receive() throws IOException {
    int filled = 0;
    do {
      if (filled == buffer.length) {
        if (filled >= Reply.MAX_BYTES) {
          throw new Reply.Malformed("a response is longer than " + Reply.MAX_BYTES);
        }
        buffer = Arrays.copyOf(buffer, buffer.length * 2);
      }
      int read = socket.getInputStream().read(buffer, filled, buffer.length - filled);
      if (read < 0) {
        throw new EOFException("the server dropped the connection");
      }
      filled += read;
    } while (!reply.read(buffer, filled));
    if (filled != reply.end()) {
      throw new Reply.Malformed("bytes after the end of the response");
    }
  }

  private Answered answered() throws IOException {
    var text = reply.body();
    JsonNode body = text.isEmpty() ? MissingNode.getInstance() : Json.tolerant().readTree(text);
    var code = reply.status() < 400 ? "" : body.path("code").asText();
    return new Answered(reply.status(), code, body, retryAfter());
  }

  private Optional<Duration> retryAfter() throws IOException {
    if (reply.status() != 503 && reply.status() != 429) {
      return Optional.empty();
    }
    try {
      return reply
          .header("Retry-After")
          .map(Long::parseLong)
          .map(s -> Duration.ofSeconds(Math.clamp(s, 0, RETRY_AFTER_MAX_SECONDS)));
    } catch (NumberFormatException e) {
      throw new Reply.Malformed("Retry-After is not a number of seconds");
    }
  }

  @Override
  public void close() {
    var open = socket;
    socket = null;
    if (open != null) {
      try {
        open.close();
      } catch (IOException e) {
        // It is gone, and that is all that was wanted.
      }
    }
  }
}
