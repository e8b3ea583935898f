package flashsale.platform.messaging;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import flashsale.platform.batching.Late;
import flashsale.platform.batching.Overloaded;
import flashsale.platform.ids.Ids;
import flashsale.platform.messaging.Envelopes.UnreadableEnvelope;
import flashsale.platform.persistence.Database;
import flashsale.platform.persistence.DatabaseFailure;
import flashsale.platform.persistence.TestPostgres;
import flashsale.platform.time.SteadyClock;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

final class RelayTest {
  private final Database.Settings settings = TestPostgres.settings("platform");
  private final Database database = Database.open(settings);
  private final Outbox outbox = new Outbox(database);
  private final InstantSource clock = new SteadyClock();
  private final DeadLetters deadLetters = new DeadLetters(database, outbox, clock);
  private final UUID key = Ids.next();

  /** Envelopes in the order in which the bus got them, failed attempts too. */
  private final List<String> delivered = Collections.synchronizedList(new ArrayList<>());

  @AfterEach
  void close() {
    database.close();
  }

  @Test
  void whatIsCommittedIsDeliveredAtOnceNotAtTheNextLook() throws InterruptedException {
    var arrivals = new ArrayList<Long>();
    var arrived = new Object();
    Consumer<Outbox.Taken> bus =
        message -> {
          synchronized (arrived) {
            arrivals.add(System.nanoTime());
            arrived.notifyAll();
          }
        };
    var latencies = new ArrayList<Duration>();
    try (var _ = new Relay("test", outbox, clock, bus, deadLetters)) {
      for (int i = 0; i < 21; i++) {
        append(entry("message", Ids.next(), Duration.ZERO));
        long from = System.nanoTime();
        outbox.committed();
        synchronized (arrived) {
          while (arrivals.size() <= i) {
            arrived.wait();
          }
          latencies.add(Duration.ofNanos(arrivals.get(i) - from));
        }
        await().until(() -> outbox.size() == 0);
      }
    }
    Collections.sort(latencies);
    assertThat(latencies.get(latencies.size() / 2)).isLessThan(Duration.ofMillis(100));
  }

  @Test
  void withoutBeingWokenItLooksByItself() {
    append(entry("from before a crash", key, Duration.ZERO));
    try (var _ = new Relay("test", outbox, clock, this::deliver, deadLetters)) {
      await().until(() -> outbox.size() == 0);
      append(entry("from another process", key, Duration.ZERO));
      await().until(() -> outbox.size() == 0);
    }
    assertThat(delivered).containsExactly("from before a crash", "from another process");
  }

  @Test
  void whatFailsIsTriedAgainUntilItArrives() {
    var attempts = Collections.synchronizedList(new ArrayList<Integer>());
    Consumer<Outbox.Taken> bus =
        message -> {
          attempts.add(message.attempts());
          if (message.attempts() < 4) {
            throw new IllegalStateException("not yet");
          }
        };
    append(entry("stubborn", key, Duration.ZERO));
    try (var _ = new Relay("test", outbox, clock, bus, deadLetters)) {
      await().until(() -> outbox.size() == 0);
    }
    assertThat(attempts).containsExactly(1, 2, 3, 4);
  }

  @Test
  void anErrorEndsNeitherTheRelayNorTheMessage() {
    var ticks = new AtomicInteger();
    InstantSource failing =
        () -> {
          if (ticks.incrementAndGet() <= 2) {
            throw new StackOverflowError("for once");
          }
          return clock.instant();
        };
    Consumer<Outbox.Taken> bus =
        message -> {
          if (message.attempts() == 1) {
            throw new StackOverflowError("for once");
          }
          deliver(message);
        };
    append(entry("survivor", key, Duration.ZERO));
    try (var _ = new Relay("test", outbox, failing, bus, deadLetters)) {
      await().until(() -> outbox.size() == 0);
    }
    assertThat(delivered).containsExactly("survivor");
  }

  @Test
  void whatAClockAheadPutOffIsNotWaitedForLongerThanALease() {
    var far = entry("from a clock ahead", key, Duration.ofHours(1));
    append(far);
    var later = new AtomicReference<>(Duration.ZERO);
    InstantSource steps = () -> clock.instant().plus(later.get());
    try (var _ = new Relay("test", outbox, steps, this::deliver, deadLetters)) {
      await().until(() -> dueAt(far).isBefore(clock.instant().plusSeconds(31)));
      later.set(Duration.ofSeconds(31));
      await().until(() -> outbox.size() == 0);
    }
    assertThat(delivered).containsExactly("from a clock ahead");
  }

