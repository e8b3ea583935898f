package flashsale.acceptance;

import static org.awaitility.Awaitility.await;

import flashsale.acceptance.AsyncCrowd.Accepted;
import flashsale.acceptance.Crowd.Promise;
import flashsale.acceptance.TestShop.Sale;
import flashsale.platform.lifecycle.Periodic;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.UUID;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Customers with accounts who again and again sign in, look, fill a cart, reserve what is in it and
 * pay; every other one waits for nothing. What gets no answer, or 503, they ask once more with the
 * same key, until they leave. They come at an even pace, so that a machine that has to start
 * processes meanwhile is not full. Thread-safe.
 */
final class Shoppers implements AutoCloseable {
  /** Whether they wait for what they ask for. */
  enum Way {
    SYNC("wait=5"),
    ASYNC("respond-async, wait=5");

    private final String prefer;

    Way(String prefer) {
      this.prefer = prefer;
    }
  }

  private record Account(String email, String password) {}

  private static final int CUSTOMERS = 20;
  private static final Duration TURN_EVERY = Duration.ofMillis(100);

  private final TestShop shop;
  private final Sale sale;
  private final Map<Way, AtomicLong> boughtNanoTimes = new EnumMap<>(Way.class);
  private final Queue<Promise> promises = new ConcurrentLinkedQueue<>();
  private final Queue<Accepted> accepted = new ConcurrentLinkedQueue<>();
  private final Queue<String> failures = new ConcurrentLinkedQueue<>();
  private final Queue<String> unanswered = new ConcurrentLinkedQueue<>();
  private final Queue<Reply> surprises = new ConcurrentLinkedQueue<>();
  private final AtomicInteger answered = new AtomicInteger();
  private final Semaphore turns = new Semaphore(0);
  private final Periodic pace = new Periodic("pace", TURN_EVERY, this::turn);
  private final List<Thread> threads = new ArrayList<>();
  private volatile boolean leaving;

  private Shoppers(TestShop shop, Sale sale) {
    this.shop = shop;
    this.sale = sale;
    for (var way : Way.values()) {
      boughtNanoTimes.put(way, new AtomicLong(System.nanoTime()));
    }
  }

  /** They have bought in both ways when this returns. */
  static Shoppers rush(TestShop shop, Sale sale) {
    var shoppers = new Shoppers(shop, sale);
    var ways = Way.values();
    for (int i = 0; i < CUSTOMERS; i++) {
      var way = ways[i % ways.length];
      var account = new Account("s" + UUID.randomUUID() + "@example.com", "correct horse battery");
      shop.anybody().post("/api/v1/users", account).expect(201);
      shoppers.threads.add(Thread.startVirtualThread(() -> shoppers.goOn(account, way)));
    }
    shoppers.awaitMore();
    return shoppers;
  }

  private void turn() {
    if (turns.availablePermits() < CUSTOMERS) {
      turns.release();
    }
  }

  private void goOn(Account account, Way way) {
    while (!leaving) {
      turns.acquireUninterruptibly();
      long begun = System.nanoTime();
      try {
        if (buys(account, way)) {
          boughtNanoTimes.get(way).accumulateAndGet(begun, Math::max);
        }
      } catch (UncheckedIOException e) {
        unanswered.add(e.toString());
      }
    }
  }

  /** Whether they got it, up to the payment. */
  private boolean buys(Account account, Way way) {
    var session = noted(shop.anybody().post("/api/v1/sessions", account));
    if (session.status() != 201) {
      return false;
    }
    var customer = new Visitor(shop.url(), session.text("accessToken"));
    noted(customer.get("/api/v1/sales/" + sale.saleId()));
    var cart = noted(customer.post("/api/v1/carts", Map.of()));
    var item = "/api/v1/carts/" + cart.text("cartId") + "/items/" + sale.offerId();
    if (cart.status() != 201 || noted(customer.put(item, Map.of("quantity", 1))).status() != 200) {
      return false;
    }
    var cartId = "{\"cartId\":\"" + cart.text("cartId") + "\"}";
    var held = insisted(customer, "/api/v1/reservations", cartId, way);
    if (held.status() != 201) {
      return false;
    }
    var order = held.text("orderId");
    var payment = "{\"orderId\":\"" + order + "\",\"method\":\"tok_ok\"}";
    var reserved = new Promise(customer.token(), held, null);
    promises.add(reserved);
    var paid = insisted(customer, "/api/v1/payments", payment, way);
    promises.remove(reserved);
    promises.add(new Promise(customer.token(), held, paid));
    return paid.status() == 201 && noted(customer.get("/api/v1/orders/" + order)).status() == 200;
  }

  /** Asks with one key until that is answered. */
  private Reply insisted(Visitor customer, String path, String body, Way way) {
    var headers = Map.of("Prefer", way.prefer, "Idempotency-Key", UUID.randomUUID().toString());
    while (true) {
      try {
        var reply = noted(customer.send("POST", path, body, headers));
        if (reply.status() == 202) {
          accepted.add(new Accepted(customer.token(), reply.header("Location")));
        }
        if (reply.status() != 503 || leaving) {
          return reply;
        }
      } catch (UncheckedIOException e) {
        unanswered.add(e.toString());
        if (leaving) {
          throw e;
        }
      }
      turns.acquireUninterruptibly();
    }
  }

  private Reply noted(Reply reply) {
    answered.incrementAndGet();
    if (reply.status() > 202) {
      failures.add(reply.toString());
      if (reply.status() != 503 && !isGivenUp(reply)) {
        surprises.add(reply);
      }
    }
    return reply;
  }

  /** A payment that had not reached the payment gateway when its process ended. */
  private static boolean isGivenUp(Reply reply) {
    return reply.status() == 402 && reply.text("reason").equals("NOT_CHARGED");
  }

  /** Whether somebody has begun to buy since then, and has got it. */
  boolean hasBought(Way way, long sinceNanoTime) {
    return boughtNanoTimes.get(way).get() - sinceNanoTime > 0;
  }

  /** Returns when somebody has begun to buy, in each way, and has got it. */
  void awaitMore() {
    long since = System.nanoTime();
    for (var way : Way.values()) {
      await().atMost(FaultLog.BACK_MAX).until(() -> hasBought(way, since));
    }
  }

  int answered() {
    return answered.get();
  }

  /** Answers that are no success. */
  Collection<String> failures() {
    return failures;
  }

  /** Why requests had no answer. */
  Collection<String> unanswered() {
    return unanswered;
  }

  /** Answers that nobody should have got, whatever is down. */
  Collection<Reply> surprises() {
    return surprises;
  }

  /** What somebody holds, and has paid if they were told so. */
  Collection<Promise> promises() {
    return promises;
  }

  Collection<Accepted> accepted() {
    return accepted;
  }

  /** All of them leave. */
  @Override
  public void close() throws InterruptedException {
    leaving = true;
    pace.close();
    turns.release(CUSTOMERS * CUSTOMERS);
    for (var thread : threads) {
      thread.join();
    }
  }
}
