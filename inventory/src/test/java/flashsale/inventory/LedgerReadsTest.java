package flashsale.inventory;

import static flashsale.inventory.TestLedger.HOLD_SECONDS;
import static flashsale.inventory.TestLedger.line;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import flashsale.contracts.AuditRow;
import flashsale.contracts.Fact;
import flashsale.contracts.Fact.OfferAllocated;
import flashsale.contracts.Fact.ReleaseRequested;
import flashsale.contracts.Fact.StockHeld;
import flashsale.contracts.HoldState;
import flashsale.contracts.Stock;
import flashsale.platform.ids.Ids;
import flashsale.platform.messaging.DeadLetters;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What the door tells without changing anything. */
class LedgerReadsTest {
  private final TestLedger shop = new TestLedger();
  private final UUID customer = Ids.next();

  @AfterEach
  void close() {
    shop.close();
  }

  @Test
  void stockTellsAllOffersOfTheSales() {
    var sale = shop.openSale();
    var offer = shop.offer(sale, 10, 2);
    shop.offer(5, 0);
    shop.apply(shop.request(customer, line(offer, 2)));
    assertThat(shop.ledger.stock(List.of(sale)))
        .containsExactly(new Stock(offer, sale, 10, 8, 2, 0, 2, 2));
    assertThat(shop.ledger.stock(List.of())).isEmpty();
    assertThat(shop.ledger.stock(List.of(Ids.next()))).isEmpty();
  }

  @Test
  void whatWasDecidedIsKnownWhateverTheOutcome() {
    var offer = shop.offer(1, 0);
    var held = shop.request(customer, line(offer, 1));
    var refused = shop.request(customer, line(offer, 1));
    shop.ledger.apply(List.of(held, refused));
    var ids = List.of(held.reservationId(), refused.reservationId(), Ids.next());
    assertThat(shop.ledger.known(ids)).containsExactlyInAnyOrderElementsOf(ids.subList(0, 2));
    assertThat(shop.ledger.known(List.of())).isEmpty();
  }

  @Test
  void openHoldsAreToldInOrderAndInPages() {
    var offer = shop.offer(100, 0);
    var from = shop.now();
    var held = new ArrayList<StockHeld>();
    for (int batch = 0; batch < 3; batch++) {
      var requests = new ArrayList<Fact>();
      for (int i = 0; i < 4; i++) {
        requests.add(shop.request(customer, line(offer, 1)));
      }
      shop.ledger.apply(requests).forEach(f -> held.add((StockHeld) f));
      shop.clock.advance(Duration.ofSeconds(1));
    }
    var released = new ReleaseRequested(held.get(1).reservationId(), customer, shop.now());
    shop.apply(released);
    held.remove(1);
    var told = new ArrayList<StockHeld>();
    var to = from.plusSeconds(2);
    var page = shop.ledger.openHolds(from, to, Optional.empty(), 3);
    while (!page.isEmpty()) {
      told.addAll(page);
      page = shop.ledger.openHolds(from, to, Optional.of(told.getLast()), 3);
    }
    assertThat(told).isEqualTo(held.subList(0, 7));
  }

