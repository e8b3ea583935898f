package flashsale.catalog;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import flashsale.contracts.Fact;
import flashsale.contracts.SaleState;
import flashsale.platform.messaging.DeadLetters;
import flashsale.platform.messaging.Outbox;
import flashsale.platform.messaging.Relay;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Decisions whose way to the ledger is interrupted are driven on by the outbox. */
class InterruptedDecisionsTest {
  private final Shop shop = new Shop();

  @AfterEach
  void close() {
    shop.close();
  }

  @Test
  void nothingIsLeftInTheOutboxOfADecisionThatArrived() {
    var saleId = shop.draft();
    shop.offer(saleId, 5);
    shop.move(saleId, "open");

    assertThat(shop.outbox.size()).isZero();
  }

  @Test
  void theOperatorIsToldThatTheChangeIsSavedAndTheRelayAppliesIt() {
    var saleId = shop.draft();
    var productId = shop.product("Lamp");
    shop.ledger.down(true);

    var offer = shop.addOffer(saleId, productId, 5);
    assertThat(offer.status()).isEqualTo(503);
    assertThat(offer.code()).isEqualTo("SAVED_NOT_APPLIED");
    assertThat(offer.id("saleId")).isEqualTo(saleId);
    var opened = shop.move(saleId, "open");
    assertThat(opened.code()).isEqualTo("SAVED_NOT_APPLIED");
    assertThat(shop.page(saleId).get("state").asText()).isEqualTo("OPEN");
    assertThat(shop.offerOn(saleId).get("available").isNull()).isTrue();
    assertThat(shop.offerOn(saleId).get("soldOut").asBoolean()).isFalse();
    assertThat(detail(saleId).at("/offers/0/available").isNull()).isTrue();
    assertThat(shop.outbox.size()).isEqualTo(2);

    shop.ledger.down(false);
    try (var _ = relay()) {
      await().until(() -> shop.outbox.size() == 0);
    }
    assertThat(shop.ledger.of(offer.id("offerId")).available()).isEqualTo(5);
    assertThat(shop.ledger.window(saleId).orElseThrow().state()).isEqualTo(SaleState.OPEN);
    assertThat(detail(saleId).at("/offers/0/applied").asBoolean()).isTrue();
  }

  @Test
  void aRepeatAfterAFailureAppliesTheChange() {
    var saleId = shop.draft();
    var offerId = shop.offer(saleId, 5);
    shop.ledger.down(true);
    assertThat(shop.move(saleId, "open").status()).isEqualTo(503);
    assertThat(shop.change(offerId, "{\"allocated\":9}").status()).isEqualTo(503);
    shop.ledger.down(false);

    assertThat(shop.move(saleId, "open").status()).isEqualTo(200);
    assertThat(shop.change(offerId, "{\"allocated\":9}").status()).isEqualTo(200);

    assertThat(shop.ledger.window(saleId).orElseThrow().state()).isEqualTo(SaleState.OPEN);
    assertThat(shop.ledger.of(offerId).allocated()).isEqualTo(9);
    assertThat(shop.outbox.size()).isZero();
  }

  @Test
  void aDecisionOfAProcessThatDiesIsTakenAfterItsLease() {
    var saleId = shop.draft();
    // What a process leaves that dies after its commit: the row and the fact, due in ten seconds.
    var fact = new Fact.SaleClosed(saleId, Shop.NOON, Shop.NOON.plusSeconds(1), 60, 2);
    shop.database.inTransaction(
        connection -> {
          shop.outbox.append(
              connection,
              List.of(
                  new Outbox.Entry(
                      shop.envelopes.seal(fact, fact.key(), Shop.NOON, null),
                      Shop.NOON.plusSeconds(10))));
          return null;
        });

    assertThat(shop.outbox.take(Shop.NOON.plusSeconds(9), Duration.ofSeconds(30), 10)).isEmpty();
    shop.clock.advance(Duration.ofSeconds(10));
    try (var _ = relay()) {
      await().until(() -> shop.outbox.size() == 0);
    }
    assertThat(shop.ledger.window(saleId).orElseThrow().state()).isEqualTo(SaleState.CLOSED);
  }

  @Test
  void theFactWaitsForTheLeaseWhileItIsCarried() {
    var saleId = shop.draft();
    var offerId = shop.offer(saleId, 5);
    var due = new AtomicReference<Long>();
    shop.ledger.beforeAllocating(
        () -> due.set(waiting("due_at = timestamptz '2026-11-27 12:00:10Z'")));

    shop.change(offerId, "{\"allocated\":6}");

    assertThat(due.get()).isEqualTo(1);
  }

  private long waiting(String condition) {
    return shop.database.with(
        connection -> {
          try (var statement = connection.createStatement();
              var rows = statement.executeQuery("SELECT count(*) FROM outbox WHERE " + condition)) {
            rows.next();
            return rows.getLong(1);
          }
        });
  }

  @Test
  void aRefusedDecisionLeavesNothing() {
    var saleId = shop.draft();
    shop.move(saleId, "close");

    assertThat(shop.move(saleId, "open").status()).isEqualTo(409);

    assertThat(shop.outbox.size()).isZero();
    assertThat(detail(saleId).get("decided").asText()).isEqualTo("CLOSED");
  }

  @Test
  void theMigrationHasTheOutboxTableAsItIsUsed() throws Exception {
    try (var in = Catalogue.class.getResourceAsStream("/db/migration/catalog/V1__catalog.sql")) {
      var script = new String(in.readAllBytes(), StandardCharsets.UTF_8);
      assertThat(script).contains(Outbox.TABLE);
    }
  }

  @Test
  void theDeadLettersAreThePlatformsOwn() throws IOException {
    try (var sql =
        Catalogue.class.getResourceAsStream("/db/migration/catalog/V3__dead_letters.sql")) {
      assertThat(new String(sql.readAllBytes(), StandardCharsets.UTF_8))
          .contains(DeadLetters.TABLE);
    }
  }

  private JsonNode detail(UUID saleId) {
    return shop.operator("GET", "/api/v1/admin/sales/" + saleId, null).json();
  }

  private Relay relay() {
    return new Relay(
        "catalog",
        shop.outbox,
        shop.clock,
        taken -> shop.carry(shop.envelopes.open(taken.envelope()).message()),
        new DeadLetters(shop.database, shop.outbox, shop.clock));
  }
}
