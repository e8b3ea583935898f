package flashsale.acceptance;

import static org.awaitility.Awaitility.await;

import flashsale.acceptance.TestShop.Sale;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Queue;
import java.util.UUID;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Customers who buy one after the other, and who note every answer that is no success: nobody is
 * told to come back later here. Thread-safe.
 */
final class Patient implements AutoCloseable {
  private static final Duration MORE_MAX = Duration.ofSeconds(60);
  private static final int MORE = 50;

  private final Queue<String> failures = new ConcurrentLinkedQueue<>();
  private final AtomicInteger answered = new AtomicInteger();
  private final List<Thread> threads = new ArrayList<>();
  private volatile boolean leaving;

  Patient(TestShop shop, Sale sale, Collection<String> tokens) {
    for (var token : tokens) {
      threads.add(Thread.startVirtualThread(() -> buy(new Visitor(shop.url(), token), sale)));
    }
  }

  private void buy(Visitor customer, Sale sale) {
    while (!leaving) {
      try {
        note(customer.get("/api/v1/sales/" + sale.saleId()), 200);
        var held = customer.reserve(sale.offerId(), 1, UUID.randomUUID().toString());
        note(held, 201, 202);
        note(customer.get("/api/v1/orders"), 200);
        if (held.status() == 201) {
          note(
              customer.pay(held.text("orderId"), "tok_ok", UUID.randomUUID().toString()), 201, 202);
        }
      } catch (UncheckedIOException e) {
        failures.add(e.toString());
      }
    }
  }

  private void note(Reply reply, Integer... successes) {
    answered.incrementAndGet();
    if (!List.of(successes).contains(reply.status())) {
      failures.add(reply.toString());
    }
  }

  /** Returns when some more requests have been answered. */
  void awaitMore() {
    int before = answered.get();
    await().atMost(MORE_MAX).until(() -> answered.get() > before + MORE);
  }

  int answered() {
    return answered.get();
  }

  Collection<String> failures() {
    return failures;
  }

  @Override
  public void close() throws InterruptedException {
    leaving = true;
    for (var thread : threads) {
      thread.join();
    }
  }
}
