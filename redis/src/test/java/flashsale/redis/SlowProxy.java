package flashsale.redis;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.LockSupport;

/**
 * Hands on what it gets to another port, each piece after a delay that may change, or nothing while
 * it is cut.
 */
public final class SlowProxy implements AutoCloseable {
  private static final int PIECE = 64 * 1024;

  private final ServerSocket listening;
  private final InetSocketAddress target;
  private final Set<Socket> clients = ConcurrentHashMap.newKeySet();
  private volatile Duration delay = Duration.ZERO;
  private volatile boolean cut;

  /** To a port of this machine, from any free one. */
  public SlowProxy(int target) {
    this(
        new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
        new InetSocketAddress(InetAddress.getLoopbackAddress(), target));
  }

  /** From the one to the other. */
  public SlowProxy(InetSocketAddress from, InetSocketAddress target) {
    this.target = target;
    try {
      this.listening = new ServerSocket();
      listening.bind(from);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    Thread.startVirtualThread(this::accept);
  }

  /** A process of its own, which ends with its input: HOST PORT, from there to HOST PORT. */
  public static void main(String[] arguments) throws IOException {
    var from = new InetSocketAddress(arguments[0], Integer.parseInt(arguments[1]));
    var to = new InetSocketAddress(arguments[2], Integer.parseInt(arguments[3]));
    try (var proxy = new SlowProxy(from, to)) {
      System.out.println("listens on " + proxy.port());
      System.in.readAllBytes();
    }
  }

  public int port() {
    return listening.getLocalPort();
  }

  public void delay(Duration each) {
    delay = each;
  }

  /** Ends all connections, and those that are made until it is no longer cut. */
  public void cut(boolean now) throws IOException {
    cut = now;
    if (now) {
      for (var client : clients) {
        client.close();
      }
    }
  }

  private void accept() {
    try {
      while (true) {
        connect(listening.accept());
      }
    } catch (IOException e) {
      // Closed.
    }
  }

  private void connect(Socket client) throws IOException {
    clients.removeIf(Socket::isClosed);
    clients.add(client);
    if (cut) {
      client.close();
      return;
    }
    try {
      var server = new Socket(target.getAddress(), target.getPort());
      Thread.startVirtualThread(() -> copy(client, server));
      Thread.startVirtualThread(() -> copy(server, client));
    } catch (IOException e) {
      client.close(); // There is nobody to hand it on to, for now.
    }
  }

  private void copy(Socket from, Socket to) {
    var piece = new byte[PIECE];
    try (from;
        to) {
      for (int n = from.getInputStream().read(piece);
          n >= 0;
          n = from.getInputStream().read(piece)) {
        LockSupport.parkNanos(delay.toNanos());
        to.getOutputStream().write(piece, 0, n);
      }
    } catch (IOException e) {
      // The other side has gone.
    }
  }

  @Override
  public void close() throws IOException {
    listening.close();
  }
}
