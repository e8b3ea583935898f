package flashsale.acceptance;

import flashsale.acceptance.TestShop.Sale;
import java.io.UncheckedIOException;
import java.net.URI;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Customers who reserve and pay as fast as they are answered, each with a key on every request, and
 * who remember what they were promised. They go on until the server is gone or they are told to
 * leave. Thread-safe.
 */
final class Crowd {
  private static final AtomicLong KEYS = new AtomicLong();

  /** Paid is null for what was only reserved. */
  record Promise(String token, Reply held, Reply paid) {}

  /** A request that was never answered. */
  record Unanswered(String token, String offerId, String key) {}

  private final URI url;
  private final Sale sale;
  private final Queue<Promise> promises = new ConcurrentLinkedQueue<>();
  private final Queue<Unanswered> unanswered = new ConcurrentLinkedQueue<>();
  private final Queue<Reply> surprises = new ConcurrentLinkedQueue<>();
  private final List<Thread> threads = new ArrayList<>();
  private volatile boolean leaving;

  private Crowd(URI url, Sale sale) {
    this.url = url;
    this.sale = sale;
  }

  /** Sends one customer in for each token. */
  static Crowd rush(URI url, Sale sale, Collection<String> tokens) {
    var crowd = new Crowd(url, sale);
    for (var token : tokens) {
      crowd.threads.add(Thread.startVirtualThread(() -> crowd.buy(new Visitor(url, token))));
    }
    return crowd;
  }

  private void buy(Visitor customer) {
    while (!leaving) {
      var random = ThreadLocalRandom.current();
      var offerId = sale.offerIds().get(random.nextInt(sale.offerIds().size()));
      var key = "k" + KEYS.incrementAndGet();
      Reply held;
      try {
        held = customer.reserve(offerId, 1, key);
      } catch (UncheckedIOException e) {
        unanswered.add(new Unanswered(customer.token(), offerId, key));
        return;
      }
      if (held.status() == 201) {
        pay(customer, held, key);
      } else if (held.status() != 409 && held.status() != 503) {
        surprises.add(held);
      }
    }
  }

  private void pay(Visitor customer, Reply held, String key) {
    if (ThreadLocalRandom.current().nextInt(4) == 0) {
      promises.add(new Promise(customer.token(), held, null));
      return;
    }
    try {
      var card = ThreadLocalRandom.current().nextInt(8) == 0 ? "tok_twice" : "tok_ok";
      var paid = customer.pay(held.text("orderId"), card, key);
      promises.add(new Promise(customer.token(), held, paid));
      if (paid.status() != 201 && paid.status() != 202 && paid.status() != 503) {
        surprises.add(paid);
      }
    } catch (UncheckedIOException e) {
      promises.add(new Promise(customer.token(), held, null));
      leaving = true; // The server is gone.
    }
  }

  /** Ends when everybody has left: by themselves if the server is gone, else asked to. */
  void leave() throws InterruptedException {
    leaving = true;
    for (var thread : threads) {
      thread.join();
    }
  }

  /** How many reservations were promised until now. */
  int promised() {
    return promises.size();
  }

  URI url() {
    return url;
  }

  Collection<Promise> promises() {
    return promises;
  }

  Collection<Unanswered> unanswered() {
    return unanswered;
  }

  /** Answers that nobody should have got. */
  Collection<Reply> surprises() {
    return surprises;
  }
}
