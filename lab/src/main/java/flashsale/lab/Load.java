package flashsale.lab;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.net.URI;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ThreadLocalRandom;
import org.HdrHistogram.Histogram;

/**
 * A closed loop of load: each connection sends its next request as soon as it has read the answer
 * to the one before. Or an open one: each request has its time, fixed beforehand, and is timed from
 * then on even if it had to wait for a free connection, so that a server that stalls cannot keep
 * the load from showing it. Strict: one answer that is not as planned fails the whole round.
 *
 * <p>It shares the machine's cores with what it measures, so it must cost little: one thread asks
 * the kernel which of its connections have an answer and serves those, with requests that were
 * written out beforehand. Measured with 64 connections at 40 k requests/s: 11–12 µs of processor
 * time a request; a platform thread for each connection 15–18 µs, a virtual one 22–25 µs, wrk 15
 * µs.
 */
public final class Load {
  /** Connections at most. */
  public static final int CONNECTIONS_MAX = 1_024;

  /** Lead-in and measured time together at most. */
  public static final Duration ROUND_MAX = Duration.ofMinutes(10);

  private static final Duration SILENCE_MAX = Duration.ofSeconds(30);

  private static final Duration LATENCY_MAX = Duration.ofMinutes(1);
  private static final int FIRST_BUFFER_BYTES = 16 * 1024;
  private static final int READ_BYTES = 256 * 1024;
  private static final long LOOK_MILLIS = 100;
  private static final long PACED_LOOK_MILLIS = 1;
  private static final int EXCERPT_CHARS = 300;
  private static final byte[] HEX = "0123456789abcdef".getBytes(StandardCharsets.US_ASCII);

  /**
   * What to do and what must come back.
   *
   * @param requests sent in turn, each connection starting elsewhere in the list
   * @param leadIn load that is not measured yet
   * @param status the one status every answer must have
   * @param text what every answer's body must contain; empty: anything
   * @param silenceMax without any answer for so long, the round fails
   * @param perSecond requests a second in an open loop; 0: a closed one
   * @param requestsMax the round ends after so many
   */
  public record Plan(
      URI server,
      List<Request> requests,
      int connections,
      Duration leadIn,
      Duration measured,
      int status,
      String text,
      Duration silenceMax,
      double perSecond,
      long requestsMax) {
    /** A closed loop. */
    public Plan(
        URI server,
        List<Request> requests,
        int connections,
        Duration leadIn,
        Duration measured,
        int status,
        String text,
        Duration silenceMax) {
      this(
          server,
          requests,
          connections,
          leadIn,
          measured,
          status,
          text,
          silenceMax,
          0,
          Long.MAX_VALUE);
    }

    /** A closed loop with a patience of 30 s. */
    public Plan(
        URI server,
        List<Request> requests,
        int connections,
        Duration leadIn,
        Duration measured,
        int status,
        String text) {
      this(server, requests, connections, leadIn, measured, status, text, SILENCE_MAX);
    }

    /** The same in an open loop. */
    Plan paced(double newPerSecond) {
      return new Plan(
          server,
          requests,
          connections,
          leadIn,
          measured,
          status,
          text,
          silenceMax,
          newPerSecond,
          requestsMax);
    }

    /** The same with so many requests, if there is time for them. */
    Plan atMost(long newRequestsMax) {
      return new Plan(
          server,
          requests,
          connections,
          leadIn,
          measured,
          status,
          text,
          silenceMax,
          perSecond,
          newRequestsMax);
    }

    public Plan {
      requests = List.copyOf(requests);
      if (requests.isEmpty() || connections < 1 || connections > CONNECTIONS_MAX) {
        throw new IllegalArgumentException(
            "needs requests, and 1 to " + CONNECTIONS_MAX + " connections");
      }
      if (measured.isNegative()
          || measured.isZero()
          || leadIn.plus(measured).compareTo(ROUND_MAX) > 0) {
        throw new IllegalArgumentException("a round lasts more than 0 s, at most " + ROUND_MAX);
      }
      if (!(perSecond >= 0) || requestsMax < 1) {
        throw new IllegalArgumentException("needs requests to send, and a rate from 0 on");
      }
    }
  }