  @Test
  void holdsAreToldInPagesTombstonesIncluded() {
    var offer = shop.offer(10, 0);
    var held = shop.request(customer, line(offer, 1));
    var refused = shop.request(customer, line(offer, 99));
    var tombstone = new ReleaseRequested(Ids.next(), null, shop.now());
    shop.ledger.apply(List.of(held, refused, tombstone));
    var first = shop.ledger.holds(Optional.empty(), 2);
    var second = shop.ledger.holds(Optional.of(first.getLast().reservationId()), 2);
    assertThat(first)
        .containsExactly(
            new AuditRow.Hold(
                held.reservationId(),
                customer,
                held.lines(),
                HoldState.HELD,
                shop.now().plusSeconds(HOLD_SECONDS),
                shop.now()),
            new AuditRow.Hold(
                refused.reservationId(),
                customer,
                refused.lines(),
                HoldState.REFUSED,
                shop.now(),
                shop.now()));
    assertThat(second)
        .containsExactly(
            new AuditRow.Hold(
                tombstone.reservationId(),
                null,
                List.of(),
                HoldState.RELEASED,
                shop.now(),
                shop.now()));
    assertThatThrownBy(() -> shop.ledger.holds(Optional.empty(), 0))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void offersTellTheSumsOfTheHoldRowsBesideTheStockRow() {
    var offer = shop.offer(10, 0);
    var sold = shop.request(customer, line(offer, 3), line(offer, 1));
    var expired = shop.request(customer, line(offer, 1));
    shop.ledger.apply(List.of(sold, expired, shop.captured(sold, Ids.next())));
    shop.clock.advance(Duration.ofSeconds(HOLD_SECONDS));
    shop.ledger.sweep();
    shop.apply(shop.request(customer, line(offer, 2)));
    assertThat(shop.ledger.offers()).containsExactly(new AuditRow.Offer(shop.stock(offer), 2, 4));
    assertThat(shop.stock(offer).available()).isEqualTo(4);
    assertThat(shop.ledger.offers().getFirst().stock().sold()).isEqualTo(4);
  }

  @Test
  void whoTookHisUnitsBeforeTheLimitWasLoweredIsNotBlamed() {
    var sale = shop.openSale();
    var offer = shop.offer(sale, 10, 3);
    shop.apply(shop.request(customer, line(offer, 3)));
    shop.apply(shop.request(Ids.next(), line(offer, 2)));
    shop.apply(new OfferAllocated(offer, sale, 10, 2, 2));
    assertThat(shop.stock(offer).limitPerCustomer()).isEqualTo(2);
    assertThat(shop.ledger.overLimit()).isEmpty();
    shop.execute("UPDATE stock SET limit_ceiling = 2");
    assertThat(shop.ledger.overLimit())
        .containsExactly(new AuditRow.OverLimit(offer, customer, 3, 2));
  }

  @Test
  void anOfferThatOnceHadNoLimitHasNoneToBeAuditedAgainst() {
    var sale = shop.openSale();
    var offer = shop.offer(sale, 10, 0);
    shop.apply(shop.request(customer, line(offer, 5)));
    shop.apply(new OfferAllocated(offer, sale, 10, 2, 2));
    shop.apply(new OfferAllocated(offer, sale, 10, 4, 3));
    assertThat(shop.ledger.overLimit()).isEmpty();
  }

  @Test
  void aCustomersCountThatIsNotTheSumOfHisHoldsIsFound() {
    var offer = shop.offer(10, 0);
    var uncounted = Ids.next();
    var gone = shop.request(Ids.next(), line(offer, 1));
    shop.ledger.apply(
        List.of(
            shop.request(customer, line(offer, 2)),
            shop.request(uncounted, line(offer, 1)),
            gone,
            shop.release(gone)));
    assertThat(shop.ledger.miscounted()).isEmpty();
    shop.execute("UPDATE allotment SET units = 3 WHERE customer_id = '" + customer + "'");
    shop.execute("DELETE FROM allotment WHERE customer_id = '" + uncounted + "'");
    assertThat(shop.ledger.miscounted())
        .containsExactlyInAnyOrder(
            new AuditRow.Allotment(offer, customer, 3, 2),
            new AuditRow.Allotment(offer, uncounted, 0, 1));
  }

  @Test
  void theOutboxTableIsThePlatforms() {
    assertThat(shop.query("SELECT count(*) FROM outbox")).containsExactly("0");
    var migration = migration();
    for (var line : flashsale.platform.messaging.Outbox.TABLE.lines().toList()) {
      assertThat(migration).contains(line);
    }
  }

  @Test
  void theDeadLettersAreThePlatformsOwn() throws IOException {
    try (var sql =
        LedgerReadsTest.class.getResourceAsStream("/db/migration/inventory/V3__dead_letters.sql")) {
      assertThat(new String(sql.readAllBytes(), StandardCharsets.UTF_8))
          .contains(DeadLetters.TABLE);
    }
  }

  private static String migration() {
    try (var in =
        LedgerReadsTest.class.getResourceAsStream("/db/migration/inventory/V1__inventory.sql")) {
      return new String(in.readAllBytes(), java.nio.charset.StandardCharsets.UTF_8);
    } catch (java.io.IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }
}
