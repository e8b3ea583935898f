package flashsale.inventory;

import static flashsale.inventory.TestLedger.line;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import flashsale.contracts.Fact.OfferAllocated;
import flashsale.contracts.Fact.SaleClosed;
import flashsale.contracts.Fact.StockHeld;
import flashsale.contracts.Fact.StockRefused;
import flashsale.contracts.Refusal;
import flashsale.contracts.SaleState;
import flashsale.contracts.SaleWindow;
import flashsale.contracts.StockGauge;
import flashsale.platform.ids.Ids;
import java.time.Duration;
import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/** Refusals without a transaction. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class GateTest {
  private final TestLedger shop = new TestLedger();
  private final UUID customer = Ids.next();

  @AfterAll
  void close() {
    shop.close();
  }

  private UUID closed() {
    var sale = Ids.next();
    shop.apply(new SaleClosed(sale, shop.now(), shop.now().plus(Duration.ofHours(1)), 600, 1));
    return shop.offer(sale, 0, 0);
  }

  @Test
  void aSoldOutOfferIsRefusedInTheWordsOfTheLedger() {
    var offer = shop.offer(0, 0);
    var request = shop.request(customer, line(shop.offer(10, 0), 1), line(offer, 1));
    var atGate = shop.ledger.refusedAtGate(request);
    assertThat(atGate).map(StockRefused::reason).contains(Refusal.SOLD_OUT);
    assertThat(shop.apply(request)).isEqualTo(atGate.orElseThrow());
  }

  @Test
  void aClosedSaleIsRefusedBeforeASoldOutOffer() {
    var notOpen = closed();
    var request = shop.request(customer, line(shop.offer(0, 0), 1), line(notOpen, 1));
    var atGate = shop.ledger.refusedAtGate(request).orElseThrow();
    assertThat(atGate.reason()).isEqualTo(Refusal.SALE_NOT_OPEN);
    assertThat(shop.apply(request)).isEqualTo(atGate);
  }

  @Test
  void whatNeedsTheLedgerPassesTheGate() {
    var limited = shop.offer(3, 1);
    assertThat(shop.ledger.refusedAtGate(shop.request(customer, line(limited, 2)))).isEmpty();
    assertThat(shop.ledger.refusedAtGate(shop.request(customer, line(limited, 9)))).isEmpty();
  }

  @Test
  void anUnknownOfferHidesWhatElseIsWrong() {
    var request = shop.request(customer, line(shop.offer(0, 0), 1), line(Ids.next(), 1));
    assertThat(shop.ledger.refusedAtGate(request)).isEmpty();
  }

  @Test
  void unitsThatComeBackOpenTheGateWithTheCommit() {
    var offer = shop.offer(1, 0);
    var held = shop.request(customer, line(offer, 1));
    var next = shop.request(customer, line(offer, 1));
    shop.apply(held);
    assertThat(shop.ledger.refusedAtGate(next)).isPresent();
    shop.apply(shop.release(held));
    assertThat(shop.ledger.refusedAtGate(next)).isEmpty();
  }

  @Test
  void theClockClosesTheGate() {
    var sale = Ids.next();
    shop.apply(shop.opened(sale, 600, 1));
    var request = shop.request(customer, line(shop.offer(sale, 10, 0), 1));
    assertThat(shop.ledger.refusedAtGate(request)).isEmpty();
    shop.clock.advance(Duration.ofDays(1));
    assertThat(shop.ledger.refusedAtGate(request))
        .map(StockRefused::reason)
        .contains(Refusal.SALE_NOT_OPEN);
  }

  @Test
  void anOlderRowHeardLateReplacesNothing() {
    var gauge = new StockGauge();
    var sale = Ids.next();
    var window =
        new SaleWindow(sale, SaleState.OPEN, shop.now(), shop.now().plusSeconds(60), 60, 1);
    var older = OfferStock.first(new OfferAllocated(Ids.next(), sale, 1, 0, 1)).atRevision(7);
    var newer = older.hold(1).atRevision(8);
    gauge.hear(List.of(newer.figures()), List.of(window));
    gauge.hear(List.of(older.figures()), List.of());
    var request = shop.request(customer, line(older.offerId(), 1));
    assertThat(gauge.refusal(request, shop.now())).isPresent();
  }

  @Test
  void whatAnotherProcessWritesIsHeardWithinARefresh() {
    try (var other = shop.another()) {
      other.start();
      var offer = shop.offer(1, 0);
      shop.apply(shop.request(customer, line(offer, 1)));
      var next = shop.request(customer, line(offer, 1));
      await().until(() -> other.refusedAtGate(next).isPresent());
      shop.apply(new OfferAllocated(offer, shop.stock(offer).saleId(), 2, 0, 2));
      await().until(() -> other.refusedAtGate(next).isEmpty());
    }
  }

  @Test
  void aSaleThatIsLongOverIsForgotten() {
    try (var other = shop.another()) {
      var sale = Ids.next();
      shop.apply(shop.opened(sale, 600, 1));
      var request = shop.request(customer, line(shop.offer(sale, 0, 0), 1));
      other.refreshGauge();
      assertThat(other.refusedAtGate(request)).isPresent();
      shop.clock.advance(Duration.ofDays(2));
      other.refreshGauge();
      assertThat(other.refusedAtGate(request)).isEmpty();
    }
  }

  @Test
  void anOpenGateHolds() {
    var request = shop.request(customer, line(shop.offer(5, 0), 1));
    assertThat(shop.ledger.refusedAtGate(request)).isEmpty();
    assertThat(shop.apply(request)).isInstanceOf(StockHeld.class);
  }
}