  private Instant dueAt(Outbox.Entry entry) {
    return database.with(
        connection -> {
          try (var statement =
              connection.prepareStatement("SELECT due_at FROM outbox WHERE id = ?")) {
            statement.setObject(1, entry.id());
            try (var rows = statement.executeQuery()) {
              rows.next();
              return rows.getObject(1, OffsetDateTime.class).toInstant();
            }
          }
        });
  }

  @Test
  void aFailingMessageHoldsBackItsKeyAndNothingElse() {
    var poisoned = new CountDownLatch(1);
    Consumer<Outbox.Taken> bus =
        message -> {
          deliver(message);
          if (message.envelope().equals("a1") && poisoned.getCount() > 0) {
            throw new IllegalStateException("poisoned");
          }
        };
    var other = Ids.next();
    append(
        entry("a1", key, Duration.ZERO),
        entry("a2", key, Duration.ZERO),
        entry("a3", key, Duration.ZERO),
        entry("b1", other, Duration.ZERO),
        entry("b2", other, Duration.ZERO));
    try (var _ = new Relay("test", outbox, clock, bus, deadLetters)) {
      await().until(() -> outbox.size() == 3);
      assertThat(delivered).contains("b1", "b2").doesNotContain("a2", "a3");
      poisoned.countDown();
      await().until(() -> outbox.size() == 0);
    }
    assertThat(delivered.stream().filter(e -> e.startsWith("a")).distinct())
        .containsExactly("a1", "a2", "a3");
  }

  @Test
  void aPoisonedMessageIsParkedAloneWhileItsKeyGoesOn() {
    Consumer<Outbox.Taken> bus =
        message -> {
          if (message.envelope().equals("poisoned")) {
            throw new UnreadableEnvelope("no message");
          }
          deliver(message);
        };
    var poisoned = entry("poisoned", key, Duration.ZERO);
    append(
        poisoned,
        entry("behind it", key, Duration.ZERO),
        entry("beside it", Ids.next(), Duration.ZERO));
    try (var _ = new Relay("test", outbox, clock, bus, deadLetters)) {
      await().until(() -> outbox.size() == 0);
    }
    assertThat(delivered).containsExactlyInAnyOrder("behind it", "beside it");
    var letter = deadLetters.find(poisoned.id()).orElseThrow();
    assertThat(letter.attempts()).isEqualTo(1);
    assertThat(letter.category()).isEqualTo(FailureCategory.BAD_INPUT);
    assertThat(letter.envelope()).isEqualTo("poisoned");
  }

  @Test
  void whatMightHelpIsTriedUpToALimitBeforeItIsParked() {
    var attempts = new AtomicInteger();
    Consumer<Outbox.Taken> bus =
        message -> {
          attempts.incrementAndGet();
          throw new IllegalStateException("a fault");
        };
    var hopeless = entry("hopeless", key, Duration.ZERO);
    append(hopeless);
    triedBefore(hopeless, Relay.ATTEMPTS_MAX - 2);
    emptiedWithoutWaiting(bus);
    assertThat(attempts).hasValue(2);
    var letter = deadLetters.find(hopeless.id()).orElseThrow();
    assertThat(letter.attempts()).isEqualTo(Relay.ATTEMPTS_MAX);
    assertThat(letter.category()).isEqualTo(FailureCategory.BUG);
  }

  @Test
  void anOutageIsWaitedForHoweverLongItTakes() {
    var outages =
        List.<Supplier<RuntimeException>>of(
            () -> new Overloaded("full"),
            () -> new Late("late"),
            () -> new DatabaseFailure("gone", new SQLException("gone", "08006")),
            () -> new IllegalStateException("a walk stopped", new Late("late")));
    var tried = new AtomicInteger();
    Consumer<Outbox.Taken> bus =
        message -> {
          int outage = tried.getAndIncrement();
          if (outage < outages.size()) {
            throw outages.get(outage).get();
          }
          deliver(message);
        };
    var patient = entry("patient", key, Duration.ZERO);
    append(patient);
    triedBefore(patient, 3 * Relay.ATTEMPTS_MAX);
    emptiedWithoutWaiting(bus);
    assertThat(delivered).containsExactly("patient");
    assertThat(deadLetters.count()).isZero();
  }

