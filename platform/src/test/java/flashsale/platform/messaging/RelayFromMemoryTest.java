package flashsale.platform.messaging;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import flashsale.platform.ids.Ids;
import flashsale.platform.persistence.Database;
import flashsale.platform.persistence.TestPostgres;
import flashsale.platform.time.SteadyClock;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Semaphore;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What is appended as the first of its key and handed to the relay from memory. */
final class RelayFromMemoryTest {
  private final Database database = TestPostgres.open("platform");
  private final Outbox outbox = new Outbox(database);
  private final InstantSource clock = new SteadyClock();
  private final DeadLetters deadLetters = new DeadLetters(database, outbox, clock);

  /** Texts in the order in which the bus got them, failed attempts too. */
  private final List<String> delivered = Collections.synchronizedList(new ArrayList<>());

  @AfterEach
  void close() {
    database.close();
  }

  @Test
  void whatIsHandedOverIsTakenInTheTableAlreadyAndLeavesItAtItsEnd() {
    var held = Collections.synchronizedList(new ArrayList<Integer>());
    try (var relay = relay(message -> held.add(takenInTable()))) {
      await().until(() -> relay.wouldTake(1).isPresent());
      appendFirst("at once");
      await().until(() -> outbox.size() == 0);
    }
    assertThat(held).containsExactly(1);
  }

  @Test
  void whatFailsIsTriedAgain() {
    Consumer<Outbox.Taken> bus =
        message -> {
          deliver(message);
          if (message.attempts() < 3) {
            throw new IllegalStateException("not yet");
          }
        };
    try (var relay = relay(bus)) {
      await().until(() -> relay.wouldTake(1).isPresent());
      appendFirst("stubborn");
      await().until(() -> outbox.size() == 0);
    }
    assertThat(delivered).containsExactly("stubborn", "stubborn", "stubborn");
  }

  /** One place: the order is seen. Some wait in the table, since there is an older one. */
  @Test
  void nobodyIsHandedOverPastAnOlderOneInTheTable() {
    var places = new Semaphore(0);
    Consumer<Outbox.Taken> bus =
        message -> {
          places.acquireUninterruptibly();
          deliver(message);
        };
    var texts = IntStream.range(0, 20).mapToObj(i -> "%02d".formatted(i)).toList();
    try (var relay = new Relay("test", 1, 10, false, outbox, clock, bus, deadLetters)) {
      await().until(() -> relay.wouldTake(1).isPresent());
      for (int i = 0; i < texts.size(); i++) {
        if (i == 7) {
          outbox.append(List.of(entry(texts.get(i))));
          assertThat(relay.wouldTake(1)).isEmpty();
        } else {
          appendFirst(texts.get(i));
        }
      }
      places.release(texts.size());
      await().until(() -> outbox.size() == 0);
    }
    assertThat(delivered).containsExactlyElementsOf(texts);
  }

  @Test
  void moreThanThereIsRoomForWaitInTheTable() {
    var go = new CountDownLatch(1);
    Consumer<Outbox.Taken> bus =
        message -> {
          try {
            go.await();
          } catch (InterruptedException e) {
            throw new IllegalStateException(e);
          }
          deliver(message);
        };
    int batches = 24;
    try (var relay = relay(bus)) {
      await().until(() -> relay.wouldTake(1).isPresent());
      for (int batch = 0; batch < batches; batch++) {
        appendFirst(IntStream.range(0, 256).mapToObj(i -> "message").toArray(String[]::new));
      }
      assertThat(takenInTable()).isLessThan(batches * 256);
      go.countDown();
      await().until(() -> outbox.size() == 0);
    }
    assertThat(delivered).hasSize(batches * 256);
  }

  @Test
  void whoDiesWithItsMemoryLeavesItToTheNextAfterTheLease() {
    outbox.drivenBy(
        new Outbox.Driver() {
          @Override
          public void wake() {}

          @Override
          public Optional<Duration> wouldTake(int messages) {
            return Optional.of(Relay.LEASE);
          }

          @Override
          public void take(List<Outbox.Taken> messages) {} // Dies.
        });
    appendFirst("left behind");
    assertThat(outbox.take(clock.instant(), Relay.LEASE, 10)).isEmpty();
    var taken = outbox.take(clock.instant().plus(Relay.LEASE), Relay.LEASE, 10);
    assertThat(taken).extracting(Outbox.Taken::attempts).containsExactly(2);
  }

  @Test
  void whoIsAloneKnowsThatALeaseIsADeadOnes() {
    var entry = entry("left behind");
    outbox.append(List.of(entry));
    assertThat(outbox.take(clock.instant(), Relay.LEASE, 10)).hasSize(1);
    long from = System.nanoTime();
    try (var _ = new Relay("test", 8, 10, true, outbox, clock, this::deliver, deadLetters)) {
      await().until(() -> outbox.size() == 0);
    }
    assertThat(Duration.ofNanos(System.nanoTime() - from)).isLessThan(Relay.LEASE.dividedBy(2));
    assertThat(delivered).containsExactly("left behind");
  }

  @Test
  void closingFinishesWhatWasHandedOver() {
    try (var relay = relay(this::deliver)) {
      await().until(() -> relay.wouldTake(1).isPresent());
      appendFirst(IntStream.range(0, 1_000).mapToObj(i -> "message").toArray(String[]::new));
    }
    assertThat(delivered).hasSize(1_000);
    assertThat(outbox.size()).isZero();
  }

  private Relay relay(Consumer<Outbox.Taken> bus) {
    return new Relay("test", outbox, clock, bus, deadLetters);
  }

  private void deliver(Outbox.Taken message) {
    delivered.add(message.envelope());
  }

  private Outbox.Entry entry(String text) {
    return new Outbox.Entry(Ids.next(), Ids.next(), text, clock.instant());
  }

  private void appendFirst(String... texts) {
    var entries = List.of(texts).stream().map(this::entry).toList();
    database.inTransaction(connection -> outbox.appendFirst(connection, entries)).run();
  }

  private int takenInTable() {
    return database.with(
        connection -> {
          try (var statement =
                  connection.prepareStatement(
                      "SELECT count(*) FROM outbox WHERE attempts = 1 AND first_taken_at < due_at");
              var rows = statement.executeQuery()) {
            rows.next();
            return rows.getInt(1);
          }
        });
  }
}
