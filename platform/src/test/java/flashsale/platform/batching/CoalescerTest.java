package flashsale.platform.batching;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

final class CoalescerTest {
  private static final Duration LONG = Duration.ofSeconds(30);
  private static final Coalescer.Observer NOBODY = (size, nanos, failed) -> {};

  private final ExecutorService callers = Executors.newVirtualThreadPerTaskExecutor();

  /** The batches that the work was called with. */
  private final List<List<Integer>> batches = Collections.synchronizedList(new ArrayList<>());

  /** Lets one batch through per permit. */
  private final Semaphore gate = new Semaphore(0);

  @AfterEach
  void stop() {
    gate.release(Integer.MAX_VALUE / 2);
    callers.shutdownNow();
  }

  @Test
  void whatArrivesDuringABatchIsTheNextBatch() throws Exception {
    try (var coalescer = gated(100, 1000, this::doubled)) {
      var first = submit(coalescer, 0);
      await().until(() -> gate.hasQueuedThreads());
      var others = new ArrayList<Future<Integer>>();
      for (int i = 1; i <= 50; i++) {
        others.add(submit(coalescer, i));
      }
      await().until(() -> coalescer.waiting() == 50);
      gate.release(2);

      assertThat(first.get()).isZero();
      for (int i = 1; i <= 50; i++) {
        assertThat(others.get(i - 1).get()).as("each caller gets its own answer").isEqualTo(2 * i);
      }
      assertThat(batches).hasSize(2);
      assertThat(batches.getLast()).hasSize(50);
    }
  }

  @Test
  void aBatchKeepsTheOrderOfArrivalAndItsMaximum() {
    try (var coalescer = gated(3, 1000, this::doubled)) {
      for (int i = 0; i < 8; i++) {
        int number = i;
        var _ = submit(coalescer, number);
        await().until(() -> number == 0 ? gate.hasQueuedThreads() : coalescer.waiting() == number);
      }
      gate.release(4);
      await().until(() -> batches.size() == 4);
      assertThat(batches)
          .containsExactly(List.of(0), List.of(1, 2, 3), List.of(4, 5, 6), List.of(7));
    }
  }

  @Test
  void aLoneRequestDoesNotWaitForCompany() {
    try (var coalescer = new Coalescer<>("lone", 100, 100, this::doubled, NOBODY)) {
      coalescer.submit(1, LONG);
      long from = System.nanoTime();
      for (int i = 0; i < 100; i++) {
        assertThat(coalescer.submit(i, LONG)).isEqualTo(2 * i);
      }
      assertThat(Duration.ofNanos(System.nanoTime() - from)).isLessThan(Duration.ofSeconds(2));
    }
  }

  @Test
  void aFullQueueRefusesAtOnceWithItsNumbers() {
    try (var coalescer = gated(1, 2, this::doubled)) {
      var _ = submit(coalescer, 0);
      await().until(() -> gate.hasQueuedThreads());
      var _ = submit(coalescer, 1);
      var _ = submit(coalescer, 2);
      await().until(() -> coalescer.waiting() == 2);

      long from = System.nanoTime();
      assertThatThrownBy(() -> coalescer.submit(3, LONG))
          .isInstanceOf(Overloaded.class)
          .hasMessage("gated is full (waiting=2)");
      assertThat(Duration.ofNanos(System.nanoTime() - from)).isLessThan(Duration.ofSeconds(1));
      gate.release(10);
    }
  }

  @Test
  void aPoisonedRequestFailsAlone() throws Exception {
    Function<List<Integer>, List<Integer>> work =
        requests -> {
          if (requests.contains(13)) {
            throw new IllegalArgumentException("13 is poison");
          }
          return doubled(requests);
        };
    try (var coalescer = gated(100, 100, work)) {
      var first = submit(coalescer, 0);
      await().until(() -> gate.hasQueuedThreads());
      var good = submit(coalescer, 12);
      var poisoned = submit(coalescer, 13);
      var alsoGood = submit(coalescer, 14);
      await().until(() -> coalescer.waiting() == 3);
      gate.release(10);

      assertThat(first.get()).isZero();
      assertThat(good.get()).isEqualTo(24);
      assertThat(alsoGood.get()).isEqualTo(28);
      assertThatThrownBy(poisoned::get)
          .hasCauseInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("13 is poison");
    }
  }

  @Test
  void anOverloadedDatabaseIsNotAskedAgainForEachRequest() throws Exception {
    Function<List<Integer>, List<Integer>> work =
        requests -> {
          if (requests.contains(0)) {
            return doubled(requests);
          }
          batches.add(requests);
          throw new Overloaded("pool exhausted");
        };
    try (var coalescer = gated(100, 100, work)) {
      var _ = submit(coalescer, 0);
      await().until(() -> gate.hasQueuedThreads());
      var refused = List.of(submit(coalescer, 1), submit(coalescer, 2), submit(coalescer, 3));
      await().until(() -> coalescer.waiting() == 3);
      gate.release(10);
      for (var one : refused) {
        assertThatThrownBy(one::get).hasCauseInstanceOf(Overloaded.class);
      }
      assertThat(batches).hasSize(2);
    }
  }