  @Test
  void whatCannotBeParkedStaysInTheOutbox() {
    var refusals = new AtomicInteger();
    Relay.Parking full =
        (message, failure) -> {
          if (refusals.incrementAndGet() <= 2) {
            throw new DatabaseFailure("gone", new SQLException("gone", "08006"));
          }
          deadLetters.park(message, failure);
        };
    Consumer<Outbox.Taken> bus =
        message -> {
          throw new UnreadableEnvelope("no message");
        };
    append(entry("kept", key, Duration.ZERO));
    try (var _ = new Relay("test", outbox, clock, bus, full)) {
      await().until(() -> deadLetters.count() == 1);
    }
    assertThat(refusals).hasValue(3);
    assertThat(outbox.size()).isZero();
  }

  /** With a clock that runs ahead by more than any backoff whenever one looks. */
  private void emptiedWithoutWaiting(Consumer<Outbox.Taken> bus) {
    var ahead = new AtomicReference<>(Duration.ZERO);
    InstantSource fast = () -> clock.instant().plus(ahead.get());
    try (var _ = new Relay("test", outbox, fast, bus, deadLetters)) {
      await()
          .until(
              () -> {
                ahead.updateAndGet(time -> time.plusSeconds(31));
                return outbox.size() == 0;
              });
    }
  }

  private void triedBefore(Outbox.Entry entry, int attempts) {
    database.with(
        connection -> {
          try (var statement =
              connection.prepareStatement("UPDATE outbox SET attempts = ? WHERE id = ?")) {
            statement.setInt(1, attempts);
            statement.setObject(2, entry.id());
            return statement.executeUpdate();
          }
        });
  }

  @Test
  void whatADeadRelayHadTakenIsDeliveredByTheNext() {
    append(entry("orphan", key, Duration.ZERO));
    assertThat(outbox.take(clock.instant(), Duration.ofMillis(300), 10)).hasSize(1);
    try (var _ = new Relay("test", outbox, clock, this::deliver, deadLetters)) {
      await().until(() -> outbox.size() == 0);
    }
    assertThat(delivered).containsExactly("orphan");
  }

  @Test
  void nothingIsDeliveredBeforeItIsDue() {
    var entry = entry("later", key, Duration.ofMillis(500));
    append(entry);
    Consumer<Outbox.Taken> bus =
        message -> deliver(clock.instant().isBefore(entry.dueAt()) ? "early" : "due");
    try (var _ = new Relay("test", outbox, clock, bus, deadLetters)) {
      await().until(() -> outbox.size() == 0);
    }
    assertThat(delivered).containsExactly("due");
  }

  @Test
  void twoRelaysOnOneTableDoNothingTwice() {
    var entries = new ArrayList<Outbox.Entry>();
    for (int message = 0; message < 10; message++) {
      for (int number = 0; number < 100; number++) {
        var numbered = Ids.derive(key, "key " + number);
        entries.add(entry(number + "/" + message, numbered, Duration.ZERO));
      }
    }
    append(entries.toArray(Outbox.Entry[]::new));
    try (var _ = new Relay("one", new Outbox(database), clock, this::deliver, deadLetters);
        var _ = new Relay("two", new Outbox(database), clock, this::deliver, deadLetters)) {
      await().atMost(60, TimeUnit.SECONDS).until(() -> outbox.size() == 0);
    }
    assertThat(delivered).hasSize(1_000).doesNotHaveDuplicates();
    for (int number = 0; number < 100; number++) {
      var start = number + "/";
      assertThat(delivered.stream().filter(d -> d.startsWith(start))).isSorted();
    }
  }

  /** Else their lease could end, and another relay would hand them over again. */
  @Test
  void whatHasArrivedIsForgottenWhileASlowOneIsUnderWay() throws InterruptedException {
    var release = new CountDownLatch(1);
    Consumer<Outbox.Taken> bus =
        message -> {
          if (message.envelope().equals("slow")) {
            try {
              release.await();
            } catch (InterruptedException e) {
              throw new IllegalStateException(e);
            }
          }
          deliver(message);
        };
    append(
        entry("slow", key, Duration.ZERO),
        entry("fast", Ids.next(), Duration.ZERO),
        entry("faster", Ids.next(), Duration.ZERO));
    try (var _ = new Relay("test", outbox, clock, bus, deadLetters)) {
      await().until(() -> outbox.size() == 1);
      assertThat(delivered).containsExactlyInAnyOrder("fast", "faster");
      release.countDown();
      await().until(() -> outbox.size() == 0);
    }
  }