  /**
   * What came back.
   *
   * @param sent all requests, also those of the lead-in, each of which was answered
   * @param answered those answered while it was measured; in an open loop, due while it was
   * @param measured how long that was
   * @param statuses answered, by status
   * @param latencies microseconds to the whole answer, in a closed loop from sending, in an open
   *     one from when it was due
   * @param generatorCpu processor time this side took for all of it
   */
  public record Round(
      long sent,
      long answered,
      Duration measured,
      Map<Integer, Long> statuses,
      Histogram latencies,
      Duration generatorCpu) {
    /** Requests a second. */
    public double rate() {
      return answered * 1e9 / measured.toNanos();
    }
  }

  /** The round is void: something did not come back as planned. */
  public static final class Failed extends RuntimeException {
    private static final long serialVersionUID = 1L;

    Failed(String message, Throwable cause) {
      super(message, cause);
    }
  }

  private final Plan plan;
  private final byte[] text;
  private final ByteBuffer in = ByteBuffer.allocateDirect(READ_BYTES);
  private final ByteBuffer out = ByteBuffer.allocateDirect(Request.MAX_BYTES);
  private final Reply reply = new Reply();
  private final Histogram latencies = new Histogram(LATENCY_MAX.toNanos() / 1_000, 3);
  private final long[] statuses = new long[600];
  private final long keyPrefix = ThreadLocalRandom.current().nextLong();
  private final Deque<Connection> free = new ArrayDeque<>();
  private long startedAt;
  private long measuredFrom;
  private long measuredTo;
  private long sent;
  private long answered;
  private long lastAnswerAt;
  private int waiting;

  private Load(Plan plan) {
    this.plan = plan;
    this.text = plan.text().getBytes(StandardCharsets.UTF_8);
  }

  /**
   * Runs one round in the calling thread.
   *
   * @throws Failed for an unexpected status or body, a malformed answer, a dropped connection, or
   *     silence
   * @throws IllegalArgumentException if the server is not on this machine
   */
  public static Round run(Plan plan) {
    var load = new Load(plan);
    try {
      return load.round(Loopback.address(plan.server()));
    } catch (IOException e) {
      throw new Failed("the round failed: " + e.getMessage(), e);
    } catch (UncheckedIOException e) {
      throw new Failed("the round failed: " + e.getCause().getMessage(), e.getCause());
    }
  }

  private Round round(InetSocketAddress address) throws IOException {
    long cpuFrom = ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime();
    var connections = new ArrayList<Connection>();
    try (var selector = Selector.open()) {
      for (int i = 0; i < plan.connections(); i++) {
        connections.add(new Connection(selector, address, i));
      }
      loop(selector, connections);
    } finally {
      for (var connection : connections) {
        connection.channel.close();
      }
    }
    long cpu = ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime() - cpuFrom;
    return new Round(sent, answered, plan.measured(), byStatus(), latencies, Duration.ofNanos(cpu));
  }

  /** Until the time is over and everything that was sent is answered. */
  private void loop(Selector selector, List<Connection> connections) throws IOException {
    long now = System.nanoTime();
    startedAt = now;
    measuredFrom = now + plan.leadIn().toNanos();
    measuredTo = measuredFrom + plan.measured().toNanos();
    lastAnswerAt = now;
    free.addAll(connections);
    sendDue(now);
    while (waiting > 0 || dueAt(now) < measuredTo) {
      selector.select(this::serve, paced() ? PACED_LOOK_MILLIS : LOOK_MILLIS);
      now = System.nanoTime();
      sendDue(now);
      if (System.nanoTime() - lastAnswerAt > plan.silenceMax().toNanos()) {
        throw new IOException("no answer within " + plan.silenceMax().toMillis() + " ms");
      }
      if (Thread.currentThread().isInterrupted()) {
        throw new IOException("interrupted");
      }
    }
  }

  private boolean paced() {
    return plan.perSecond() > 0;
  }

