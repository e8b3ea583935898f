package flashsale.inventory;

import static flashsale.inventory.TestLedger.HOLD_SECONDS;
import static flashsale.inventory.TestLedger.line;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import flashsale.contracts.Fact;
import flashsale.contracts.Fact.HoldExpired;
import flashsale.platform.ids.Ids;
import flashsale.platform.persistence.DatabaseFailure;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Overdue holds are found and expired. */
class SweepTest {
  private final TestLedger shop = new TestLedger();
  private final UUID offer = shop.offer(10_000, 0);

  @AfterEach
  void close() {
    shop.close();
  }

  private List<Fact> hold(int reservations) {
    var requests =
        Stream.generate(() -> (Fact) shop.request(Ids.next(), line(offer, 1)))
            .limit(reservations)
            .toList();
    shop.ledger.apply(requests);
    return requests;
  }

  @Test
  void theSweepGivesUnitsBackByItself() {
    hold(3);
    shop.ledger.start();
    assertThat(shop.stock(offer).held()).isEqualTo(3);
    shop.clock.advance(Duration.ofSeconds(HOLD_SECONDS));
    await().until(() -> shop.stock(offer).available() == 10_000);
    assertThat(shop.outbox.size()).as("the flow hears of each").isEqualTo(3);
  }

  @Test
  void oneSweepExpiresMoreThanOneBatch() {
    hold(2 * Ledger.Settings.DEFAULT.sweepMax() + 1);
    shop.clock.advance(Duration.ofSeconds(HOLD_SECONDS));
    shop.ledger.sweep();
    assertThat(shop.stock(offer).held()).isZero();
  }

  @Test
  void theSweepTakesOnlyWhatIsOverdue() {
    var early = hold(1);
    shop.clock.advance(Duration.ofSeconds(1));
    hold(1);
    shop.clock.advance(Duration.ofSeconds(HOLD_SECONDS - 1));
    shop.ledger.sweep();
    assertThat(shop.stock(offer).held()).isEqualTo(1);
    assertThat(shop.ledger.apply(early).getFirst()).isInstanceOf(HoldExpired.class);
  }

  @Test
  void severalSweepsAtOnceExpireEachHoldOnce() throws Exception {
    hold(200);
    shop.clock.advance(Duration.ofSeconds(HOLD_SECONDS));
    var threads = new ArrayList<Thread>();
    var failures = new CopyOnWriteArrayList<Throwable>();
    for (int i = 0; i < 4; i++) {
      var ledger = shop.another();
      threads.add(
          Thread.ofVirtual()
              .uncaughtExceptionHandler((t, e) -> failures.add(e))
              .start(ledger::sweep));
    }
    for (var thread : threads) {
      thread.join();
    }
    assertThat(failures).isEmpty();
    assertThat(shop.stock(offer).available()).isEqualTo(10_000);
    assertThat(shop.outbox.size()).isEqualTo(200);
  }

  @Test
  void holdsThatCannotBeExpiredDoNotStopTheOthers() {
    var broken = hold(3);
    for (var fact : broken) {
      // Nobody knows this offer, so its units cannot go back.
      shop.execute(
          "UPDATE hold SET offer_ids = ARRAY[reservation_id] WHERE reservation_id = '%s'"
              .formatted(fact.key()));
    }
    shop.clock.advance(Duration.ofSeconds(1));
    hold(5);
    shop.clock.advance(Duration.ofSeconds(HOLD_SECONDS));
    var d = Ledger.Settings.DEFAULT;
    var settings =
        new Ledger.Settings(
            d.chargeWindow(), d.releaseGrace(), d.sweepEvery(), 2, d.gaugeRefresh());
    try (var ledger = new Ledger(shop.database, shop.outbox, shop.clock, settings)) {
      assertThatThrownBy(ledger::sweep)
          .isInstanceOf(IllegalStateException.class)
          .hasMessageContainingAll(
              broken.stream().map(f -> f.key().toString()).toArray(String[]::new));
    }
    assertThat(shop.query("SELECT state, count(*) FROM hold GROUP BY state"))
        .containsExactlyInAnyOrder("EXPIRED 5", "HELD 3");
  }

  @Test
  void aSweepThatFailsGoesOnTrying() {
    hold(1);
    shop.clock.advance(Duration.ofSeconds(HOLD_SECONDS));
    shop.execute("ALTER TABLE hold RENAME TO hold_elsewhere");
    assertThatThrownBy(shop.ledger::sweep).isInstanceOf(DatabaseFailure.class);
    shop.ledger.start();
    shop.execute("ALTER TABLE hold_elsewhere RENAME TO hold");
    await().until(() -> shop.stock(offer).held() == 0);
  }
}