  @Test
  void aWrongNumberOfAnswersIsAnErrorAndNobodysAnswer() {
    try (var coalescer =
        new Coalescer<Integer, Integer>("wrong", 10, 10, requests -> List.of(), NOBODY)) {
      assertThatThrownBy(() -> coalescer.submit(1, LONG))
          .isInstanceOf(IllegalStateException.class)
          .hasMessage("wrong gave 0 answers to 1 requests");
    }
  }

  @Test
  void evenAnErrorReachesTheCallerAndTheWriterGoesOn() {
    Function<List<Integer>, List<Integer>> work =
        requests -> {
          if (requests.contains(1)) {
            throw new StackOverflowError();
          }
          return doubled(requests);
        };
    try (var coalescer = new Coalescer<>("errors", 10, 10, work, NOBODY)) {
      assertThatThrownBy(() -> coalescer.submit(1, LONG))
          .isInstanceOf(IllegalStateException.class)
          .hasCauseInstanceOf(StackOverflowError.class);
      assertThat(coalescer.submit(2, LONG)).isEqualTo(4);
    }
  }

  @Test
  void aFailingObserverDoesNotStopTheWriter() {
    Coalescer.Observer failing =
        (size, nanos, failed) -> {
          throw new IllegalStateException("no metrics today");
        };
    try (var coalescer = new Coalescer<>("observed", 10, 10, this::doubled, failing)) {
      assertThat(coalescer.submit(1, LONG)).isEqualTo(2);
      assertThat(coalescer.submit(2, LONG)).isEqualTo(4);
    }
  }

  @Test
  void whoWaitsTooLongIsToldAndNotDoneLater() throws Exception {
    try (var coalescer = gated(10, 10, this::doubled)) {
      var first = submit(coalescer, 0);
      await().until(() -> gate.hasQueuedThreads());
      assertThatThrownBy(() -> coalescer.submit(1, Duration.ofMillis(20)))
          .isInstanceOf(Late.class)
          .hasMessage("gated gave no answer within 20 ms");
      var patient = submit(coalescer, 2);
      await().until(() -> coalescer.waiting() == 2);
      gate.release(10);
      assertThat(first.get()).isZero();
      assertThat(patient.get()).isEqualTo(4);
      assertThat(batches).containsExactly(List.of(0), List.of(2));
    }
  }

  @Test
  void closingFinishesWhatWaitsAndRefusesWhatComes() throws Exception {
    var coalescer = gated(1, 100, this::doubled);
    var waiting = new ArrayList<Future<Integer>>();
    for (int i = 0; i < 10; i++) {
      waiting.add(submit(coalescer, i));
    }
    await().until(() -> coalescer.waiting() == 9 && gate.hasQueuedThreads());
    var closed = callers.submit(coalescer::close);
    await()
        .untilAsserted(
            () ->
                assertThatThrownBy(() -> coalescer.submit(99, Duration.ofMillis(10)))
                    .isInstanceOf(Overloaded.class)
                    .hasMessage("gated is stopping"));
    assertThat(closed.isDone()).isFalse();
    gate.release(100);
    closed.get(30, TimeUnit.SECONDS);
    for (int i = 0; i < 10; i++) {
      assertThat(waiting.get(i).get()).isEqualTo(2 * i);
    }
  }

  @Test
  void nobodyIsForgottenWhenClosingMeetsSubmitting() throws Exception {
    for (int round = 0; round < 200; round++) {
      var coalescer = new Coalescer<>("race", 4, 16, this::doubled, NOBODY);
      var start = new CountDownLatch(1);
      var outcomes = new ArrayList<Future<Boolean>>();
      for (int i = 0; i < 8; i++) {
        outcomes.add(callers.submit(() -> answeredOrRefused(coalescer, start)));
      }
      start.countDown();
      coalescer.close();
      for (var outcome : outcomes) {
        assertThat(outcome.get(10, TimeUnit.SECONDS)).isTrue();
      }
    }
  }

  private static boolean answeredOrRefused(
      Coalescer<Integer, Integer> coalescer, CountDownLatch start) throws InterruptedException {
    start.await();
    try {
      return coalescer.submit(1, LONG) == 2;
    } catch (Overloaded e) {
      return true;
    }
  }

  private Coalescer<Integer, Integer> gated(
      int batchMax, int queueMax, Function<List<Integer>, List<Integer>> work) {
    return new Coalescer<>(
        "gated",
        batchMax,
        queueMax,
        requests -> {
          gate.acquireUninterruptibly();
          return work.apply(requests);
        },
        NOBODY);
  }

  private List<Integer> doubled(List<Integer> requests) {
    batches.add(List.copyOf(requests));
    return requests.stream().map(i -> 2 * i).toList();
  }

  private Future<Integer> submit(Coalescer<Integer, Integer> coalescer, int request) {
    return callers.submit(() -> coalescer.submit(request, LONG));
  }
}
