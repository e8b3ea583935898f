package flashsale.reservations;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import flashsale.contracts.Fact;
import flashsale.contracts.Fact.OrderCancelled;
import flashsale.contracts.Fact.OrderPaid;
import flashsale.contracts.Fact.OrderPlaced;
import flashsale.contracts.Fact.ReservationRequested;
import flashsale.contracts.Fact.ReservationSettled;
import flashsale.contracts.Fact.StockRefused;
import flashsale.contracts.Fact.StockReturned;
import flashsale.contracts.Line;
import flashsale.contracts.Refusal;
import flashsale.contracts.ReservationState;
import flashsale.platform.ids.Ids;
import flashsale.platform.messaging.Changes;
import flashsale.platform.messaging.DeadLetters;
import flashsale.platform.messaging.Outbox;
import flashsale.platform.persistence.Database;
import flashsale.platform.persistence.TestPostgres;
import flashsale.platform.time.SteadyClock;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

class ReservationBookTest {
  private static final Instant NOW = Instant.parse("2026-11-27T09:00:00Z");
  private static Database database;
  private static Outbox outbox;
  private static ReservationBook book;

  private final UUID id = Ids.next();
  private final UUID customer = Ids.next();
  private final UUID order = Ids.next();
  private final List<Line> lines = List.of(new Line(Ids.next(), 2, 1999));

  @BeforeAll
  static void open() {
    database = TestPostgres.open("reservations");
    outbox = new Outbox(database);
    book = new ReservationBook(database, outbox, new Changes(1), new SteadyClock());
  }

  @AfterAll
  static void close() {
    database.close();
  }

  private OrderPlaced placed() {
    return placed(id);
  }

  private OrderPlaced placed(UUID reservation) {
    return new OrderPlaced(
        order, reservation, customer, lines, 3998, "EUR", "2xabc", NOW, NOW.plusSeconds(600));
  }

  private OrderPaid paid() {
    return new OrderPaid(order, id, customer, Ids.next(), NOW);
  }

  private OrderCancelled cancelled(ReservationState state) {
    return new OrderCancelled(order, id, customer, state);
  }

  private static ReservationState settle(Fact fact) {
    return ((ReservationSettled) book.apply(List.of(fact)).getFirst()).state();
  }

  private ReservationRequested requested() {
    return new ReservationRequested(id, customer, lines, "EUR", "2xabc", NOW);
  }

  @Test
  void whatAWalkHeldIsWhatAPendingRowTells() {
    book.accept(List.of(requested()));
    var one = List.of(new Line(lines.getFirst().offerId(), 1, 1500));
    var walked =
        new OrderPlaced(order, id, customer, one, 1500, "EUR", "cart", NOW, NOW.plusSeconds(600));
    book.apply(List.of(walked));
    var row = book.find(List.of(id)).get(id);
    assertThat(row.lines()).isEqualTo(one);
    assertThat(row.totalMinor()).isEqualTo(1500);
  }

  @Test
  void anAcceptedRequestIsPendingAndItsFactInTheOutboxOnce() {
    long before = outbox.size();
    var twice = book.accept(List.of(requested(), requested()));
    var again = book.accept(List.of(requested())).getFirst();
    assertThat(twice).containsOnly(again);
    assertThat(again.state()).isEqualTo(ReservationState.PENDING);
    assertThat(again.lines()).isEqualTo(lines);
    assertThat(again.totalMinor()).isEqualTo(3998);
    assertThat(outbox.size() - before).isEqualTo(1);
  }

  @Test
  void whatStaysPendingIsFoundWithAllThatItAskedForUntilItIsSettled() {
    var from = Instant.now().minusSeconds(60);
    var to = Instant.now().plusSeconds(60);
    var other = new ReservationRequested(Ids.next(), customer, lines, "EUR", "2xabc", NOW);
    book.accept(List.of(requested()));
    book.accept(List.of(other));
    var all = book.pending(from, to, Optional.empty(), 10_000);
    assertThat(all).extracting(ReservationRequested::reservationId).contains(id, other.key());
    var mine = all.stream().filter(found -> found.reservationId().equals(id)).findFirst();
    var at = mine.orElseThrow().requestedAt();
    assertThat(mine).hasValue(new ReservationRequested(id, customer, lines, "EUR", "2xabc", at));
    assertThat(book.pending(from, to, mine, 10_000))
        .contains(all.getLast())
        .doesNotContain(mine.get());
    assertThat(book.pending(from, at, Optional.empty(), 10_000)).doesNotContain(mine.get());
    settle(placed());
    assertThat(book.pending(from, to, Optional.empty(), 10_000)).doesNotContain(mine.get());
  }

  @Test
  void whatIsHeldAlreadyIsNotAcceptedAnew() {
    settle(placed());
    long before = outbox.size();
    assertThat(book.accept(List.of(requested())).getFirst().state())
        .isEqualTo(ReservationState.HELD);
    assertThat(outbox.size()).isEqualTo(before);
  }

  @Test
  void whatWasReleasedBeforeItWasHeldKeepsItsLines() {
    book.accept(List.of(requested()));
    assertThat(settle(cancelled(ReservationState.RELEASED))).isEqualTo(ReservationState.RELEASED);
    assertThat(book.find(List.of(id)).get(id).lines()).isEqualTo(lines);
  }

