package flashsale.checkout;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import flashsale.contracts.Checkout;
import flashsale.contracts.Fact;
import flashsale.contracts.Fact.PaymentRequested;
import flashsale.contracts.Fact.ReservationRequested;
import flashsale.contracts.Line;
import flashsale.platform.batching.Late;
import flashsale.platform.batching.Overloaded;
import flashsale.platform.ids.Ids;
import flashsale.platform.messaging.Bus;
import flashsale.platform.messaging.Envelopes;
import flashsale.platform.messaging.Permanent;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Queue;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.slf4j.LoggerFactory;

/** What becomes of walks that cannot be driven on, or not now. */
class RecoveryTest {
  private static final Instant ACCEPTED = Instant.parse("2026-11-27T09:00:00Z");
  private static final Duration LOOK_EVERY = Duration.ofMillis(20);
  private static final int ATTEMPTS_MAX = 3;
  private static final Duration PARKED_MAX = Duration.ofMinutes(1);

  /** Rows that stand still until their walk has ended, as a role has them. */
  private static final class Rows<F extends Fact> implements Recovery.Source<F> {
    final List<F> all;
    final Set<Fact> ended = ConcurrentHashMap.newKeySet();
    final Queue<Instant> asked = new ConcurrentLinkedQueue<>();

    Rows(List<F> all) {
      this.all = all;
    }

    @Override
    public List<F> page(Instant from, Instant to, Optional<F> after, int max) {
      if (after.isEmpty()) {
        asked.add(from);
      }
      if (ACCEPTED.isBefore(from) || !ACCEPTED.isBefore(to)) {
        return List.of();
      }
      var behind = all.subList(after.map(last -> all.indexOf(last) + 1).orElse(0), all.size());
      return behind.stream().filter(fact -> !ended.contains(fact)).limit(max).toList();
    }

    /** How often the range with the rows was read. */
    long reads() {
      return asked.stream().filter(from -> !ACCEPTED.isBefore(from)).count();
    }
  }

  /** As a role's database keeps them. */
  private static final class Letters implements Recovery.Letters {
    final Set<UUID> givenUp = ConcurrentHashMap.newKeySet();
    final Queue<Bus.Message> parked = new ConcurrentLinkedQueue<>();
    final Queue<Throwable> failures = new ConcurrentLinkedQueue<>();
    final AtomicInteger refusals = new AtomicInteger();

    @Override
    public Set<UUID> givenUp(Map<UUID, UUID> walks, Set<String> types) {
      assertThat(types)
          .contains("reservation-requested.v1", "stock-held.v1", "payment-requested.v1")
          .doesNotContain("release-requested.v1", "hold-overdue.v1", "payment-captured.v1");
      return Set.copyOf(walks.keySet().stream().filter(givenUp::contains).toList());
    }

    @Override
    public void park(Bus.Message message, Instant firstAt, Throwable failure) {
      if (refusals.getAndDecrement() > 0) {
        throw new Overloaded("full");
      }
      parked.add(message);
      failures.add(failure);
      givenUp.add(message.key());
    }
  }

  private final Letters letters = new Letters();
  private final Map<UUID, AtomicInteger> attempts = new ConcurrentHashMap<>();

  private <F extends Fact> Recovery<F> recovery(Rows<F> rows, Checkout checkout) {
    Checkout counting =
        fact -> {
          attempts.computeIfAbsent(fact.key(), _ -> new AtomicInteger()).incrementAndGet();
          var end = checkout.carry(fact);
          rows.ended.add(fact);
          return end;
        };
    return Recovery.ofAccepted(
        "test",
        rows,
        counting,
        letters,
        ATTEMPTS_MAX,
        InstantSource.system(),
        Duration.ZERO,
        LOOK_EVERY);
  }

  private static ReservationRequested request() {
    var lines = List.of(new Line(Ids.next(), 1, 1999));
    return new ReservationRequested(Ids.next(), Ids.next(), lines, "EUR", "", ACCEPTED);
  }

  private static Rows<ReservationRequested> requests(int count) {
    return new Rows<>(IntStream.range(0, count).mapToObj(_ -> request()).toList());
  }

  private int attempts(Fact fact) {
    return attempts.getOrDefault(fact.key(), new AtomicInteger()).get();
  }

