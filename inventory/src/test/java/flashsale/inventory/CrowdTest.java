package flashsale.inventory;

import static flashsale.inventory.TestLedger.line;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import flashsale.contracts.Fact;
import flashsale.contracts.Fact.ReservationRequested;
import flashsale.contracts.Fact.StockHeld;
import flashsale.platform.batching.Coalescer;
import flashsale.platform.ids.Ids;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/** A whole crowd at once. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class CrowdTest {
  private static final int CALLERS = 256;
  private static final int ATTEMPTS = 10_000;
  private static final int UNITS = 500;
  private static final int CUSTOMERS = 400;
  private static final int LIMIT = 2;
  private static final Duration PATIENCE = Duration.ofMinutes(1);

  private final TestLedger shop = new TestLedger();

  @AfterAll
  void close() {
    shop.close();
  }

  /** Runs the callers side by side and tells what they threw. */
  private static List<Throwable> together(int callers, java.util.function.IntConsumer caller) {
    var failures = new CopyOnWriteArrayList<Throwable>();
    var threads = new ArrayList<Thread>();
    for (int i = 0; i < callers; i++) {
      int number = i;
      threads.add(
          Thread.startVirtualThread(
              () -> {
                try {
                  caller.accept(number);
                } catch (RuntimeException | Error e) {
                  failures.add(e);
                }
              }));
    }
    for (var thread : threads) {
      try {
        thread.join();
      } catch (InterruptedException e) {
        throw new IllegalStateException(e);
      }
    }
    return failures;
  }

  /** Every third attempt presses the button again with the id of an earlier one. */
  private List<ReservationRequested> attempts(UUID offer) {
    var random = new Random(42);
    var customers = new ArrayList<UUID>();
    for (int i = 0; i < CUSTOMERS; i++) {
      customers.add(Ids.next());
    }
    var attempts = new ArrayList<ReservationRequested>();
    for (int i = 0; i < ATTEMPTS; i++) {
      if (i % 3 == 2) {
        attempts.add(attempts.get(Math.max(0, i - 1 - random.nextInt(200))));
      } else {
        var customer = customers.get(random.nextInt(CUSTOMERS));
        attempts.add(shop.request(customer, line(offer, 1 + random.nextInt(2))));
      }
    }
    return attempts;
  }

  private void crowd(
      Function<ReservationRequested, Fact> first, Function<ReservationRequested, Fact> second) {
    var offer = shop.offer(UNITS, LIMIT);
    var attempts = attempts(offer);
    var next = new AtomicInteger();
    Map<UUID, List<Fact>> answers = new ConcurrentHashMap<>();
    var failures =
        together(
            CALLERS,
            caller -> {
              for (int i = next.getAndIncrement(); i < ATTEMPTS; i = next.getAndIncrement()) {
                var attempt = attempts.get(i);
                var answer = (caller % 2 == 0 ? first : second).apply(attempt);
                answers
                    .computeIfAbsent(attempt.reservationId(), id -> new CopyOnWriteArrayList<>())
                    .add(answer);
              }
            });
    assertThat(failures).isEmpty();
    assertThat(answers.values())
        .as("every repeat had the first answer")
        .allSatisfy(same -> assertThat(same).containsOnly(same.getFirst()));
    soldToTheLastUnit(offer, answers);
  }

  private void soldToTheLastUnit(UUID offer, Map<UUID, List<Fact>> answers) {
    var perCustomer = new HashMap<UUID, Integer>();
    for (var same : answers.values()) {
      if (same.getFirst() instanceof StockHeld held) {
        perCustomer.merge(held.customerId(), held.lines().getFirst().quantity(), Integer::sum);
      }
    }
    assertThat(perCustomer.values()).allSatisfy(units -> assertThat(units).isBetween(1, LIMIT));
    assertThat(perCustomer.values().stream().mapToInt(u -> u).sum()).isEqualTo(UNITS);
    assertThat(shop.stock(offer).available()).isZero();
    assertThat(shop.stock(offer).held()).isEqualTo(UNITS);
    assertThat(shop.ledger.overLimit()).isEmpty();
    assertThat(shop.ledger.offers())
        .allSatisfy(o -> assertThat(o.heldByHolds()).isEqualTo(o.stock().held()));
  }

  private static Coalescer<Fact, Fact> writer(Ledger ledger) {
    return new Coalescer<>("inventory", 256, 1024, ledger::apply, (size, nanos, failed) -> {});
  }

  @Test
  void oneWriterSellsExactlyWhatThereIs() {
    try (var writer = writer(shop.ledger)) {
      crowd(r -> writer.submit(r, PATIENCE), r -> writer.submit(r, PATIENCE));
    }
  }

  @Test
  void twoLedgersOnOneDatabaseSellExactlyWhatThereIs() {
    try (var one = writer(shop.ledger);
        var other = writer(shop.another())) {
      crowd(r -> one.submit(r, PATIENCE), r -> other.submit(r, PATIENCE));
    }
  }

  @Test
  void cartsInOppositeOrdersDoNotDeadlock() {
    var offers = new ArrayList<UUID>();
    for (int i = 0; i < 6; i++) {
      offers.add(shop.offer(100_000, 0));
    }
    var held = new AtomicInteger();
    var failures =
        together(
            16,
            caller -> {
              var ledger = shop.another();
              for (int i = 0; i < 25; i++) {
                var order = new ArrayList<>(offers);
                java.util.Collections.shuffle(order, new Random(caller * 1_000L + i));
                var cart =
                    order.subList(0, 4).stream()
                        .map(o -> line(o, 1))
                        .toArray(flashsale.contracts.Line[]::new);
                var request = shop.request(Ids.next(), cart);
                var answers =
                    ledger.apply(
                        i % 2 == 0 ? List.of(request) : List.of(request, shop.release(request)));
                held.addAndGet(answers.getFirst() instanceof StockHeld ? 1 : 0);
              }
            });
    assertThat(failures).isEmpty();
    assertThat(held).hasValue(16 * 25);
    assertThat(offers.stream().mapToInt(o -> shop.stock(o).held()).sum()).isEqualTo(16 * 13 * 4);
  }

  @Test
  void aHoldIsResolvedOnceHoweverManyAsk() {
    var offer = shop.offer(1_000, 0);
    var requests = new ArrayList<ReservationRequested>();
    for (int i = 0; i < 20; i++) {
      requests.add(shop.request(Ids.next(), line(offer, 1)));
    }
    shop.ledger.apply(List.copyOf(requests));
    Map<UUID, List<Fact>> released = new ConcurrentHashMap<>();
    var failures =
        together(
            8,
            caller -> {
              var ledger = shop.another();
              for (var request : requests) {
                if (caller % 2 == 0) {
                  ledger.apply(List.of(shop.captured(request, request.reservationId())));
                } else {
                  released
                      .computeIfAbsent(request.reservationId(), id -> new CopyOnWriteArrayList<>())
                      .addAll(ledger.apply(List.of(shop.release(request))));
                }
              }
            });
    assertThat(failures).isEmpty();
    assertThat(released.values())
        .allSatisfy(same -> assertThat(same).containsOnly(same.getFirst()));
    var figures = shop.stock(offer);
    assertThat(figures.held()).isZero();
    assertThat(figures.available() + figures.sold()).isEqualTo(1_000);
    assertThat(shop.ledger.offers())
        .allSatisfy(o -> assertThat(o.soldByHolds()).isEqualTo(o.stock().sold()));
  }

  @Test
  void aRequestAndItsReleaseRacingInTwoProcessesTakeNothingForEver() {
    var offer = shop.offer(1_000, 0);
    var requests = new ArrayList<ReservationRequested>();
    for (int i = 0; i < 100; i++) {
      requests.add(shop.request(Ids.next(), line(offer, 1)));
    }
    var failures =
        together(
            2,
            caller -> {
              var ledger = shop.another();
              for (var request : requests) {
                ledger.apply(List.of(caller == 0 ? request : shop.release(request)));
              }
            });
    assertThat(failures).isEmpty();
    assertThat(shop.stock(offer).available()).isEqualTo(1_000);
  }

  @Test
  void anOfferHeardOfTwiceAtOnceIsAllocatedByTheHigherVersion() {
    var sale = shop.openSale();
    for (int i = 0; i < 20; i++) {
      var offer = Ids.next();
      var failures =
          together(
              4,
              caller ->
                  shop.another()
                      .apply(
                          List.of(
                              new Fact.OfferAllocated(offer, sale, 10 + caller, 0, 1 + caller))));
      assertThat(failures).isEmpty();
      assertThat(shop.stock(offer).allocated()).isEqualTo(13);
    }
  }

  @Test
  void aPoisonedRequestFailsAlone() {
    var offer = shop.offer(1_000, 0);
    try (var writer = writer(shop.ledger)) {
      var failures =
          together(
              64,
              caller -> {
                if (caller % 8 == 0) {
                  assertThatThrownBy(
                          () -> writer.submit(shop.request(Ids.next(), line(offer, -1)), PATIENCE))
                      .isInstanceOf(IllegalArgumentException.class);
                } else {
                  assertThat(writer.submit(shop.request(Ids.next(), line(offer, 1)), PATIENCE))
                      .isInstanceOf(StockHeld.class);
                }
              });
      assertThat(failures).isEmpty();
    }
    assertThat(shop.stock(offer).held()).isEqualTo(56);
  }
}
