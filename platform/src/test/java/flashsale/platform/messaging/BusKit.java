package flashsale.platform.messaging;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import flashsale.platform.messaging.Bus.Message;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What every bus promises. */
abstract class BusKit {
  static final int ATTEMPTS_MAX = 3;
  static final int BATCH_MAX = 50;
  static final Duration LONG = Duration.ofSeconds(60);

  /** What was parked. */
  record Parked(String queue, Message message, Instant firstAttempt, Throwable reason) {}

  final String queue = "kit-" + UUID.randomUUID();
  final List<Parked> parked = new CopyOnWriteArrayList<>();
  final List<Bus> opened = new CopyOnWriteArrayList<>();

  /** A bus for this test's queue that parks after {@link #ATTEMPTS_MAX}. */
  abstract Bus create(Bus.Parking parking);

  final Bus open() {
    return open((q, message, first, reason) -> parked.add(new Parked(q, message, first, reason)));
  }

  final Bus open(Bus.Parking parking) {
    var bus = create(parking);
    opened.add(bus);
    return bus;
  }

  @AfterEach
  void closeAll() {
    opened.forEach(Bus::close);
  }

  static Message message(UUID key, int number) {
    var id = UUID.randomUUID();
    return new Message(id, key, "{\"id\":\"" + id + "\",\"number\":" + number + "}", 0);
  }

  /** Messages of that many keys, in turn. */
  static List<Message> messages(int count, int keys) {
    var ofKey = IntStream.range(0, keys).mapToObj(_ -> UUID.randomUUID()).toList();
    return IntStream.range(0, count).mapToObj(i -> message(ofKey.get(i % keys), i)).toList();
  }

  static Set<UUID> ids(List<Message> messages) {
    return Set.copyOf(messages.stream().map(Message::id).toList());
  }

  /** Publishes as an outbox does: what has not arrived is published again. */
  static void publishAll(Supplier<Bus> bus, String queue, List<Message> messages) {
    var left = new AtomicReference<>(messages);
    await()
        .atMost(LONG)
        .pollDelay(Duration.ZERO)
        .pollInterval(Duration.ofMillis(20))
        .until(
            () -> {
              var arrived = bus.get().publish(queue, left.get());
              left.set(
                  left.get().stream()
                      .filter(m -> !arrived.contains(m.id()))
                      .map(m -> new Message(m.id(), m.key(), m.envelope(), m.attempts() + 1))
                      .toList());
              return left.get().isEmpty();
            });
  }

  @Test
  void everyMessageArrivesInBatchesOfAtMostTheMaximum() {
    var bus = open();
    var recorder = new Recorder();
    bus.subscribe(queue, BATCH_MAX, recorder);
    var messages = messages(1_000, 100);
    for (int from = 0; from < 1_000; from += 200) {
      var part = messages.subList(from, from + 200);
      assertThat(bus.publish(queue, part)).isEqualTo(ids(part));
    }
    await().atMost(LONG).until(() -> recorder.doneIds().equals(ids(messages)));
    assertThat(recorder.handed()).allMatch(batch -> batch.size() <= BATCH_MAX);
    assertThat(recorder.done()).allMatch(m -> m.attempts() == 0);
    assertThat(recorder.done()).containsAll(messages);
  }

  @Test
  void messagesOfOneKeyStayInOrder() {
    var bus = open();
    var recorder = new Recorder();
    bus.subscribe(queue, BATCH_MAX, recorder);
    var messages = new ArrayList<>(messages(900, 7));
    var hot = UUID.randomUUID();
    IntStream.range(0, 300).forEach(i -> messages.add(message(hot, i)));
    publishAll(() -> bus, queue, messages.subList(0, 500));
    publishAll(() -> bus, queue, messages.subList(500, messages.size()));
    await().atMost(LONG).until(() -> recorder.doneIds().equals(ids(messages)));
    for (var key : messages.stream().map(Message::key).distinct().toList()) {
      assertThat(ofKey(recorder.done(), key)).isEqualTo(ofKey(messages, key));
    }
  }

  private static List<UUID> ofKey(List<Message> messages, UUID key) {
    return messages.stream().filter(m -> m.key().equals(key)).map(Message::id).distinct().toList();
  }