  @Test
  void twoRelaysLeaveTheOrderOfAKeyAloneWhenItsFirstMessageFails() {
    var keys = 20;
    var entries = new ArrayList<Outbox.Entry>();
    for (int message = 0; message < 5; message++) {
      for (int number = 0; number < keys; number++) {
        var numbered = Ids.derive(key, "key " + number);
        entries.add(entry(number + "/" + message, numbered, Duration.ZERO));
      }
    }
    append(entries.toArray(Outbox.Entry[]::new));
    Consumer<Outbox.Taken> bus =
        message -> {
          if (message.envelope().endsWith("/0") && message.attempts() < 4) {
            throw new IllegalStateException("not yet");
          }
          deliver(message);
        };
    try (var _ = new Relay("one", new Outbox(database), clock, bus, deadLetters);
        var _ = new Relay("two", new Outbox(database), clock, bus, deadLetters)) {
      await().atMost(60, TimeUnit.SECONDS).until(() -> outbox.size() == 0);
    }
    assertThat(delivered).hasSize(5 * keys).doesNotHaveDuplicates();
    for (int number = 0; number < keys; number++) {
      var start = number + "/";
      assertThat(delivered.stream().filter(d -> d.startsWith(start))).hasSize(5).isSorted();
    }
  }

  @Test
  void differentKeysAreDeliveredSideBySide() {
    var together = new CountDownLatch(20);
    Consumer<Outbox.Taken> bus =
        message -> {
          together.countDown();
          try {
            if (!together.await(20, TimeUnit.SECONDS)) {
              throw new IllegalStateException("one after the other");
            }
          } catch (InterruptedException e) {
            throw new IllegalStateException(e);
          }
          deliver(message);
        };
    var entries = new ArrayList<Outbox.Entry>();
    for (int i = 0; i < 20; i++) {
      entries.add(entry("m" + i, Ids.next(), Duration.ZERO));
    }
    append(entries.toArray(Outbox.Entry[]::new));
    try (var _ = new Relay("test", outbox, clock, bus, deadLetters)) {
      await().until(() -> outbox.size() == 0);
    }
    assertThat(delivered).hasSize(20);
  }

  @Test
  void itGoesOnAfterTheDatabaseWasAway() throws SQLException {
    Set<String> arrived = ConcurrentHashMap.newKeySet();
    try (var _ =
        new Relay("test", outbox, clock, message -> arrived.add(message.envelope()), deadLetters)) {
      append(entry("before", key, Duration.ZERO));
      await().until(() -> arrived.contains("before"));
      try (var connection = TestPostgres.connect(settings);
          var statement = connection.createStatement()) {
        statement.execute(
            """
            SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE usename = current_user AND pid <> pg_backend_pid()
            """);
        statement.execute(
            "INSERT INTO outbox (id, key, envelope, due_at) VALUES ('%s', '%s', 'after', now())"
                .formatted(Ids.next(), Ids.next()));
      }
      await().until(() -> arrived.contains("after"));
    }
  }

  @Test
  void closingFinishesWhatIsUnderWay() throws InterruptedException {
    var begun = new CountDownLatch(1);
    var release = new CountDownLatch(1);
    Consumer<Outbox.Taken> bus =
        message -> {
          begun.countDown();
          try {
            release.await();
          } catch (InterruptedException e) {
            throw new IllegalStateException(e);
          }
          deliver(message);
        };
    append(entry("under way", key, Duration.ZERO));
    var relay = new Relay("test", outbox, clock, bus, deadLetters);
    begun.await();
    var closing = Thread.startVirtualThread(relay::close);
    await().until(() -> closing.getState() == Thread.State.TIMED_WAITING);
    release.countDown();
    closing.join();
    assertThat(delivered).containsExactly("under way");
    assertThat(outbox.size()).isZero();
  }

  private void deliver(Outbox.Taken message) {
    deliver(message.envelope());
  }

  private void deliver(String envelope) {
    delivered.add(envelope);
  }

  private Outbox.Entry entry(String text, UUID key, Duration after) {
    return new Outbox.Entry(Ids.next(), key, text, clock.instant().plus(after));
  }

  private void append(Outbox.Entry... entries) {
    database.inTransaction(
        connection -> {
          outbox.append(connection, List.of(entries));
          return null;
        });
  }
}
