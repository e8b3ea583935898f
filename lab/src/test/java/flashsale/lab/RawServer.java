package flashsale.lab;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Answers whatever bytes a test wants to every request, piece by piece, and remembers the requests'
 * heads. An empty piece closes the connection.
 */
final class RawServer implements AutoCloseable {
  /** What is sent in answer to the request of this number, from 0. */
  interface Script {
    List<String> pieces(int number);
  }

  final List<String> heads = new CopyOnWriteArrayList<>();
  private final ServerSocket listener;
  private final Script script;
  private final AtomicInteger requests = new AtomicInteger();
  private final ConcurrentHashMap.KeySetView<Socket, Boolean> open = ConcurrentHashMap.newKeySet();

  RawServer(Script script) {
    this.script = script;
    try {
      listener = new ServerSocket(0, 256, InetAddress.getLoopbackAddress());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    Thread.ofVirtual().start(this::accept);
  }

  static RawServer always(String... pieces) {
    return new RawServer(number -> List.of(pieces));
  }

  URI url() {
    return URI.create("http://127.0.0.1:" + listener.getLocalPort());
  }

  int requests() {
    return requests.get();
  }

  private void accept() {
    while (!listener.isClosed()) {
      try {
        var socket = listener.accept();
        socket.setTcpNoDelay(true);
        open.add(socket);
        Thread.ofVirtual().start(() -> serve(socket));
      } catch (IOException e) {
        return;
      }
    }
  }

  private void serve(Socket socket) {
    try (socket) {
      while (read(socket)) {
        for (var piece : script.pieces(requests.getAndIncrement())) {
          if (piece.isEmpty()) {
            return;
          }
          socket.getOutputStream().write(piece.getBytes(StandardCharsets.ISO_8859_1));
          socket.getOutputStream().flush();
        }
      }
    } catch (IOException e) {
      // The client has gone.
    }
  }

  private boolean read(Socket socket) throws IOException {
    var head = new StringBuilder();
    while (head.indexOf("\r\n\r\n") < 0) {
      int b = socket.getInputStream().read();
      if (b < 0) {
        return false;
      }
      head.append((char) b);
    }
    heads.add(head.toString());
    var length = head.toString().lines().filter(l -> l.startsWith("Content-Length: ")).findFirst();
    if (length.isPresent()) {
      int bytes = Integer.parseInt(length.get().substring("Content-Length: ".length()));
      socket.getInputStream().readNBytes(bytes);
    }
    return true;
  }

  @Override
  public void close() {
    try {
      listener.close();
      for (var socket : open) {
        socket.close();
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
