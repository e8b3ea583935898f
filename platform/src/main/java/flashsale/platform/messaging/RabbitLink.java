package flashsale.platform.messaging;

import com.rabbitmq.client.AMQP;
import com.rabbitmq.client.Address;
import com.rabbitmq.client.AuthenticationFailureException;
import com.rabbitmq.client.BlockedListener;
import com.rabbitmq.client.Channel;
import com.rabbitmq.client.Connection;
import com.rabbitmq.client.ConnectionFactory;
import com.rabbitmq.client.DnsRecordIpAddressResolver;
import com.rabbitmq.client.ListAddressResolver;
import com.rabbitmq.client.PossibleAuthenticationFailureException;
import com.rabbitmq.client.ShutdownSignalException;
import com.rabbitmq.client.SocketConfigurators;
import flashsale.platform.time.Backoff;
import java.io.IOException;
import java.net.Socket;
import java.net.URISyntaxException;
import java.net.UnknownHostException;
import java.security.GeneralSecurityException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.LockSupport;
import javax.net.ssl.SSLContext;

/**
 * One connection to the broker at a time, opened anew when it is asked for after a loss. The
 * client's own recovery is off: it does not bring back a channel that the broker closed, nor a
 * consumer whose queue was deleted, and one way of starting again is easier to trust than two. Used
 * by one thread; {@link #blocked} and {@link #close} may be called by any.
 */
final class RabbitLink {
  private static final Duration CONNECT_MAX = Duration.ofSeconds(5);
  private static final Duration HEARTBEAT = Duration.ofSeconds(10);
  private static final Backoff BACKOFF = new Backoff(Duration.ofMillis(100), Duration.ofSeconds(5));

  private static final Duration GOODBYE_MAX = Duration.ofSeconds(2);

  /**
   * The largest that RabbitMQ 3.10 takes from anybody; 4.0 takes an eighth of it. What a stranger
   * put into a queue must reach us in order to be parked; if it broke the connection, it would come
   * again and again.
   */
  private static final int BODY_MAX_BYTES = 128 * 1024 * 1024;

  private final ConnectionFactory factory;
  private final String name;
  private volatile Connection connection;
  private volatile Socket socket;
  private volatile boolean blocked;

  RabbitLink(RabbitSettings settings, String name) {
    this.name = name;
    this.factory = factory(settings);
  }

  private ConnectionFactory factory(RabbitSettings settings) {
    var made = new ConnectionFactory();
    made.setAutomaticRecoveryEnabled(false);
    made.setTopologyRecoveryEnabled(false);
    made.setConnectionTimeout((int) CONNECT_MAX.toMillis());
    made.setHandshakeTimeout((int) CONNECT_MAX.toMillis());
    made.setChannelRpcTimeout((int) CONNECT_MAX.toMillis());
    made.setRequestedHeartbeat((int) HEARTBEAT.toSeconds());
    made.setMaxInboundMessageBodySize(BODY_MAX_BYTES);
    made.setThreadFactory(Thread.ofVirtual().name(name + "-", 0).factory());
    made.setSocketConfigurator(
        SocketConfigurators.defaultConfigurator().andThen(opened -> socket = opened));
    try {
      made.setUri(settings.url());
      if (made.isSSL()) {
        // The client's own choice for amqps is to trust everybody.
        made.useSslProtocol(SSLContext.getDefault());
        made.enableHostnameVerification();
      }
    } catch (URISyntaxException e) {
      throw new IllegalArgumentException("no address of a broker: " + e.getReason());
    } catch (GeneralSecurityException e) {
      throw new IllegalArgumentException("no TLS for " + settings.place(), e);
    }
    return made;
  }

  /** A new channel, on a new connection if there is none. */
  Channel open() throws IOException, TimeoutException {
    var current = connection;
    if (current == null || !current.isOpen()) {
      blocked = false;
      current = connect(addresses());
      current.addBlockedListener(new Blocking());
      connection = current;
    }
    var channel = current.createChannel();
    if (channel == null) {
      throw new IOException("the broker gives this connection no further channel");
    }
    return channel;
  }

  private List<Address> addresses() throws IOException {
    var host = new Address(factory.getHost(), factory.getPort());
    return new DnsRecordIpAddressResolver(host, factory.isSSL()).getAddresses();
  }

