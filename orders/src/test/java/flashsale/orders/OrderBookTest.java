package flashsale.orders;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import flashsale.contracts.AuditRow;
import flashsale.contracts.Fact;
import flashsale.contracts.Fact.HoldExpired;
import flashsale.contracts.Fact.HoldReleased;
import flashsale.contracts.Fact.OrderCancelled;
import flashsale.contracts.Fact.OrderPaid;
import flashsale.contracts.Fact.OrderPlaced;
import flashsale.contracts.Fact.OrderRefunded;
import flashsale.contracts.Fact.PaymentRefunded;
import flashsale.contracts.Fact.ReleaseRequested;
import flashsale.contracts.Fact.StockHeld;
import flashsale.contracts.Fact.StockSold;
import flashsale.contracts.HoldState;
import flashsale.contracts.Line;
import flashsale.contracts.OrderIds;
import flashsale.contracts.OrderState;
import flashsale.contracts.ReservationState;
import flashsale.platform.ids.Ids;
import flashsale.platform.messaging.DeadLetters;
import flashsale.platform.messaging.Outbox;
import flashsale.platform.persistence.Database;
import flashsale.platform.persistence.TestPostgres;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

class OrderBookTest {
  private static final Instant NOON = Instant.parse("2026-11-27T12:00:00.123456Z");
  private static Database database;
  private static OrderBook book;

  private final UUID reservation = Ids.next();
  private final UUID order = OrderIds.of(reservation);
  private final UUID customer = Ids.next();
  private final UUID payment = Ids.next();
  private final List<Line> lines =
      List.of(new Line(Ids.next(), 2, 1999), new Line(Ids.next(), 1, 500));

  @BeforeAll
  static void open() {
    database = TestPostgres.open("orders");
    book = new OrderBook(database, InstantSource.fixed(NOON));
  }

  @AfterAll
  static void close() {
    database.close();
  }

  private StockHeld held() {
    return held(reservation);
  }

  private StockHeld held(UUID id) {
    return new StockHeld(
        id, customer, lines, "EUR", "2xlamp", NOON.minusSeconds(1), NOON.plusSeconds(600));
  }

  private StockSold sold() {
    return new StockSold(reservation, customer, order, payment, NOON);
  }

  private HoldReleased released() {
    return new HoldReleased(reservation, customer, NOON);
  }

  private HoldExpired expired() {
    return new HoldExpired(reservation, customer, NOON);
  }

  private PaymentRefunded refunded(boolean holdLost) {
    return refunded(holdLost, holdLost ? HoldState.EXPIRED : null);
  }

  private PaymentRefunded refunded(boolean holdLost, HoldState resolvedAs) {
    return new PaymentRefunded(
        payment, order, reservation, customer, 4498, "EUR", holdLost, NOON, resolvedAs);
  }

  private OrderPlaced placedFact() {
    return new OrderPlaced(
        order, reservation, customer, lines, 4498, "EUR", "2xlamp", NOON, NOON.plusSeconds(600));
  }

  private OrderPaid paidFact() {
    return new OrderPaid(order, reservation, customer, payment, NOON);
  }

  private OrderCancelled cancelledFact(ReservationState as) {
    return new OrderCancelled(order, reservation, customer, as);
  }

  private OrderRefunded refundedFact() {
    return new OrderRefunded(order, reservation, customer, NOON);
  }

  private static Fact apply(Fact fact) {
    return book.apply(List.of(fact)).getFirst();
  }

  private OrderState state() {
    return book.order(order).orElseThrow().state();
  }

  // --- placing ---------------------------------------------------------------------------------

  @Test
  void aHeldReservationGetsAnOrderThatWaitsForItsPayment() {
    assertThat(apply(held())).isEqualTo(placedFact());
    var stored = book.order(order).orElseThrow();
    assertThat(stored.reservationId()).isEqualTo(reservation);
    assertThat(stored.customerId()).isEqualTo(customer);
    assertThat(stored.state()).isEqualTo(OrderState.PENDING_PAYMENT);
    assertThat(stored.lines()).isEqualTo(lines);
    assertThat(stored.totalMinor()).isEqualTo(4498);
    assertThat(stored.placedAt()).isEqualTo(NOON);
    assertThat(stored.expiresAt()).isEqualTo(NOON.plusSeconds(600));
    assertThat(stored.paidAt()).isNull();
    assertThat(stored.endedAt()).isNull();
  }

