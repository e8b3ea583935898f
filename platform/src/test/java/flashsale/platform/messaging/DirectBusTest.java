package flashsale.platform.messaging;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import flashsale.platform.persistence.Database;
import flashsale.platform.persistence.TestPostgres;
import java.time.InstantSource;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class DirectBusTest extends BusKit {
  private final Database database = TestPostgres.open("platform");
  private final Outbox outbox = new Outbox(database);

  /** Each is a process of its own as far as the table can tell. */
  @Override
  Bus create(Bus.Parking parking) {
    var own = new Outbox(database);
    var letters = new DeadLetters(database, own, InstantSource.system());
    Relay.Parking told =
        (taken, failure) -> {
          var message =
              new Bus.Message(taken.id(), taken.key(), taken.envelope(), taken.attempts());
          parking.park(queue, message, taken.firstTakenAt(), failure);
          letters.park(taken, failure);
        };
    var queues = Map.of(queue, new DirectBus.Queue(own, told));
    return new DirectBus(queues, ATTEMPTS_MAX, InstantSource.system());
  }

  @AfterEach
  void closeDatabase() {
    closeAll();
    database.close();
  }

  @Test
  void aMessageLeavesTheTableWhenItsHandlerHasReturned() {
    var bus = open();
    var go = new CountDownLatch(1);
    var recorder = new Recorder(_ -> waitFor(go));
    bus.subscribe(queue, BATCH_MAX, recorder);
    publishAll(() -> bus, queue, messages(10, 10));
    await().atMost(LONG).until(() -> recorder.runningMax() == 10);
    assertThat(outbox.size()).isEqualTo(10);
    go.countDown();
    await().atMost(LONG).until(() -> outbox.size() == 0);
    assertThat(recorder.done()).hasSize(10);
  }

  @Test
  void whatIsPublishedAgainWhileItWaitsIsHandedOverOnce() {
    var bus = open();
    var messages = messages(20, 5);
    publishAll(() -> bus, queue, messages);
    publishAll(() -> bus, queue, messages);
    var recorder = new Recorder();
    bus.subscribe(queue, BATCH_MAX, recorder);
    await().atMost(LONG).until(() -> outbox.size() == 0);
    assertThat(recorder.done()).hasSize(20).containsAll(messages);
  }

  @Test
  void aFailedMessageIsNotOvertakenByTheNextOfItsKey() {
    var bus = open();
    var first = new AtomicBoolean(true);
    var recorder =
        new Recorder(
            _ -> {
              if (first.getAndSet(false)) {
                throw new IllegalStateException("the first time");
              }
            });
    var messages = messages(10, 1);
    publishAll(() -> bus, queue, messages);
    bus.subscribe(queue, BATCH_MAX, recorder);
    await().atMost(LONG).until(() -> outbox.size() == 0);
    assertThat(recorder.done())
        .extracting(Bus.Message::id)
        .containsExactlyElementsOf(messages.stream().map(Bus.Message::id).toList());
  }

  @Test
  void whatTheDatabaseDoesNotTakeHasNotArrived() {
    var bus = open();
    database.close();
    assertThat(bus.publish(queue, messages(3, 3))).isEmpty();
  }

  @Test
  void aQueueHasOneSubscriberInAProcess() {
    var bus = open();
    bus.subscribe(queue, BATCH_MAX, new Recorder());
    assertThatThrownBy(() -> bus.subscribe(queue, BATCH_MAX, new Recorder()))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining(queue);
    assertThatThrownBy(() -> bus.subscribe("nobodys", BATCH_MAX, new Recorder()))
        .isInstanceOf(IllegalArgumentException.class);
  }
}
