package flashsale.redis;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.time.Duration;
import java.util.concurrent.locks.LockSupport;

/** Hands on what it gets to a port of this machine, each piece after a delay that may change. */
public final class SlowProxy implements AutoCloseable {
  private static final int PIECE = 64 * 1024;

  private final ServerSocket listening;
  private final int target;
  private volatile Duration delay = Duration.ZERO;

  public SlowProxy(int target) {
    this.target = target;
    try {
      this.listening = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    Thread.startVirtualThread(this::accept);
  }

  public int port() {
    return listening.getLocalPort();
  }

  public void delay(Duration each) {
    delay = each;
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
    try {
      var server = new Socket(InetAddress.getLoopbackAddress(), target);
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