  private static void someLooksLater(Rows<?> rows) {
    int asked = rows.asked.size();
    await().until(() -> rows.asked.size() > asked + 3);
  }

  private static Checkout failing(Collection<? extends Fact> which, RuntimeException failure) {
    return fact -> {
      if (which.contains(fact)) {
        throw failure;
      }
      return fact;
    };
  }

  @Test
  void aPoisonedOneIsTriedAgainAndParkedWhileTheOthersGoOn() {
    var rows = requests(2_500); // Three pages.
    var poisoned = List.of(rows.all.getFirst(), rows.all.get(1_200));
    var failure = new IllegalStateException("a fault");
    try (var _ = recovery(rows, failing(poisoned, failure))) {
      await().until(() -> letters.parked.size() == 2);
      someLooksLater(rows);
    }
    assertThat(rows.ended).hasSize(rows.all.size() - 2).doesNotContainAnyElementsOf(poisoned);
    assertThat(poisoned).allMatch(fact -> attempts(fact) == ATTEMPTS_MAX);
    assertThat(rows.reads()).as("reads of the range with the poisoned ones").isOne();
    var envelopes = new Envelopes<>(Fact.TYPES);
    assertThat(letters.parked)
        .allSatisfy(
            message -> {
              var opened = envelopes.open(message.envelope());
              assertThat(message.id()).isEqualTo(envelopes.id(opened.message()));
              assertThat(message.attempts()).isEqualTo(ATTEMPTS_MAX);
            })
        .extracting(message -> envelopes.open(message.envelope()).message())
        .containsExactlyInAnyOrderElementsOf(poisoned);
    assertThat(letters.failures).containsOnly(failure);
  }

  @Test
  void whatCanNeverBeDoneIsParkedAtOnce() {
    var rows = requests(3);
    var broken = rows.all.get(1);
    try (var _ = recovery(rows, failing(List.of(broken), new Permanent("no such offer")))) {
      await().until(() -> rows.ended.size() == 2 && !letters.parked.isEmpty());
      someLooksLater(rows);
    }
    assertThat(letters.parked).singleElement().extracting(Bus.Message::attempts).isEqualTo(1);
    assertThat(attempts(broken)).isOne();
  }

  @Test
  void whatCannotBeParkedIsTriedAgain() {
    var rows = requests(1);
    letters.refusals.set(2);
    try (var _ = recovery(rows, failing(rows.all, new IllegalArgumentException("nonsense")))) {
      await().until(() -> !letters.parked.isEmpty());
      someLooksLater(rows);
    }
    assertThat(letters.parked).singleElement().extracting(Bus.Message::attempts).isEqualTo(3);
    assertThat(attempts(rows.all.getFirst())).isEqualTo(3);
  }

  @Test
  void anOutageParksNothingAndItsRangeIsReadAgain() {
    var rows = requests(200);
    var up = new AtomicInteger(-2 * ATTEMPTS_MAX);
    Checkout recovering =
        fact -> {
          if (fact.equals(rows.all.getFirst()) && up.getAndIncrement() < 0) {
            throw new Late("no answer");
          }
          return fact;
        };
    try (var _ = recovery(rows, recovering)) {
      await().until(() -> rows.ended.size() == rows.all.size());
      someLooksLater(rows);
    }
    assertThat(letters.parked).isEmpty();
    assertThat(rows.reads()).isEqualTo(2 * ATTEMPTS_MAX + 1);
    assertThat(attempts(rows.all.getLast())).isOne();
  }

  @Test
  void anOutageCountsNoAttempt() {
    var rows = requests(1);
    var tries = new AtomicInteger();
    Checkout sometimesDown =
        fact -> {
          if (tries.incrementAndGet() % 2 == 0) {
            throw new IllegalStateException("stopped", new Overloaded("full"));
          }
          throw new IllegalStateException("a fault");
        };
    try (var _ = recovery(rows, sometimesDown)) {
      await().until(() -> !letters.parked.isEmpty());
    }
    assertThat(tries).hasValue(2 * ATTEMPTS_MAX - 1);
    assertThat(letters.parked.element().attempts()).isEqualTo(ATTEMPTS_MAX);
  }

  @Test
  void whatOperatorsHaveIsLeftToThem() {
    var rows = requests(3);
    letters.givenUp.add(rows.all.getFirst().key());
    try (var _ = recovery(rows, fact -> fact)) {
      await().until(() -> rows.ended.size() == 2);
      someLooksLater(rows);
    }
    assertThat(attempts(rows.all.getFirst())).isZero();
  }

