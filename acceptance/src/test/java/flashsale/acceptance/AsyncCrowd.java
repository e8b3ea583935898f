package flashsale.acceptance;

import flashsale.acceptance.TestShop.Sale;
import java.io.UncheckedIOException;
import java.net.URI;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Customers who reserve and pay without waiting for it, and who remember what they were told to
 * look at later. They go on until the server is gone or they are told to leave. Thread-safe.
 */
final class AsyncCrowd {
  private static final AtomicLong KEYS = new AtomicLong();
  private static final String ASYNC = "respond-async";

  /** A 202: where somebody was told to look. */
  record Accepted(String token, String location) {}

  private final URI url;
  private final Sale sale;
  private final Queue<Accepted> accepted = new ConcurrentLinkedQueue<>();
  private final Queue<Reply> surprises = new ConcurrentLinkedQueue<>();
  private final List<Thread> threads = new ArrayList<>();
  private volatile boolean leaving;

  private AsyncCrowd(URI url, Sale sale) {
    this.url = url;
    this.sale = sale;
  }

  /** Sends one customer in for each token. */
  static AsyncCrowd rush(URI url, Sale sale, Collection<String> tokens) {
    var crowd = new AsyncCrowd(url, sale);
    for (var token : tokens) {
      crowd.threads.add(Thread.startVirtualThread(() -> crowd.buy(new Visitor(url, token))));
    }
    return crowd;
  }

  private void buy(Visitor customer) {
    try {
      while (!leaving) {
        long number = KEYS.incrementAndGet();
        var offerId = sale.offerIds().get(number % 10 == 7 ? 1 : 0);
        var body = "{\"lines\":[{\"offerId\":\"" + offerId + "\",\"quantity\":1}]}";
        // Who wants to pay has to wait for the order first.
        var prefer = number % 3 == 0 ? ASYNC + ", wait=2" : ASYNC;
        var reply = post(customer, "/api/v1/reservations", body, "k" + number, prefer);
        if (reply.status() == 201) {
          var order = reply.text("orderId");
          var payment = "{\"orderId\":\"" + order + "\",\"method\":\"tok_ok\"}";
          post(customer, "/api/v1/payments", payment, "k" + number, ASYNC);
        }
      }
    } catch (UncheckedIOException e) {
      leaving = true; // The server is gone; what it had accepted is noted.
    }
  }

  private Reply post(Visitor customer, String path, String body, String key, String prefer) {
    var reply = customer.send("POST", path, body, Map.of("Prefer", prefer, "Idempotency-Key", key));
    switch (reply.status()) {
      case 202 -> accepted.add(new Accepted(customer.token(), reply.header("Location")));
      case 201, 409, 503 -> {}
      default -> surprises.add(reply);
    }
    return reply;
  }

  /** Ends when everybody has left: by themselves if the server is gone, else asked to. */
  void leave() throws InterruptedException {
    leaving = true;
    for (var thread : threads) {
      thread.join();
    }
  }

  URI url() {
    return url;
  }

  Collection<Accepted> accepted() {
    return accepted;
  }

  /** Answers that nobody should have got. */
  Collection<Reply> surprises() {
    return surprises;
  }
}