  /** Whoever publishes cannot know whether the first time arrived. */
  @Test
  void messagesThatArePublishedTwiceAreHandedOverOnceOrTwiceWithTheirIds() {
    var bus = open();
    var recorder = new Recorder();
    bus.subscribe(queue, BATCH_MAX, recorder);
    var messages = messages(20, 5);
    publishAll(() -> bus, queue, messages);
    publishAll(() -> bus, queue, messages);
    // Behind the copies with their keys, so that none of those can still be on its way.
    var last = messages.subList(0, 5).stream().map(m -> message(m.key(), 99)).toList();
    publishAll(() -> bus, queue, last);
    await().atMost(LONG).until(() -> recorder.doneIds().containsAll(ids(last)));
    assertThat(recorder.doneIds()).containsAll(ids(messages)).hasSize(25);
    for (var message : messages) {
      assertThat(recorder.done()).filteredOn(message::equals).hasSizeBetween(1, 2);
    }
  }

  @Test
  void aSlowConsumerHasNoMoreThanABatchAtATime() {
    var bus = open();
    var go = new CountDownLatch(1);
    var recorder = new Recorder(_ -> waitFor(go));
    bus.subscribe(queue, BATCH_MAX, recorder);
    var messages = messages(1_000, 100);
    publishAll(() -> bus, queue, messages);
    await().atMost(LONG).until(() -> !recorder.handed().isEmpty());
    go.countDown();
    await().atMost(LONG).until(() -> recorder.doneIds().equals(ids(messages)));
    assertThat(recorder.runningMax()).isLessThanOrEqualTo(BATCH_MAX);
  }

