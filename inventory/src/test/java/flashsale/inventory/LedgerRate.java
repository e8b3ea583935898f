package flashsale.inventory;

import flashsale.contracts.Fact;
import flashsale.contracts.Fact.OfferAllocated;
import flashsale.contracts.Fact.StockHeld;
import flashsale.platform.batching.Coalescer;
import flashsale.platform.ids.Ids;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.ToDoubleFunction;

/**
 * How many reservations of one hot offer the ledger holds per second, behind a coalescer, on the
 * real embedded PostgreSQL: with empty tables and with a million holds, in turn, medians of the
 * rounds. Not a test; run it by hand on a quiet machine. Beside each figure stands what committing
 * one row took in the same round, because a slow disk explains a slow batch.
 *
 * <p>System properties: {@code rounds} (5), {@code seconds} of a round (3), {@code rows} in the
 * full tables (1000000), {@code limit} per customer (0).
 */
final class LedgerRate {
  private static final int ROUNDS = Integer.getInteger("rounds", 5);
  private static final int SECONDS = Integer.getInteger("seconds", 3);
  private static final int ROWS = Integer.getInteger("rows", 1_000_000);
  private static final int LIMIT = Integer.getInteger("limit", 0);
  private static final int UNITS = 1_000_000_000;
  private static final int CUSTOMERS = 1_000;
  private static final Duration PATIENCE = Duration.ofSeconds(30);

  private record Round(double perSecond, double batchSize, double batchMillis, double commit) {}

  private final TestLedger shop = new TestLedger();
  private final List<UUID> customers = new ArrayList<>();
  private final UUID sale = shop.openSale();

  private LedgerRate(int rows) {
    for (int i = 0; i < CUSTOMERS; i++) {
      customers.add(Ids.next());
    }
    if (rows > 0) {
      fill(rows);
    }
  }

  public static void main(String[] args) {
    var empty = new LedgerRate(0);
    var full = new LedgerRate(ROWS);
    empty.round(64); // the JVM's warm-up
    for (int callers : new int[] {64, 256}) {
      var emptyRounds = new ArrayList<Round>();
      var fullRounds = new ArrayList<Round>();
      for (int i = 0; i < ROUNDS; i++) {
        emptyRounds.add(empty.round(callers));
        fullRounds.add(full.round(callers));
      }
      print(callers + " callers, empty tables", emptyRounds);
      print(callers + " callers, " + ROWS + " holds", fullRounds);
      System.out.printf(
          "full/empty: %.2f%n",
          median(fullRounds, Round::perSecond) / median(emptyRounds, Round::perSecond));
    }
    empty.shop.close();
    full.shop.close();
  }

  private static void print(String what, List<Round> rounds) {
    System.out.printf(
        "%-28s %7.0f reservations/s, batches of %.0f in %.2f ms (a commit of one row: %.2f ms) %s%n",
        what,
        median(rounds, Round::perSecond),
        median(rounds, Round::batchSize),
        median(rounds, Round::batchMillis),
        median(rounds, Round::commit),
        Arrays.toString(rounds.stream().mapToLong(r -> Math.round(r.perSecond)).toArray()));
  }

  private static double median(List<Round> rounds, ToDoubleFunction<Round> figure) {
    return rounds.stream().mapToDouble(figure).sorted().toArray()[rounds.size() / 2];
  }

  private Round round(int callers) {
    var offer = Ids.next();
    shop.apply(new OfferAllocated(offer, sale, UNITS, LIMIT, 1));
    double commit = commitMillis();
    var held = new AtomicLong();
    var batches = new AtomicLong();
    var batchNanos = new AtomicLong();
    Coalescer.Observer observer =
        (size, nanos, failed) -> {
          batches.incrementAndGet();
          batchNanos.addAndGet(nanos);
        };
    long from = System.nanoTime();
    long end = from + Duration.ofSeconds(SECONDS).toNanos();
    try (var writer =
        new Coalescer<Fact, Fact>("inventory", 256, 4_096, shop.ledger::apply, observer)) {
      var threads = new ArrayList<Thread>();
      for (int i = 0; i < callers; i++) {
        threads.add(Thread.startVirtualThread(() -> call(writer, offer, held, end)));
      }
      for (var thread : threads) {
        join(thread);
      }
    }
    double seconds = (System.nanoTime() - from) / 1e9;
    check(offer, held.get());
    return new Round(
        held.get() / seconds,
        (double) held.get() / batches.get(),
        batchNanos.get() / 1e6 / batches.get(),
        commit);
  }

  private void call(Coalescer<Fact, Fact> writer, UUID offer, AtomicLong held, long end) {
    var random = ThreadLocalRandom.current();
    while (System.nanoTime() < end) {
      var customer = customers.get(random.nextInt(CUSTOMERS));
      var answer = writer.submit(shop.request(customer, TestLedger.line(offer, 1)), PATIENCE);
      held.addAndGet(answer instanceof StockHeld ? 1 : 0);
    }
  }

  /** A fast round that counted wrong is worth nothing. */
  private void check(UUID offer, long held) {
    var figures =
        shop.ledger.stock(List.of(sale)).stream()
            .filter(s -> s.offerId().equals(offer))
            .findFirst()
            .orElseThrow();
    if (figures.held() != held || figures.available() != UNITS - held) {
      throw new IllegalStateException("answered " + held + " holds, but the row says " + figures);
    }
  }

  private double commitMillis() {
    int commits = 100;
    return shop.database.with(
        connection -> {
          try (var statement = connection.createStatement()) {
            statement.execute("CREATE TABLE IF NOT EXISTS one_row (i integer)");
            long from = System.nanoTime();
            for (int i = 0; i < commits; i++) {
              statement.execute("INSERT INTO one_row VALUES (1)");
            }
            return (System.nanoTime() - from) / 1e6 / commits;
          }
        });
  }

  /** Open holds of many customers, so that every index is as large as it gets. */
  private void fill(int rows) {
    shop.database.with(
        connection -> {
          try (var statement = connection.createStatement()) {
            statement.execute(
                """
                INSERT INTO hold (reservation_id, customer_id, held_at, expires_at, changed_at,
                                  state, offer_ids, quantities, unit_prices, currency, fingerprint)
                SELECT gen_random_uuid(), gen_random_uuid(), now(), now() + interval '1 day', now(),
                       'HELD', ARRAY[gen_random_uuid()], '{1}', '{1000}', 'EUR', md5(i::text)
                FROM generate_series(1, %d) AS i
                """
                    .formatted(rows));
            statement.execute(
                "INSERT INTO allotment SELECT offer_ids[1], customer_id, 1 FROM hold");
            statement.execute("VACUUM ANALYZE");
            return null;
          }
        });
  }

  private static void join(Thread thread) {
    try {
      thread.join();
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }
}
