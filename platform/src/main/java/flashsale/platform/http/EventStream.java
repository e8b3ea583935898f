package flashsale.platform.http;

import flashsale.platform.json.Json;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.function.BooleanSupplier;

/**
 * One answer that goes on: server-sent events, as the HTML standard (9.2) has them. For the
 * request's own thread. When the client has gone, sending throws and the request ends.
 */
public final class EventStream {
  /** Writes events until there is nothing more to tell. */
  @FunctionalInterface
  public interface Source {
    void writeTo(EventStream stream);
  }

  private final OutputStream out;
  private final BooleanSupplier ending;

  EventStream(OutputStream out, BooleanSupplier ending) {
    this.out = out;
    this.ending = ending;
  }

  /** Whether the server is stopping: the source is to return; the client will come back. */
  public boolean ending() {
    return ending.getAsBoolean();
  }

  /**
   * One event.
   *
   * @param id what a client that comes back names in {@code Last-Event-ID}; one line
   * @param data becomes JSON, which has no line breaks
   */
  public void send(String id, String event, Object data) {
    write("id: " + id + "\nevent: " + event + "\ndata: " + Json.text(data) + "\n\n");
  }

  /** Nothing new; keeps proxies from closing the connection, and finds out that a client left. */
  public void heartbeat() {
    write(":\n\n");
  }

  private void write(String text) {
    try {
      out.write(text.getBytes(StandardCharsets.UTF_8));
      out.flush();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