  @Test
  void aPlacedOrderMakesTheReservationHeld() {
    var settled = (ReservationSettled) book.apply(List.of(placed())).getFirst();
    assertThat(settled)
        .isEqualTo(
            new ReservationSettled(
                id,
                customer,
                ReservationState.HELD,
                order,
                lines,
                3998,
                "EUR",
                NOW.plusSeconds(600),
                null,
                null,
                null));
    assertThat(book.find(List.of(id)).get(id).settled()).isEqualTo(settled);
  }

  @Test
  void theDeadLettersAreThePlatformsOwn() throws IOException {
    try (var sql =
        ReservationBook.class.getResourceAsStream(
            "/db/migration/reservations/V4__dead_letters.sql")) {
      assertThat(new String(sql.readAllBytes(), StandardCharsets.UTF_8))
          .contains(DeadLetters.TABLE);
    }
  }

  @Test
  void theStateOnlyMovesForward() {
    assertThat(settle(placed())).isEqualTo(ReservationState.HELD);
    assertThat(settle(paid())).isEqualTo(ReservationState.CONFIRMED);
    assertThat(settle(placed())).isEqualTo(ReservationState.CONFIRMED);
    assertThat(settle(new StockReturned(id, customer, order, NOW)))
        .isEqualTo(ReservationState.RELEASED);
    assertThat(settle(cancelled(ReservationState.EXPIRED))).isEqualTo(ReservationState.RELEASED);
    assertThat(settle(paid())).isEqualTo(ReservationState.RELEASED);
  }

  @Test
  void aRepeatIsAnsweredWithTheRowAsItIs() {
    var first = book.apply(List.of(placed()));
    var later =
        new ReservationBook(database, new Outbox(database), new Changes(1), new SteadyClock());
    assertThat(later.apply(List.of(placed()))).isEqualTo(first);
  }

  @Test
  void severalFactsOfOneReservationInOneBatchApplyInOrder() {
    var other = Ids.next();
    var answers = book.apply(List.of(placed(), placed(other), paid(), placed(other), placed()));
    assertThat(answers)
        .extracting(fact -> ((ReservationSettled) fact).state())
        .containsExactly(
            ReservationState.HELD,
            ReservationState.HELD,
            ReservationState.CONFIRMED,
            ReservationState.HELD,
            ReservationState.CONFIRMED);
  }

  @Test
  void aRefusalKeepsItsReason() {
    var offer = lines.getFirst().offerId();
    var refused =
        new StockRefused(
            id, customer, lines, "EUR", "2xabc", Refusal.LIMIT_EXCEEDED, offer, 7, NOW);
    var settled = (ReservationSettled) book.apply(List.of(refused)).getFirst();
    assertThat(settled.state()).isEqualTo(ReservationState.REFUSED);
    assertThat(settled.reason()).isEqualTo(Refusal.LIMIT_EXCEEDED);
    assertThat(settled.offerId()).isEqualTo(offer);
    assertThat(settle(placed())).isEqualTo(ReservationState.REFUSED);
  }

  @Test
  void aRefusalThatNobodyCanAskForAgainIsToldButNotKept() {
    var once =
        new StockRefused(
            id, customer, lines, "EUR", "", Refusal.LIMIT_EXCEEDED, Ids.next(), 7, NOW);
    var other = Ids.next();
    var kept =
        new StockRefused(
            other, customer, lines, "EUR", "2xabc", Refusal.LIMIT_EXCEEDED, Ids.next(), 7, NOW);
    var settled = book.apply(List.of(once, kept, once));
    assertThat(settled).extracting(Fact::key).containsExactly(id, other, id);
    assertThat(((ReservationSettled) settled.getFirst()).available()).isEqualTo(7);
    assertThat(book.apply(List.of(once))).containsExactly(settled.getFirst());
    assertThat(book.find(List.of(id, other))).containsOnlyKeys(other);
  }

  @Test
  void anExpiryThatOvertookTheReservationIsRecorded() {
    assertThat(settle(cancelled(ReservationState.EXPIRED))).isEqualTo(ReservationState.EXPIRED);
    assertThat(settle(placed())).isEqualTo(ReservationState.EXPIRED);
  }

  @Test
  void unsettledAreThoseWithoutARow() {
    var missing = Ids.next();
    settle(placed());
    assertThat(book.unsettled(List.of(id, missing))).containsExactly(missing);
  }

  @Test
  void auditPagesCoverEveryRowOnce() {
    var ids = new ArrayList<UUID>();
    for (int i = 0; i < 25; i++) {
      ids.add(i % 2 == 0 ? Ids.next() : Ids.derive(customer, "key" + i));
    }
    book.apply(ids.stream().<Fact>map(this::placed).toList());
    var seen = new ArrayList<UUID>();
    Optional<UUID> after = Optional.empty();
    for (var page = book.reservations(after, 7);
        !page.isEmpty();
        page = book.reservations(after, 7)) {
      page.forEach(row -> seen.add(row.reservationId()));
      after = Optional.of(page.getLast().reservationId());
    }
    assertThat(seen).doesNotHaveDuplicates().containsAll(ids);
  }

  @Test
  void aFactOfSomebodyElseIsRefusedLoudly() {
    var fact = new Fact.SaleKnown(id, 1);
    assertThatThrownBy(() -> book.apply(List.of(fact)))
        .isInstanceOf(IllegalArgumentException.class);
  }
}
