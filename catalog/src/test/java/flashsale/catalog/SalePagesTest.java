package flashsale.catalog;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import flashsale.platform.json.Json;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What customers read, over HTTP. */
class SalePagesTest {
  private final Shop shop = new Shop();

  @AfterEach
  void close() {
    shop.close();
  }

  @Test
  void aPageShowsTheSaleWithItsOffers() throws Exception {
    var saleId = shop.draft();
    var offerId = shop.offer(saleId, 500);
    shop.move(saleId, "schedule");

    var page = shop.page(saleId);

    var offer = page.get("offers").get(0);
    var expected =
        """
        {"serverTime":"2026-11-27T12:00:00Z","saleId":"%s","name":"Black Friday",
         "state":"SCHEDULED","opensAt":"2026-11-27T13:00:00Z","closesAt":"2026-11-27T14:00:00Z",
         "holdSeconds":600,
         "offers":[{"offerId":"%s","productId":%s,"productName":"Lamp","unitPriceMinor":1999,
                    "currency":"EUR","limitPerCustomer":2,"allocated":500,"available":500,
                    "soldOut":false}]}
        """
            .formatted(saleId, offerId, offer.get("productId"));
    assertThat(page).isEqualTo(Json.strict().readTree(expected));
  }

  @Test
  void aDraftIsNotShown() {
    var saleId = shop.draft();

    assertThat(shop.get("/api/v1/sales/" + saleId).status()).isEqualTo(404);
    assertThat(shop.get("/api/v1/sales").json().get("sales")).isEmpty();
    assertThat(shop.operator("GET", "/api/v1/admin/sales", null).json().get("sales")).hasSize(1);
    assertThat(shop.operator("GET", "/api/v1/admin/sales/" + saleId, null).json().get("state"))
        .hasToString("\"DRAFT\"");
  }

  @Test
  void aPageThatTheCallerHasIsAnsweredWith304UntilItChanges() {
    var saleId = shop.draft();
    shop.offer(saleId, 500);
    shop.move(saleId, "schedule");
    var path = "/api/v1/sales/" + saleId;
    var etag = shop.get(path).etag().orElseThrow();

    assertThat(etag).startsWith("W/\"");
    shop.clock.advance(Duration.ofMinutes(1));
    var same = shop.getUnless(path, etag);
    assertThat(same.status()).isEqualTo(304);
    assertThat(same.etag()).contains(etag);

    shop.patch("/api/v1/admin/sales/" + saleId, "{\"name\":\"Cyber Monday\"}");
    var other = shop.getUnless(path, etag);
    assertThat(other.status()).isEqualTo(200);
    assertThat(other.json().get("name").asText()).isEqualTo("Cyber Monday");
    assertThat(other.etag()).isPresent().get().isNotEqualTo(etag);
  }

  @Test
  void theStateFollowsTheClockWithoutAnyDecision() {
    var saleId = shop.draft();
    shop.move(saleId, "schedule");
    assertThat(state(saleId)).isEqualTo("SCHEDULED");

    shop.clock.advance(Duration.ofHours(1));
    await().untilAsserted(() -> assertThat(state(saleId)).isEqualTo("OPEN"));
    var etag = shop.get("/api/v1/sales/" + saleId).etag().orElseThrow();

    shop.clock.advance(Duration.ofHours(1));
    await().untilAsserted(() -> assertThat(state(saleId)).isEqualTo("CLOSED"));
    assertThat(shop.getUnless("/api/v1/sales/" + saleId, etag).status()).isEqualTo(200);
    await()
        .untilAsserted(
            () ->
                assertThat(shop.get("/api/v1/sales").json().at("/sales/0/state").asText())
                    .isEqualTo("CLOSED"));
  }

  @Test
  void theServersTimeIsOnEveryPage() {
    var saleId = shop.draft();
    shop.move(saleId, "schedule");

    shop.clock.advance(Duration.ofMillis(123_456));

    await()
        .untilAsserted(
            () ->
                assertThat(shop.page(saleId).get("serverTime").asText())
                    .isEqualTo("2026-11-27T12:02:03.456Z"));
  }

  @Test
  void aPageIsServedWithoutTheDatabaseAndWithoutTheLedger() {
    var saleId = shop.draft();
    var offerId = shop.offer(saleId, 5);
    shop.move(saleId, "open");
    shop.ledger.down(true);
    shop.database.close();

    var reply = shop.get("/api/v1/sales/" + saleId);

    assertThat(reply.status()).isEqualTo(200);
    assertThat(reply.json().at("/offers/0/available").asInt()).isEqualTo(5);
    assertThat(shop.catalogue.quotes(List.of(offerId))).containsKey(offerId);
  }

  @Test
  void aSaleThatClosedLongAgoIsStillShownButNotKeptInMemory() {
    var saleId = shop.draft();
    shop.offer(saleId, 5);
    shop.move(saleId, "schedule");
    shop.clock.advance(Duration.ofDays(2));

    await().until(() -> shop.catalogue.liveSales() == 0 && shop.catalogue.liveOffers() == 0);

    var page = shop.page(saleId);
    assertThat(page.get("state").asText()).isEqualTo("CLOSED");
    assertThat(page.at("/offers/0/available").asInt()).isEqualTo(5);
    assertThat(shop.catalogue.liveOffers()).isZero();
  }

  @Test
  void whatDoesNotExistIs404() {
    assertThat(shop.get("/api/v1/sales/" + UUID.randomUUID()).status()).isEqualTo(404);
    assertThat(shop.get("/api/v1/sales/no-id").status()).isEqualTo(404);
    assertThat(shop.get("/api/v1/products/" + UUID.randomUUID()).status()).isEqualTo(404);
  }

  @Test
  void salesAreListedPageByPageThoseThatOpenLastFirst() {
    var ids = new ArrayList<String>();
    for (int day = 0; day < 5; day++) {
      var opensAt = Shop.NOON.plus(Duration.ofDays(1 + day));
      var saleId = shop.sale(opensAt, opensAt.plusSeconds(60));
      shop.offer(saleId, 1);
      shop.move(saleId, "schedule");
      ids.addFirst(saleId.toString());
    }

    var seen = new ArrayList<String>();
    var path = "/api/v1/sales?limit=2";
    for (String next = ""; next != null; ) {
      var reply = shop.get(path + next);
      assertThat(reply.json().get("sales").size()).isBetween(1, 2);
      for (var sale : reply.json().get("sales")) {
        seen.add(sale.get("saleId").asText());
        assertThat(sale.get("offerCount").asInt()).isEqualTo(1);
        assertThat(sale.get("state").asText()).isEqualTo("SCHEDULED");
        assertThat(Instant.parse(sale.get("opensAt").asText())).isAfter(Shop.NOON);
      }
      var cursor = reply.json().get("next");
      next = cursor.isNull() ? null : "&cursor=" + cursor.asText();
    }
    assertThat(seen).isEqualTo(ids);
  }

  private String state(UUID saleId) {
    return shop.page(saleId).get("state").asText();
  }
}