  /** When the next request is to be sent; for a closed loop that is now, until the time is over. */
  private long dueAt(long now) {
    if (sent >= plan.requestsMax()) {
      return Long.MAX_VALUE;
    }
    return paced() ? startedAt + Math.round(sent * 1e9 / plan.perSecond()) : now;
  }

  /** Without a free connection what is due waits; its time runs. */
  private void sendDue(long now) throws IOException {
    for (long due = dueAt(now);
        due <= now && due < measuredTo && !free.isEmpty();
        due = dueAt(now)) {
      free.poll().send(due);
    }
  }

  private Map<Integer, Long> byStatus() {
    var counts = new TreeMap<Integer, Long>();
    for (int status = 0; status < statuses.length; status++) {
      if (statuses[status] > 0) {
        counts.put(status, statuses[status]);
      }
    }
    return counts;
  }

  private void serve(SelectionKey key) {
    try {
      ((Connection) key.attachment()).receive();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private void check() throws IOException {
    if (reply.status() != plan.status()) {
      throw new IOException(
          "expected %d, got %d: %s".formatted(plan.status(), reply.status(), excerpt()));
    }
    if (text.length > 0 && !reply.bodyHas(text)) {
      throw new IOException("expected '%s' in: %s".formatted(plan.text(), excerpt()));
    }
  }

  private String excerpt() {
    var body = reply.body();
    return body.length() <= EXCERPT_CHARS ? body : body.substring(0, EXCERPT_CHARS) + "…";
  }

  private final class Connection {
    private final SocketChannel channel;
    private byte[] buffer = new byte[FIRST_BUFFER_BYTES];
    private int filled;
    private int next;
    private long sentAt;

    Connection(Selector selector, InetSocketAddress address, int number) throws IOException {
      channel = SocketChannel.open(address);
      channel.setOption(StandardSocketOptions.TCP_NODELAY, true);
      channel.configureBlocking(false);
      channel.register(selector, SelectionKey.OP_READ, this);
      next = (int) ((long) number * plan.requests().size() / plan.connections());
    }

    void send(long due) throws IOException {
      var request = plan.requests().get(next);
      next = next + 1 == plan.requests().size() ? 0 : next + 1;
      out.clear().put(request.bytes());
      if (request.keyAt() >= 0) {
        writeHex(request.keyAt(), keyPrefix, 8);
        writeHex(request.keyAt() + 8, sent, Request.FRESH_KEY_CHARS - 8);
      }
      out.flip();
      sentAt = due;
      // One small request is under way at a time, so the kernel has room for it.
      while (out.hasRemaining()) {
        channel.write(out);
      }
      sent++;
      waiting++;
    }

    void receive() throws IOException {
      in.clear();
      int read = channel.read(in);
      if (read < 0) {
        throw new IOException("the server dropped a connection");
      }
      in.flip();
      if (filled + read > buffer.length) {
        if (filled + read > Reply.MAX_BYTES) {
          throw new Reply.Malformed("a response is longer than " + Reply.MAX_BYTES);
        }
        buffer = Arrays.copyOf(buffer, Math.max(filled + read, buffer.length * 2));
      }
      in.get(buffer, filled, read);
      filled += read;
      if (reply.read(buffer, filled)) {
        answered();
      }
    }

    private void answered() throws IOException {
      long now = System.nanoTime();
      if (reply.end() != filled) {
        throw new Reply.Malformed("bytes after the end of the response");
      }
      check();
      if (reply.closes()) {
        throw new IOException("the server closes a connection");
      }
      filled = 0;
      waiting--;
      lastAnswerAt = now;
      long counts = paced() ? sentAt : now;
      if (counts >= measuredFrom && counts < measuredTo) {
        answered++;
        statuses[reply.status()]++;
        latencies.recordValue(Math.min(now - sentAt, LATENCY_MAX.toNanos()) / 1_000);
      }
      free.add(this);
      if (!paced()) {
        sendDue(now); // At once: in a closed loop this is the hot path.
      }
    }

    private void writeHex(int at, long value, int digits) {
      for (int i = digits - 1, shift = 0; i >= 0; i--, shift += 4) {
        out.put(at + i, HEX[(int) (value >>> shift) & 0xf]);
      }
    }
  }
}