  @Test
  void whatOperatorsGetMeanwhileIsNotTriedAgain() {
    var rows = requests(1);
    Checkout givenUpElsewhere =
        fact -> {
          letters.givenUp.add(fact.key());
          throw new IllegalStateException("a fault");
        };
    try (var _ = recovery(rows, givenUpElsewhere)) {
      await().until(() -> attempts(rows.all.getFirst()) == 1);
      someLooksLater(rows);
      assertThat(attempts(rows.all.getFirst())).isOne();
      assertThat(letters.parked).isEmpty();
    }
  }

  /** An order may be paid again after a payment that was given up. */
  @Test
  void aPaymentIsToldFromOthersOfItsReservation() {
    var reservation = Ids.next();
    var payments = IntStream.range(0, 2).mapToObj(_ -> payment(reservation)).toList();
    var rows = new Rows<>(payments);
    letters.givenUp.add(payments.getFirst().paymentId());
    try (var _ = recovery(rows, fact -> fact)) {
      await().until(() -> rows.ended.contains(payments.getLast()));
      someLooksLater(rows);
    }
    assertThat(rows.ended).containsExactly(payments.getLast());
  }

  private static PaymentRequested payment(UUID reservation) {
    return new PaymentRequested(
        Ids.next(), Ids.next(), reservation, Ids.next(), 1999, "EUR", "tok_ok", ACCEPTED);
  }

  @Test
  void walksGoSideBySideButNotTooManyOfThem() {
    var rows = requests(3 * Recovery.WALKS_MAX);
    var together = new CountDownLatch(Recovery.WALKS_MAX);
    var underWay = new AtomicInteger();
    var most = new AtomicInteger();
    Checkout slow =
        fact -> {
          most.accumulateAndGet(underWay.incrementAndGet(), Math::max);
          together.countDown();
          try {
            assertThat(together.await(10, TimeUnit.SECONDS)).isTrue();
          } catch (InterruptedException e) {
            throw new IllegalStateException("nobody interrupts walks", e);
          } finally {
            underWay.decrementAndGet();
          }
          return fact;
        };
    try (var _ = recovery(rows, slow)) {
      await().until(() -> rows.ended.size() == rows.all.size());
    }
    assertThat(most).hasValue(Recovery.WALKS_MAX);
    assertThat(letters.parked).isEmpty();
  }

  @Test
  void aFaultThatStopsAllSetsSoManyAsideAtATime() {
    var rows = requests(Recovery.SET_ASIDE_MAX + 2_000);
    var waiting = new AtomicInteger();
    var most = new AtomicInteger();
    Checkout broken =
        fact -> {
          int attempt = attempts(fact);
          if (attempt == 1) {
            most.accumulateAndGet(waiting.incrementAndGet(), Math::max);
          } else if (attempt == ATTEMPTS_MAX) {
            waiting.decrementAndGet();
          }
          throw new IllegalStateException("a fault");
        };
    // All of them in the log would be a megabyte.
    var log = (Logger) LoggerFactory.getLogger(Recovery.class);
    log.setLevel(Level.OFF);
    try (var _ = recovery(rows, broken)) {
      await().atMost(PARKED_MAX).until(() -> letters.parked.size() == rows.all.size());
    } finally {
      log.setLevel(null);
    }
    assertThat(most.get()).isLessThanOrEqualTo(Recovery.SET_ASIDE_MAX);
    assertThat(rows.reads()).isOne();
  }

  @Test
  void oneThatFailedOftenWaits() {
    var retries = new Retries<Integer>();
    for (int one = 0; one < 100; one++) {
      for (int attempt = 1; attempt <= 20; attempt++) {
        var attempts = retries.failed(one, ACCEPTED.plusSeconds(attempt));
        assertThat(attempts).isEqualTo(new Retries.Attempts(attempt, ACCEPTED.plusSeconds(1)));
      }
    }
    assertThat(retries.size()).isEqualTo(100);
    // Each pause was drawn from half a minute.
    assertThat(retries.due(100)).hasSizeLessThan(50);
    assertThat(retries.has(7)).isTrue();
    retries.forget(7);
    assertThat(retries.has(7)).isFalse();
  }
}
