package flashsale.lab;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.MissingNode;
import flashsale.platform.json.Json;
import java.io.EOFException;
import java.io.IOException;
import java.net.Socket;
import java.net.SocketException;
import java.net.SocketTimeoutException;
import java.net.URI;
import java.time.Duration;
import java.util.Arrays;
import java.util.Optional;
import java.util.UUID;
import java.util.function.BooleanSupplier;
import java.util.function.Predicate;
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
  private static final Duration LOOK_EVERY = Duration.ofSeconds(1);
  private static final int FIRST_BUFFER_BYTES = 4 * 1024;
  private static final int OK = 200;
  private static final String DATA = "data: ";
  private static final long RETRY_AFTER_MAX_SECONDS = 60;

  /**
   * An answer.
   *
   * @param code of the problem; empty after a success
   * @param body missing when there is none
   * @param retryAfter what the server asks for, at most a minute
   * @param location where the server tells to look
   * @param sentAt {@link System#nanoTime} when the request was sent
   */
  record Answered(
      int status,
      String code,
      JsonNode body,
      Optional<Duration> retryAfter,
      Optional<String> location,
      long sentAt) {
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

    /** The same request with what was told about it later. */
    Answered ended(int newStatus, String newCode, JsonNode newBody) {
      return new Answered(newStatus, newCode, newBody, retryAfter, location, sentAt);
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
  private long heardAtNanoTime;

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
    return send(call, Request.of(method, path, token, key, body == null ? null : Json.text(body)));
  }

  /** The same with a request that is written out already. */
  Answered send(String call, Request request) throws IOException {
    long from = System.nanoTime();
    try {
      receive(begin(request));
      var answered = answered(from);
      tally.record(call, answered.status(), answered.code(), System.nanoTime() - from);
      return answered;
    } catch (IOException e) {
      throw noAnswer(call, from, e);
    } finally {
      if (socket != null && reply.closes()) {
        close();
      }
    }
  }

  /**
   * Sends a request and waits for the first bytes of the response. As browsers do, it is sent once
   * more if the connection was used before and ends instead: a web server closes what is idle when
   * it takes a new configuration.
   *
   * @return how many bytes there are
   */
  private int begin(Request request) throws IOException {
    boolean reused = connect();
    try {
      return firstBytes(request);
    } catch (EOFException | SocketException e) {
      if (!reused) {
        throw e;
      }
      close();
      connect();
      return firstBytes(request);
    }
  }

  private int firstBytes(Request request) throws IOException {
    socket.getOutputStream().write(request.bytes());
    return more(0);
  }

  /**
   * Listens to server-sent events until one of them is what was waited for; then the connection is
   * given up, as a stream that goes on has no other end. Timed is how long the stream took to
   * begin.
   *
   * @param last whether an event's data are what was waited for
   * @param enough looked at now and then: true if nobody listens any more
   * @return the data, or a problem; no body if it was enough, or the stream ended, before
   * @throws IOException as {@link #call} does
   */
  Answered follow(
      String call, String path, String token, Predicate<JsonNode> last, BooleanSupplier enough)
      throws IOException {
    long from = System.nanoTime();
    boolean whole = false;
    try {
      var request = Request.of("GET", path, token, null, null);
      var told = Optional.<JsonNode>empty();
      boolean begun = false;
      for (int filled = 0; told.isEmpty() && !whole && !enough.getAsBoolean(); ) {
        filled = filled == 0 ? begin(request) : moreIfThereIs(filled);
        whole = reply.read(buffer, filled);
        if (whole && reply.status() != OK) {
          var problem = answered(from);
          tally.record(call, problem.status(), problem.code(), System.nanoTime() - from);
          return problem;
        }
        if (reply.hasHead() && reply.status() == OK) {
          if (!begun) {
            tally.record(call, reply.status(), "", System.nanoTime() - from);
          }
          begun = true;
          told = event(whole ? reply.body() : reply.bodySoFar(filled), last);
        }
      }
      return new Answered(
          OK, "", told.orElse(MissingNode.getInstance()), Optional.empty(), Optional.empty(), from);
    } catch (IOException e) {
      throw noAnswer(call, from, e);
    } finally {
      if (!whole || reply.closes()) {
        close();
      } else if (socket != null) {
        socket.setSoTimeout((int) ANSWER_MAX.toMillis());
      }
    }
  }

  /** The first event in a stream's text whose data are as asked. */
  private static Optional<JsonNode> event(String text, Predicate<JsonNode> asked)
      throws IOException {
    int end = text.lastIndexOf("\n\n"); // What comes after it is an event that is not whole yet.
    for (var line : text.substring(0, Math.max(end, 0)).split("\n", -1)) {
      if (line.startsWith(DATA)) {
        var data = Json.tolerant().readTree(line.substring(DATA.length()));
        if (asked.test(data)) {
          return Optional.of(data);
        }
      }
    }
    return Optional.empty();
  }

  private IOException noAnswer(String call, long from, IOException e) {
    close();
    tally.record(call, Tally.NO_ANSWER, e.getClass().getSimpleName(), System.nanoTime() - from);
    return e;
  }

  /** Whether there was a connection already. */
  private boolean connect() throws IOException {
    // The server closes what is idle; a request sent into that moment would be lost.
    if (System.nanoTime() - usedAtNanoTime > IDLE_MAX.toNanos()) {
      close();
    }
    usedAtNanoTime = System.nanoTime();
    heardAtNanoTime = usedAtNanoTime;
    if (socket != null) {
      return true;
    }
    var address = Loopback.address(server.get());
    socket = new Socket();
    socket.setTcpNoDelay(true);
    socket.setSoTimeout((int) ANSWER_MAX.toMillis());
    socket.connect(address, (int) ANSWER_MAX.toMillis());
    return false;
  }

  private void receive(int begun) throws IOException {
    int filled = begun;
    while (!reply.read(buffer, filled)) {
      filled = more(filled);
    }
    if (filled != reply.end()) {
      throw new Reply.Malformed("bytes after the end of the response");
    }
  }

  /** Waits for more bytes of the response and tells how many there are then. */
  private int more(int filled) throws IOException {
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
    heardAtNanoTime = System.nanoTime();
    return filled + read;
  }

  /**
   * The same, without waiting for long; a stream is never silent for as long as an answer may be.
   */
  private int moreIfThereIs(int filled) throws IOException {
    socket.setSoTimeout((int) LOOK_EVERY.toMillis());
    try {
      return more(filled);
    } catch (SocketTimeoutException e) {
      if (System.nanoTime() - heardAtNanoTime > ANSWER_MAX.toNanos()) {
        throw e;
      }
      return filled;
    }
  }

  private Answered answered(long from) throws IOException {
    var text = reply.body();
    JsonNode body = text.isEmpty() ? MissingNode.getInstance() : Json.tolerant().readTree(text);
    var code = reply.status() < 400 ? "" : body.path("code").asText();
    var location = reply.status() == 202 ? reply.header("Location") : Optional.<String>empty();
    return new Answered(reply.status(), code, body, retryAfter(), location, from);
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
