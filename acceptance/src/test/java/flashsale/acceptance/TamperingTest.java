package flashsale.acceptance;

import static org.assertj.core.api.Assertions.assertThat;

import flashsale.acceptance.TestShop.Ask;
import java.util.ArrayList;
import java.util.UUID;
import org.junit.jupiter.api.Test;

/** The audit finds what was done behind the shop's back: one fault for each of its rules. */
class TamperingTest {
  /** The audit waits for what may be under way; the less time a walk has, the sooner it is sure. */
  private static final String[] QUICK = {
    "payments.gatewayTimeout=500ms", "checkout.deadline=1s", "database.waitMax=500ms"
  };

  @Test
  void eachRuleFindsItsFaultAndNothingElse() {
    try (var shop = TestShop.start(QUICK)) {
      var sale = shop.openSale(new Ask(100, 0, 100), new Ask(100, 5, 100), new Ask(100, 0, 100));
      var miscounted = UUID.fromString(sale.offerIds().get(0));
      var limited = UUID.fromString(sale.offerIds().get(1));
      var offerId = sale.offerIds().get(2);
      shop.customer().reserve(miscounted.toString(), 3).expect(201);
      shop.customer().reserve(limited.toString(), 4).expect(201);
      var stateless = paid(shop, offerId);
      var overcharged = paid(shop, offerId);
      var unreserved = paid(shop, offerId);
      var held = shop.customer().reserve(offerId, 1).expect(201);
      var unordered = UUID.fromString(held.text("reservationId"));
      shop.assertAudited();

      var inventory = shop.sql("inventory");
      var reservations = shop.sql("reservations");
      assertOneRow(
          inventory.update(
              "UPDATE stock SET held = held - 1, available = available + 1 WHERE offer_id = ?",
              miscounted));
      assertOneRow(
          inventory.update("UPDATE stock SET limit_ceiling = 3 WHERE offer_id = ?", limited));
      assertOneRow(
          inventory.update("UPDATE allotment SET units = 9 WHERE offer_id = ?", miscounted));
      assertOneRow(
          reservations.update(
              "UPDATE reservation SET state = 'EXPIRED' WHERE reservation_id = ?", stateless));
      assertOneRow(
          reservations.update("DELETE FROM reservation WHERE reservation_id = ?", unreserved));
      assertOneRow(
          shop.sql("orders").update("DELETE FROM orders WHERE reservation_id = ?", unordered));
      assertOneRow(
          shop.sql("payments")
              .update("UPDATE payment SET amount_minor = 1 WHERE reservation_id = ?", overcharged));

      var audit = shop.audit();
      assertThat(audit.path("verdict").asText()).isEqualTo("BREACH");
      var found = new ArrayList<String>();
      audit
          .path("breaches")
          .forEach(b -> found.add(b.path("rule").asText() + " " + b.path("subject").asText()));
      assertThat(found)
          .containsExactlyInAnyOrder(
              "STOCK_ADDS_UP " + miscounted,
              "LIMIT_KEPT " + limited,
              "ALLOTMENT_ADDS_UP " + miscounted,
              "HOLD_MATCHES_RESERVATION " + stateless,
              // Without its reservation a purchase breaks two rules.
              "HOLD_MATCHES_RESERVATION " + unreserved,
              "ORDER_HAS_RESERVATION " + unreserved,
              "SOLD_MATCHES_ORDER " + unordered,
              "PAYMENT_HAS_ORDER " + overcharged,
              "CHARGE_IS_BOOKED " + overcharged);
    }
  }

  private static UUID paid(TestShop shop, String offerId) {
    var customer = shop.customer();
    var held = customer.reserve(offerId, 1).expect(201);
    customer.pay(held.text("orderId"), "tok_ok").expect(201);
    return UUID.fromString(held.text("reservationId"));
  }

  private static void assertOneRow(int rows) {
    assertThat(rows).isEqualTo(1);
  }
}
