package flashsale.platform.messaging;

import com.rabbitmq.client.Address;
import com.rabbitmq.client.BlockedListener;
import com.rabbitmq.client.Channel;
import com.rabbitmq.client.Connection;
import com.rabbitmq.client.ConnectionFactory;
import com.rabbitmq.client.DnsRecordIpAddressResolver;
import com.rabbitmq.client.ListAddressResolver;
import com.rabbitmq.client.ShutdownSignalException;
import com.rabbitmq.client.SocketConfigurators;
import flashsale.platform.time.Backoff;
import java.io.IOException;
import java.net.Socket;
import java.net.URISyntaxException;
import java.security.GeneralSecurityException;
import java.time.Duration;
import java.util.List;
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
        if (e instanceof IOException answer && RabbitFailure.of(e).answered()) {
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

  /** Waits before another try to connect, with full jitter; a thread that is unparked goes on. */
  static void pause(int failures) {
    LockSupport.parkNanos(BACKOFF.jittered(failures + 1).toNanos());
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