  /**
   * A connection to the first of these that has one for us. If none has, what a broker answered
   * tells more than that the others were not reached.
   */
  Connection connect(List<Address> addresses) throws IOException, TimeoutException {
    IOException refusal = null;
    var left = addresses.iterator();
    while (true) {
      try {
        return factory.newConnection(null, new ListAddressResolver(List.of(left.next())), name);
      } catch (IOException | TimeoutException e) {
        if (e instanceof IOException answer && Failure.of(e).answered()) {
          refusal = answer;
        }
        if (left.hasNext()) {
          continue;
        }
        if (refusal != null) {
          throw refusal;
        }
        throw e;
      }
    }
  }

  /** Whether the broker takes no messages from this connection, e.g. for want of memory. */
  boolean blocked() {
    return blocked;
  }

  private final class Blocking implements BlockedListener {
    @Override
    public void handleBlocked(String reason) {
      blocked = true;
    }

    @Override
    public void handleUnblocked() {
      blocked = false;
    }
  }

  /**
   * What keeps the broker from being used.
   *
   * @param text what it does, after its name: "refuses: …", "is not reached: …"
   * @param answered whether the broker itself said so
   * @param lasting whether it does not come right by itself
   */
  record Failure(String text, boolean answered, boolean lasting) {
    static Failure of(Throwable thrown) {
      if (thrown instanceof TopologyConflict) {
        return refusal(thrown.getMessage(), true);
      }
      for (var t = thrown; t != null; t = t.getCause()) {
        if (t instanceof ShutdownSignalException signal && !signal.isInitiatedByApplication()) {
          switch (signal.getReason()) {
            case AMQP.Connection.Close close -> {
              return refusal(close.getReplyCode(), close.getReplyText());
            }
            case AMQP.Channel.Close close -> {
              return refusal(close.getReplyCode(), close.getReplyText());
            }
            case null, default -> {}
          }
        }
      }
      return switch (thrown) {
        case AuthenticationFailureException e -> refusal(words(e), true);
        // Older brokers close the connection without a word.
        case PossibleAuthenticationFailureException e -> refusal(words(e), false);
        // Its message is the name alone.
        case UnknownHostException _ -> unreached("unknown host");
        case IOException e -> unreached(words(e));
        case TimeoutException e -> unreached(words(e));
        case ShutdownSignalException e -> unreached(words(e));
        default -> new Failure("cannot be used: " + thrown, false, false);
      };
    }

    private static Failure refusal(int code, String words) {
      boolean forbidden = code == AMQP.ACCESS_REFUSED || code == AMQP.NOT_ALLOWED;
      // One of the others may end.
      boolean full = words.contains("limit") && words.contains("is reached");
      return refusal(words.isEmpty() ? "code " + code : words, forbidden && !full);
    }

    private static Failure refusal(String words, boolean lasting) {
      return new Failure("refuses: " + words, true, lasting);
    }

    private static Failure unreached(String words) {
      return new Failure("is not reached: " + words, false, false);
    }

    /** The client wraps what has a message in what has none. */
    private static String words(Exception thrown) {
      for (Throwable t = thrown; t != null; t = t.getCause()) {
        if (t.getMessage() != null) {
          return t.getMessage();
        }
      }
      return thrown.getClass().getSimpleName();
    }
  }

  /** Waits before another try to connect, with full jitter; a thread that is unparked goes on. */
  static void pause(int failures) {
    long cap = BACKOFF.after(failures + 1).toNanos();
    LockSupport.parkNanos(ThreadLocalRandom.current().nextLong(cap / 2, cap + 1));
  }

  /** Closes a channel that may be broken. */
  static void closeQuietly(Channel channel) {
    try {
      channel.close();
    } catch (IOException | TimeoutException | ShutdownSignalException e) {
      // It is gone already, which is what was wanted.
    }
  }

  /**
   * Ends the connection. To say goodbye means to write to it, and that may never return while the
   * broker does not read; then it is cut off.
   */
  void close() {
    var current = connection;
    if (current == null) {
      return;
    }
    var goodbye = Thread.startVirtualThread(() -> current.abort((int) GOODBYE_MAX.toMillis()));
    try {
      if (!goodbye.join(GOODBYE_MAX) && socket != null) {
        socket.close();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (IOException e) {
      // Nobody needs this socket any more.
    }
  }
}