  @Test
  void aRepeatedHoldIsAnsweredWithTheFirstOrder() {
    apply(held());
    var later = new OrderBook(database, InstantSource.fixed(NOON.plusSeconds(60)));
    assertThat(later.apply(List.of(held()))).containsExactly(placedFact());
  }

  @Test
  void aBatchMayMixNewHoldsWithRepeatsAndRepeatItself() {
    apply(held());
    var second = Ids.next();
    var answers = book.apply(List.of(held(second), held(), held(second)));
    assertThat(answers.get(1)).isEqualTo(placedFact());
    assertThat(answers.get(0)).isEqualTo(answers.get(2));
    assertThat(((OrderPlaced) answers.get(0)).orderId()).isEqualTo(OrderIds.of(second));
  }

  @Test
  void aRepeatedHoldIsAnsweredWithWhatBecameOfItsOrder() {
    apply(held());
    apply(sold());
    assertThat(apply(held())).isEqualTo(paidFact());
    apply(refunded(false));
    assertThat(apply(held())).isEqualTo(refundedFact());
  }

  @Test
  void aRepeatedHoldOfACancelledOrderDoesNotReviveIt() {
    apply(held());
    apply(released());
    assertThat(apply(held())).isEqualTo(cancelledFact(ReservationState.RELEASED));
    assertThat(state()).isEqualTo(OrderState.CANCELLED);
  }

  @Test
  void aHoldThatWasGivenBackBeforeItsOrderNeverGetsOneThatCouldBePaid() {
    assertThat(apply(expired())).isEqualTo(cancelledFact(ReservationState.EXPIRED));
    assertThat(book.order(order)).isEmpty();
    assertThat(apply(held())).isEqualTo(cancelledFact(ReservationState.EXPIRED));
    var late = book.order(order).orElseThrow();
    assertThat(late.state()).isEqualTo(OrderState.CANCELLED);
    assertThat(late.lines()).isEqualTo(lines);
    assertThat(late.endedAt()).isEqualTo(NOON);
    assertThat(apply(held())).isEqualTo(cancelledFact(ReservationState.EXPIRED));
  }

  // --- paying ----------------------------------------------------------------------------------

  @Test
  void soldStockMakesThePaidOrderAndARepeatTellsTheSame() {
    apply(held());
    assertThat(apply(sold())).isEqualTo(paidFact());
    var later = new OrderBook(database, InstantSource.fixed(NOON.plusSeconds(60)));
    assertThat(later.apply(List.of(sold()))).containsExactly(paidFact());
    assertThat(book.order(order).orElseThrow().paidAt()).isEqualTo(NOON);
  }

  @Test
  void aSaleThatIsToldAgainAfterTheRefundIsAnsweredWithItsFirstOutcome() {
    apply(held());
    apply(sold());
    apply(refunded(false));
    assertThat(apply(sold())).isEqualTo(paidFact());
    assertThat(state()).isEqualTo(OrderState.REFUNDED);
  }

  @Test
  void soldStockWithoutAnOrderIsABrokenInvariant() {
    assertThatThrownBy(() -> apply(sold())).isInstanceOf(IllegalStateException.class);
    apply(expired());
    assertThatThrownBy(() -> apply(sold())).isInstanceOf(IllegalStateException.class);
    assertThat(book.order(order)).isEmpty();
  }

  @Test
  void aCancelledOrderIsNeverPaid() {
    apply(held());
    apply(released());
    assertThatThrownBy(() -> apply(sold())).isInstanceOf(IllegalStateException.class);
    assertThat(state()).isEqualTo(OrderState.CANCELLED);
  }

  // --- giving back -----------------------------------------------------------------------------

  @Test
  void aReleasedOrExpiredHoldCancelsTheOrderAndTheFirstReasonStays() {
    apply(held());
    assertThat(apply(released())).isEqualTo(cancelledFact(ReservationState.RELEASED));
    assertThat(apply(released())).isEqualTo(cancelledFact(ReservationState.RELEASED));
    assertThat(apply(expired())).isEqualTo(cancelledFact(ReservationState.RELEASED));
    assertThat(book.order(order).orElseThrow().endedAt()).isEqualTo(NOON);
  }

