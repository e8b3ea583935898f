package flashsale.checkout;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import flashsale.checkout.Flow.Next;
import flashsale.contracts.CheckoutUnavailable;
import flashsale.contracts.Fact;
import flashsale.contracts.Fact.SaleKnown;
import flashsale.contracts.Fact.SaleOpened;
import flashsale.contracts.Step;
import flashsale.platform.ids.Ids;
import flashsale.platform.metrics.Meters;
import flashsale.platform.persistence.DatabaseFailure;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class DirectDriverTest {
  private final Meters meters = new Meters();
  private final SaleOpened opened =
      new SaleOpened(Ids.next(), Instant.EPOCH, Instant.EPOCH.plusSeconds(1), 600, 3);
  private final Fact known = new SaleKnown(opened.saleId(), 3);

  @AfterEach
  void close() {
    meters.close();
  }

  private DirectDriver driver(Duration deadline, int queueMax, Step inventory) {
    return new DirectDriver(
        new DirectDriver.Settings(deadline, 16, queueMax),
        Map.of(Next.INVENTORY, inventory),
        meters);
  }

  @Test
  void theWalkEndsWithTheFactThatNobodyFollows() {
    try (var driver = driver(Duration.ofSeconds(5), 16, facts -> List.of(known))) {
      assertThat(driver.carry(opened)).isEqualTo(known);
      assertThat(driver.carry(known)).isEqualTo(known);
    }
  }

  @Test
  void aStepThatHangsEndsTheWalkAtTheDeadline() throws Exception {
    var hang = new CountDownLatch(1);
    var driver =
        driver(
            Duration.ofMillis(100),
            16,
            facts -> {
              try {
                hang.await();
              } catch (InterruptedException e) {
                throw new IllegalStateException(e);
              }
              return facts.stream().map(f -> known).toList();
            });
    try (driver) {
      assertThatThrownBy(() -> driver.carry(opened))
          .isInstanceOf(CheckoutUnavailable.class)
          .hasMessageContaining("INVENTORY");
      hang.countDown();
    }
  }

  @Test
  void aWalkAfterTheStopIsRefusedAtOnce() {
    var driver = driver(Duration.ofSeconds(30), 16, facts -> List.of(known));
    driver.close();
    long from = System.nanoTime();
    assertThatThrownBy(() -> driver.carry(opened))
        .isInstanceOfSatisfying(
            CheckoutUnavailable.class, e -> assertThat(e.stoppedAt()).contains(opened));
    assertThat(Duration.ofNanos(System.nanoTime() - from)).isLessThan(Duration.ofSeconds(5));
  }

  @Test
  void aBugInAStepIsNotMistakenForOverload() {
    var calls = new AtomicInteger();
    Step broken =
        facts -> {
          calls.incrementAndGet();
          throw new IllegalStateException("broken invariant");
        };
    try (var driver = driver(Duration.ofSeconds(5), 16, broken)) {
      assertThatThrownBy(() -> driver.carry(opened))
          .isInstanceOf(IllegalStateException.class)
          .hasMessage("broken invariant");
    }
    assertThat(calls).hasValue(1);
  }

  @Test
  void aFlowThatRunsInACircleIsFoundOut() {
    try (var driver = driver(Duration.ofSeconds(5), 16, facts -> List.copyOf(facts))) {
      assertThatThrownBy(() -> driver.carry(opened)).hasMessageContaining("circle");
    }
  }

  @Test
  void aPoisonedFactFailsAloneAndTheOthersOfItsBatchArrive() throws Exception {
    var poisoned = new SaleOpened(Ids.next(), Instant.EPOCH, Instant.EPOCH.plusSeconds(1), 600, 9);
    var first = new CountDownLatch(1);
    var entered = new CountDownLatch(1);
    var sizes = new CopyOnWriteArrayList<Integer>();
    Step step =
        facts -> {
          sizes.add(facts.size());
          entered.countDown();
          awaitLatch(first);
          if (facts.contains(poisoned)) {
            throw new IllegalStateException("poisoned");
          }
          return facts.stream().map(f -> known).toList();
        };
    try (var driver = driver(Duration.ofSeconds(30), 16, step);
        var callers = Executors.newVirtualThreadPerTaskExecutor()) {
      var ahead = callers.submit(() -> driver.carry(opened));
      awaitLatch(entered);
      var bad = callers.submit(() -> driver.carry(poisoned));
      var good = callers.submit(() -> driver.carry(opened));
      await().until(() -> meters.scrape().contains("flashsale_batch_waiting{batch=\"walk\"} 2"));
      first.countDown();
      assertThat(ahead.get()).isEqualTo(known);
      assertThat(good.get()).isEqualTo(known);
      assertThatThrownBy(bad::get).hasRootCauseMessage("poisoned");
    }
    assertThat(sizes).containsExactly(1, 2, 1, 1);
  }

  @Test
  void aDatabaseThatCannotBeReachedIsTriedOncePerBatch() throws Exception {
    var calls = new AtomicInteger();
    Step down =
        facts -> {
          calls.incrementAndGet();
          throw new DatabaseFailure("gone", new SQLException("no route", "08001"));
        };
    try (var driver = driver(Duration.ofSeconds(5), 16, down)) {
      assertThatThrownBy(() -> driver.carry(opened))
          .isInstanceOf(CheckoutUnavailable.class)
          .hasMessageContaining("INVENTORY");
    }
    assertThat(calls).hasValue(1);
  }

  private static void awaitLatch(CountDownLatch latch) {
    try {
      latch.await();
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }
}
