package flashsale.platform.net;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Ports for programs that are started a moment later. Thread-safe.
 *
 * <p>They lie below those that operating systems give to outgoing connections (Linux from 32768 on,
 * others and IANA from 49152 on): a port of those may be free when it is chosen, and be the near
 * end of somebody's connection when the program wants to listen on it.
 */
public final class LoopbackPorts {
  private static final int FIRST = 10_000;
  private static final int END = 32_000;
  private static final int TRIES = 1_000;

  /** One after the other, so that nobody is given what somebody else is about to listen on. */
  private static final AtomicInteger NEXT =
      new AtomicInteger(ThreadLocalRandom.current().nextInt(FIRST, END));

  private LoopbackPorts() {}

  /** A port of the loopback interface that nobody listens on now. */
  public static int free() {
    for (int i = 0; i < TRIES; i++) {
      int port = NEXT.getAndUpdate(last -> last + 1 < END ? last + 1 : FIRST);
      if (isFree(port)) {
        return port;
      }
    }
    throw new IllegalStateException(
        "of " + TRIES + " ports between " + FIRST + " and " + END + " none could be listened on");
  }

  /** Whether nobody listens on this port of the loopback interface now. */
  public static boolean isFree(int port) {
    try (var socket = new ServerSocket(port, 1, InetAddress.getLoopbackAddress())) {
      return socket.isBound();
    } catch (IOException e) {
      return false;
    }
  }
}