  @Test
  void aPaidOrderIsNotCancelledByAHoldThatIsSaidToBeGivenBack() {
    apply(held());
    apply(sold());
    assertThat(apply(released())).isEqualTo(paidFact());
    assertThat(apply(expired())).isEqualTo(paidFact());
    assertThat(state()).isEqualTo(OrderState.PAID);
  }

  @Test
  void moneyGivenBackForALostHoldCancelsTheOrder() {
    apply(held());
    assertThat(apply(refunded(true))).isEqualTo(cancelledFact(ReservationState.EXPIRED));
    assertThat(apply(refunded(true))).isEqualTo(cancelledFact(ReservationState.EXPIRED));
  }

  @Test
  void moneyGivenBackForAHoldThatWasReleasedCancelsTheOrderAsReleased() {
    apply(held());
    assertThat(apply(refunded(true, HoldState.RELEASED)))
        .isEqualTo(cancelledFact(ReservationState.RELEASED));
    // What the walk that released it had no time to say comes from the outbox.
    assertThat(apply(released())).isEqualTo(cancelledFact(ReservationState.RELEASED));
  }

  @Test
  void moneyGivenBackForAHoldOfWhichNothingIsToldCancelsTheOrderAsExpired() {
    apply(held());
    assertThat(apply(refunded(true, null))).isEqualTo(cancelledFact(ReservationState.EXPIRED));
  }

  @Test
  void moneyGivenBackForALostHoldKeepsTheReasonThatTheOrderWasCancelledWith() {
    apply(held());
    apply(released());
    assertThat(apply(refunded(true))).isEqualTo(cancelledFact(ReservationState.RELEASED));
  }

  @Test
  void anOperatorsRefundEndsAPaidOrder() {
    apply(held());
    apply(sold());
    assertThat(apply(refunded(false))).isEqualTo(refundedFact());
    assertThat(apply(refunded(false))).isEqualTo(refundedFact());
    var ended = book.order(order).orElseThrow();
    assertThat(ended.state()).isEqualTo(OrderState.REFUNDED);
    assertThat(ended.paidAt()).isEqualTo(NOON);
    assertThat(ended.endedAt()).isEqualTo(NOON);
  }

  @Test
  void aRefundThatDoesNotFitTheOrderIsABrokenInvariant() {
    assertThatThrownBy(() -> apply(refunded(true))).isInstanceOf(IllegalStateException.class);
    apply(held());
    assertThatThrownBy(() -> apply(refunded(false))).isInstanceOf(IllegalStateException.class);
    apply(sold());
    assertThatThrownBy(() -> apply(refunded(true))).isInstanceOf(IllegalStateException.class);
    assertThat(state()).isEqualTo(OrderState.PAID);
  }

  // --- batches ---------------------------------------------------------------------------------

  @Test
  void theFactsOfOneBatchAreTakenInTheirOrder() {
    assertThat(book.apply(List.of(held(), sold(), refunded(false))))
        .containsExactly(placedFact(), paidFact(), refundedFact());
    assertThat(state()).isEqualTo(OrderState.REFUNDED);
  }

  @Test
  void aMarkAndItsLateHoldMayComeInOneBatch() {
    assertThat(book.apply(List.of(released(), held())))
        .containsOnly(cancelledFact(ReservationState.RELEASED));
    assertThat(state()).isEqualTo(OrderState.CANCELLED);
  }

  @Test
  void aBatchThatFailsChangesNothing() {
    apply(held());
    var unknown = new StockSold(Ids.next(), customer, Ids.next(), payment, NOON);
    assertThatThrownBy(() -> book.apply(List.of(sold(), unknown)))
        .isInstanceOf(IllegalStateException.class);
    assertThat(state()).isEqualTo(OrderState.PENDING_PAYMENT);
  }

