package flashsale.catalog;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Products, over HTTP. */
class ProductsTest {
  private final Shop shop = new Shop();

  @AfterEach
  void close() {
    shop.close();
  }

  @Test
  void aProductIsMadeAndRead() {
    var made =
        shop.post(
            "/api/v1/admin/products",
            """
            {"name":"  Lampe à lave 🌋 ","description":"Zwei\\nZeilen","imageUrl":"/img/lava.png"}
            """);

    assertThat(made.status()).isEqualTo(201);
    var read = shop.get(made.location().orElseThrow());
    assertThat(read.json()).isEqualTo(made.json());
    assertThat(read.json().get("name").asText()).isEqualTo("Lampe à lave 🌋");
    assertThat(read.json().get("description").asText()).isEqualTo("Zwei\nZeilen");
    assertThat(read.json().get("imageUrl").asText()).isEqualTo("/img/lava.png");
    var etag = read.etag().orElseThrow();
    assertThat(shop.getUnless(made.location().orElseThrow(), etag).status()).isEqualTo(304);
  }

  @Test
  void aChangeIsSeenAtOnceAlsoOnTheSalesPage() {
    var saleId = shop.draft();
    shop.offer(saleId, 1);
    shop.move(saleId, "schedule");
    var productId = shop.offerOn(saleId).get("productId").asText();
    var path = "/api/v1/products/" + productId;
    var before = shop.get(path).json();

    var changed =
        shop.patch(
            "/api/v1/admin/products/" + productId,
            "{\"name\":\"Torch\",\"imageUrl\":\"https://example.com/t.png\"}");

    assertThat(changed.status()).isEqualTo(200);
    assertThat(shop.get(path).json()).isEqualTo(changed.json());
    assertThat(changed.json().get("description")).isEqualTo(before.get("description"));
    assertThat(shop.offerOn(saleId).get("productName").asText()).isEqualTo("Torch");

    shop.patch("/api/v1/admin/products/" + productId, "{\"imageUrl\":\"\"}");
    assertThat(shop.get(path).json().get("imageUrl").isNull()).isTrue();
  }

  @Test
  void productsAreListedPageByPageNewestFirst() {
    var names = new ArrayList<String>();
    for (int i = 0; i < 7; i++) {
      shop.product("Lamp " + i);
      names.addFirst("Lamp " + i);
    }

    var seen = new ArrayList<String>();
    for (String next = ""; next != null; ) {
      var page = shop.get("/api/v1/products?limit=3" + next).json();
      page.get("products").forEach(product -> seen.add(product.get("name").asText()));
      next = page.get("next").isNull() ? null : "&cursor=" + page.get("next").asText();
    }

    assertThat(seen).isEqualTo(names);
  }

  @Test
  void aListShowsAChangeAtOnce() {
    assertThat(shop.get("/api/v1/products").json().get("products")).isEmpty();

    shop.product("Lamp");

    assertThat(shop.get("/api/v1/products").json().get("products")).hasSize(1);
  }

  @Test
  void pagesAreBoundedAndCursorsAreChecked() {
    for (var query :
        List.of(
            "limit=0",
            "limit=101",
            "limit=-1",
            "limit=x",
            "limit=99999999999",
            "cursor=",
            "cursor=zz",
            "cursor=%00",
            "cursor='%20OR%201=1",
            "cursor=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")) {
      for (var list : List.of("products", "sales")) {
        assertThat(shop.get("/api/v1/" + list + "?" + query).status())
            .as(list + "?" + query)
            .isEqualTo(400);
      }
    }
  }
}