  static void waitFor(CountDownLatch latch) {
    try {
      latch.await();
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  @Test
  void aPoisonedMessageIsRetriedAndParkedAloneWhileTheOthersGoOn() {
    var bus = open();
    var messages = messages(40, 40);
    var poisoned = messages.get(17);
    var started = Instant.now().minusSeconds(1);
    var recorder = new Recorder(batch -> failFor(batch, poisoned, new IllegalStateException("no")));
    bus.subscribe(queue, BATCH_MAX, recorder);
    publishAll(() -> bus, queue, messages);
    await().atMost(LONG).until(() -> !parked.isEmpty());
    await().atMost(LONG).until(() -> recorder.doneIds().size() == 39);
    assertThat(recorder.doneIds()).doesNotContain(poisoned.id());
    assertThat(attemptsAlone(recorder, poisoned)).containsExactly(0, 1, 2);
    var one = parked.getFirst();
    assertThat(parked).hasSize(1);
    assertThat(one.queue()).isEqualTo(queue);
    assertThat(one.message().id()).isEqualTo(poisoned.id());
    assertThat(one.message().key()).isEqualTo(poisoned.key());
    assertThat(one.message().envelope()).isEqualTo(poisoned.envelope());
    assertThat(one.message().attempts()).isEqualTo(ATTEMPTS_MAX);
    assertThat(one.firstAttempt()).isBetween(started, Instant.now());
    assertThat(one.reason()).hasMessage("no");
  }

  private static void failFor(List<Message> batch, Message poisoned, RuntimeException failure) {
    if (batch.stream().anyMatch(m -> m.id().equals(poisoned.id()))) {
      throw failure;
    }
  }

  private static List<Integer> attemptsAlone(Recorder recorder, Message message) {
    return recorder.handed().stream()
        .filter(batch -> batch.size() == 1 && batch.getFirst().id().equals(message.id()))
        .map(batch -> batch.getFirst().attempts())
        .distinct()
        .toList();
  }

  @Test
  void whatCanNeverBeDoneIsParkedAtOnce() {
    var bus = open();
    var messages = messages(40, 40);
    var hopeless = messages.get(3);
    var cause = new RuntimeException("wrapped", new Permanent("unreadable"));
    var recorder = new Recorder(batch -> failFor(batch, hopeless, cause));
    bus.subscribe(queue, BATCH_MAX, recorder);
    publishAll(() -> bus, queue, messages);
    await().atMost(LONG).until(() -> !parked.isEmpty());
    await().atMost(LONG).until(() -> recorder.doneIds().size() == 39);
    assertThat(attemptsAlone(recorder, hopeless)).containsExactly(0);
    assertThat(parked).hasSize(1);
    assertThat(parked.getFirst().message().attempts()).isOne();
  }

  @Test
  void aMessageThatCannotBeParkedIsKeptUntilItCan() {
    var refusals = new AtomicInteger(2);
    var bus =
        open(
            (q, message, first, reason) -> {
              if (refusals.getAndDecrement() > 0) {
                throw new IllegalStateException("the place for it is down");
              }
              parked.add(new Parked(q, message, first, reason));
            });
    bus.subscribe(
        queue,
        BATCH_MAX,
        _ -> {
          throw new Permanent("never");
        });
    var messages = messages(1, 1);
    publishAll(() -> bus, queue, messages);
    await().atMost(LONG).until(() -> parked.size() == 1);
    assertThat(parked.getFirst().message().id()).isEqualTo(messages.getFirst().id());
  }

  @Test
  void whatAllNeedIsDownForAWhileAndNothingIsParked() {
    var bus = open();
    var down = new AtomicInteger(1 + Handover.FAILURES_IN_A_ROW_MAX);
    var recorder =
        new Recorder(
            _ -> {
              if (down.getAndDecrement() > 0) {
                throw new IllegalStateException("the database is down");
              }
            });
    bus.subscribe(queue, BATCH_MAX, recorder);
    var messages = messages(200, 200);
    publishAll(() -> bus, queue, messages);
    await().atMost(LONG).until(() -> recorder.doneIds().equals(ids(messages)));
    assertThat(parked).isEmpty();
  }

  @Test
  void anErrorIsAFailureLikeOthers() {
    var bus = open();
    var first = new AtomicBoolean(true);
    var recorder =
        new Recorder(
            _ -> {
              if (first.getAndSet(false)) {
                throw new StackOverflowError("too deep");
              }
            });
    bus.subscribe(queue, BATCH_MAX, recorder);
    var messages = messages(1, 1);
    publishAll(() -> bus, queue, messages);
    await().atMost(LONG).until(() -> recorder.doneIds().equals(ids(messages)));
  }

  @Test
  void stoppingAndStartingAgainInTheMiddleLosesNothing() throws InterruptedException {
    var recorder = new Recorder();
    var current = new AtomicReference<>(open());
    current.get().subscribe(queue, BATCH_MAX, recorder);
    var messages = messages(3_000, 100);
    var publisher =
        Thread.startVirtualThread(
            () -> {
              for (int from = 0; from < messages.size(); from += 20) {
                publishAll(current::get, queue, messages.subList(from, from + 20));
              }
            });
    for (int round = 1; round <= 3; round++) {
      int enough = round * 500;
      await().atMost(LONG).until(() -> recorder.doneIds().size() >= enough);
      current.get().close();
      int handed = recorder.handed().size();
      assertThat(current.get().publish(queue, messages(1, 1))).isEmpty();
      var next = open();
      assertThat(recorder.handed()).as("handed over after the end").hasSize(handed);
      next.subscribe(queue, BATCH_MAX, recorder);
      current.set(next);
    }
    publisher.join();
    await().atMost(LONG).until(() -> recorder.doneIds().equals(ids(messages)));
  }

  @Test
  void twoProcessesShareAQueueAndTheSecondTakesOver() {
    var first = open();
    var second = open();
    var firsts = new Recorder();
    var seconds = new Recorder();
    first.subscribe(queue, BATCH_MAX, firsts);
    var messages = messages(200, 10);
    publishAll(() -> second, queue, messages.subList(0, 100));
    await().atMost(LONG).until(() -> firsts.done().size() == 100);
    second.subscribe(queue, BATCH_MAX, seconds);
    first.close();
    publishAll(() -> second, queue, messages.subList(100, 200));
    var all = new HashSet<UUID>();
    await()
        .atMost(LONG)
        .until(
            () -> {
              all.addAll(firsts.doneIds());
              all.addAll(seconds.doneIds());
              return all.equals(ids(messages));
            });
  }

  @Test
  void oneQueueDoesNotGetWhatIsForAnother() {
    var bus = open();
    var recorder = new Recorder();
    bus.subscribe(queue, BATCH_MAX, recorder);
    assertThat(bus.publish("nobodys-" + UUID.randomUUID(), messages(5, 5))).isEmpty();
    var messages = messages(5, 5);
    publishAll(() -> bus, queue, messages);
    await().atMost(LONG).until(() -> recorder.done().size() == 5);
    assertThat(new HashSet<>(recorder.doneIds())).isEqualTo(ids(messages));
  }
}