  @Test
  void aFactThatIsNotForOrdersIsRefused() {
    var other = new ReleaseRequested(reservation, customer, NOON);
    assertThatThrownBy(() -> apply(other)).isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void instancesThatPlaceTheSameOrdersAtTheSameTimeAgree() throws Exception {
    var ids = Stream.generate(Ids::next).limit(50).toList();
    var facts = ids.stream().map(id -> (Fact) held(id)).toList();
    var works = new ArrayList<Callable<List<Fact>>>();
    for (int i = 0; i < 8; i++) {
      var mine = i % 2 == 0 ? facts : facts.reversed();
      var instance = new OrderBook(database, InstantSource.fixed(NOON.plusSeconds(i)));
      works.add(() -> inTheOrderOf(facts, mine, instance));
    }
    try (var threads = Executors.newVirtualThreadPerTaskExecutor()) {
      var answers = new ArrayList<List<Fact>>();
      for (var done : threads.invokeAll(works)) {
        answers.add(done.get());
      }
      assertThat(answers).allMatch(answers.getFirst()::equals);
    }
  }

  /** Applies in one order and tells the answers in another. */
  private static List<Fact> inTheOrderOf(List<Fact> told, List<Fact> mine, OrderBook instance) {
    var answers = instance.apply(mine);
    return told.stream().map(fact -> answers.get(mine.indexOf(fact))).toList();
  }

  @Test
  void aSaleAndAnExpiryThatMeetEndInExactlyOneState() throws Exception {
    for (int round = 0; round < 20; round++) {
      var id = Ids.next();
      apply(held(id));
      List<Callable<Fact>> works =
          List.of(
              () -> apply(new StockSold(id, customer, OrderIds.of(id), payment, NOON)),
              () -> apply(new HoldExpired(id, customer, NOON)));
      try (var threads = Executors.newVirtualThreadPerTaskExecutor()) {
        threads.invokeAll(works);
      }
      var ended = book.order(OrderIds.of(id)).orElseThrow();
      assertThat(ended.state()).isIn(OrderState.PAID, OrderState.CANCELLED);
      assertThat(ended.paidAt() == null).isEqualTo(ended.state() == OrderState.CANCELLED);
    }
  }

  // --- the audit's view ------------------------------------------------------------------------

  @Test
  void theAuditSeesEveryRowOnceInTheOrderOfTheReservationIdsBytes() {
    var alone = TestPostgres.open("orders");
    try (alone) {
      var fresh = new OrderBook(alone, InstantSource.fixed(NOON));
      // Compared as signed numbers the second would come first.
      var low = UUID.fromString("01932e1c-7a10-7c3d-9b21-4f0c5d6e7f80");
      var high = UUID.fromString("f1932e1c-7a10-8c3d-9b21-4f0c5d6e7f80");
      var mark = UUID.fromString("81932e1c-7a10-8c3d-9b21-4f0c5d6e7f80");
      fresh.apply(List.of(held(high), held(low), new HoldExpired(mark, customer, NOON)));
      var seen = new ArrayList<AuditRow.Order>();
      for (var page = fresh.orders(Optional.empty(), 1);
          !page.isEmpty();
          page = fresh.orders(Optional.of(page.getLast().reservationId()), 1)) {
        seen.addAll(page);
      }
      assertThat(seen).extracting(AuditRow.Order::reservationId).containsExactly(low, mark, high);
      assertThat(seen.getFirst())
          .isEqualTo(
              new AuditRow.Order(
                  low, OrderIds.of(low), customer, lines, 4498, OrderState.PENDING_PAYMENT, NOON));
      assertThat(seen.get(1).lines()).isEmpty();
    }
  }

  @Test
  void theOutboxIsThePlatformsOwn() throws IOException {
    try (var sql = OrderBook.class.getResourceAsStream("/db/migration/orders/V1__orders.sql")) {
      assertThat(new String(sql.readAllBytes(), StandardCharsets.UTF_8)).contains(Outbox.TABLE);
    }
  }

  @Test
  void theDeadLettersAreThePlatformsOwn() throws IOException {
    try (var sql =
        OrderBook.class.getResourceAsStream("/db/migration/orders/V2__dead_letters.sql")) {
      assertThat(new String(sql.readAllBytes(), StandardCharsets.UTF_8))
          .contains(DeadLetters.TABLE);
    }
  }
}
