package flashsale.acceptance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import flashsale.checkout.DirectDriver;
import flashsale.checkout.Flow.Next;
import flashsale.checkout.Recovery;
import flashsale.contracts.Checkout;
import flashsale.contracts.CheckoutUnavailable;
import flashsale.contracts.Fact.OfferAllocated;
import flashsale.contracts.Fact.ReservationRequested;
import flashsale.contracts.Fact.SaleOpened;
import flashsale.contracts.Fact.StockHeld;
import flashsale.contracts.Line;
import flashsale.contracts.OrderIds;
import flashsale.contracts.OrderState;
import flashsale.contracts.ReservationState;
import flashsale.inventory.Ledger;
import flashsale.orders.OrderBook;
import flashsale.platform.ids.Ids;
import flashsale.platform.messaging.Bus;
import flashsale.platform.messaging.Changes;
import flashsale.platform.messaging.DeadLetters;
import flashsale.platform.messaging.DeadLetters.Filter;
import flashsale.platform.messaging.Outbox;
import flashsale.platform.messaging.Permanent;
import flashsale.platform.metrics.Meters;
import flashsale.platform.persistence.Database;
import flashsale.platform.persistence.TestPostgres;
import flashsale.platform.time.SteadyClock;
import flashsale.reservations.ReservationBook;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Walks that died between the hold and the reservation's row, on the real roles. */
class RecoveryTest {
  private static final Duration LOOK_EVERY = Duration.ofMillis(50);

  private final SteadyClock clock = new SteadyClock();
  private final Database inventory = TestPostgres.open("inventory");
  private final Database orders = TestPostgres.open("orders");
  private final Database reservations = TestPostgres.open("reservations");
  private final DeadLetters letters =
      new DeadLetters(reservations, new Outbox(reservations), clock);
  private final Ledger ledger =
      new Ledger(inventory, new Outbox(inventory), clock, Ledger.Settings.DEFAULT);
  private final OrderBook orderBook = new OrderBook(orders, clock);
  private final ReservationBook reservationBook =
      new ReservationBook(reservations, new Outbox(reservations), new Changes(1), clock);
  private final Meters meters = new Meters();
  private final DirectDriver driver =
      new DirectDriver(
          new DirectDriver.Settings(Duration.ofSeconds(5), 16, 64),
          Map.of(
              Next.INVENTORY, ledger, Next.ORDERS, orderBook, Next.RESERVATIONS, reservationBook),
          meters);
  private final UUID saleId = Ids.next();
  private final UUID offerId = Ids.next();

  RecoveryTest() {
    var now = clock.instant();
    ledger.apply(
        List.of(
            new OfferAllocated(offerId, saleId, 10, 0, 1),
            new SaleOpened(saleId, now.minusSeconds(1), now.plusSeconds(600), 300, 1)));
  }

  @AfterEach
  void close() {
    driver.close();
    meters.close();
    inventory.close();
    orders.close();
    reservations.close();
  }

  /** A hold after which the process died. */
  private UUID interrupted() {
    var id = Ids.next();
    var lines = List.of(new Line(offerId, 1, 1999));
    var request = new ReservationRequested(id, Ids.next(), lines, "EUR", "", clock.instant());
    assertThat(ledger.apply(List.of(request)).getFirst()).isInstanceOf(StockHeld.class);
    return id;
  }

  private Recovery<StockHeld> recovery(Checkout checkout, Duration untouched) {
    return Recovery.ofHolds(
        ledger, reservationBook, checkout, inReservations(), clock, untouched, LOOK_EVERY);
  }

  private Recovery.Letters inReservations() {
    return new Recovery.Letters() {
      @Override
      public Set<UUID> givenUp(Map<UUID, UUID> walks, Set<String> types) {
        return letters.givenUp(walks, types);
      }

      @Override
      public void park(Bus.Message message, Instant firstAt, Throwable failure) {
        letters.park(message, firstAt, failure);
      }
    };
  }

  private boolean settled(UUID id) {
    return reservationBook.unsettled(List.of(id)).isEmpty();
  }

  @Test
  void aHoldWithoutAReservationIsDrivenOnAtTheStart() {
    var id = interrupted();
    assertThat(settled(id)).isFalse();
    try (var _ = recovery(driver, Duration.ofHours(1))) {
      await().until(() -> settled(id));
    }
    var before = new UUID(id.getMostSignificantBits(), id.getLeastSignificantBits() - 1);
    var row = reservationBook.reservations(Optional.of(before), 1).getFirst();
    assertThat(row.state()).isEqualTo(ReservationState.HELD);
    assertThat(row.orderId()).isEqualTo(OrderIds.of(id));
    assertThat(orderBook.order(OrderIds.of(id)).orElseThrow().state())
        .isEqualTo(OrderState.PENDING_PAYMENT);
  }

  @Test
  void aWalkThatStopsLaterIsDrivenOnToo() {
    try (var _ = recovery(driver, Duration.ZERO)) {
      var id = interrupted();
      await().until(() -> settled(id));
    }
  }

  @Test
  void anErrorEndsNothing() {
    var stubborn = interrupted();
    var other = interrupted();
    var failures = new AtomicInteger();
    Checkout failing =
        fact -> {
          if (fact.key().equals(stubborn) && failures.incrementAndGet() <= 2) {
            throw new StackOverflowError("for once");
          }
          return driver.carry(fact);
        };
    try (var _ = recovery(failing, Duration.ZERO)) {
      await().until(() -> settled(stubborn) && settled(other));
    }
  }

  @Test
  void oneThatCannotBeDrivenOnDoesNotStopTheOthersAndIsTriedAgain() {
    var stubborn = interrupted();
    var others = List.of(interrupted(), interrupted());
    var mended = new AtomicBoolean();
    Checkout sometimes =
        fact -> {
          if (fact.key().equals(stubborn) && !mended.get()) {
            throw new CheckoutUnavailable("down", Duration.ofSeconds(1), null);
          }
          return driver.carry(fact);
        };
    try (var _ = recovery(sometimes, Duration.ZERO)) {
      await().until(() -> others.stream().allMatch(this::settled));
      assertThat(settled(stubborn)).isFalse();
      mended.set(true);
      await().until(() -> settled(stubborn));
    }
    assertThat(letters.count()).isZero();
  }

  @Test
  void whatOperatorsDiscardedIsNotDrivenAfterARestart() {
    var poisoned = interrupted();
    var tries = new AtomicInteger();
    Checkout refusing =
        fact -> {
          if (fact.key().equals(poisoned)) {
            tries.incrementAndGet();
            throw new Permanent("nobody can do this");
          }
          return driver.carry(fact);
        };
    try (var _ = recovery(refusing, Duration.ZERO)) {
      await().until(() -> letters.count() == 1);
    }
    assertDrivesOnOthersOnly(refusing);
    var letter = letters.list(Filter.ALL, Optional.empty(), 10).getFirst();
    assertThat(letter.key()).isEqualTo(poisoned);
    assertThat(letter.type()).isEqualTo("stock-held.v1");
    letters.discard(letter.id(), Ids.next());
    assertDrivesOnOthersOnly(refusing);
    assertThat(tries).hasValue(1);
    assertThat(settled(poisoned)).isFalse();
  }

  private void assertDrivesOnOthersOnly(Checkout checkout) {
    var other = interrupted();
    try (var _ = recovery(checkout, Duration.ZERO)) {
      await().until(() -> settled(other));
    }
  }
}
