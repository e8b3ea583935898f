package flashsale.acceptance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/** The catalogue's pages, which nginx keeps for their second. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class GatewayPagesTest {
  private final GatewayRig rig = new GatewayRig();

  @AfterAll
  void close() {
    rig.close();
  }

  @Test
  void aPageIsAskedForOnceASecond() {
    var path = "/api/v1/sales/0195a3c0-0000-7000-8000-000000000002";
    int reads = 500;
    long from = System.nanoTime();
    for (int i = 0; i < reads; i++) {
      var response = rig.get(path, "X-Request-Id", "reader-" + i);
      assertThat(response.statusCode()).isEqualTo(200);
      assertThat(response.headers().allValues("X-Request-Id")).containsExactly("reader-" + i);
      assertThat(response.headers().firstValue("RateLimit")).isEmpty();
      assertThat(response.headers().allValues("Cache-Control")).containsExactly("no-cache");
    }
    long secondsBegun = (System.nanoTime() - from) / 1_000_000_000 + 2;
    assertThat(rig.asked("catalog", "GET " + path)).isBetween(1, (int) secondsBegun);
  }

  /** With a lifetime of a second, nginx would keep one for up to two. */
  @Test
  void noPageOutlivesItsSecond() {
    var ages = new ArrayList<Double>();
    await()
        .pollInterval(Duration.ofMillis(10))
        .atMost(Duration.ofSeconds(30))
        .until(
            () -> {
              var page = rig.get("/api/v1/products?limit=7");
              var now = Double.parseDouble(GatewayRig.header(page, "X-Server-Time"));
              ages.add(now - GatewayRig.json(page).path("madeAt").asLong() / 1e3);
              return ages.size() > 300;
            });
    var oldest = Collections.max(ages);
    assertThat(oldest).as("it is kept for a while").isGreaterThan(0.3).isLessThan(1.1);
  }

  @Test
  void whoShowsATokenAsksTheCatalogueItself() {
    var path = "/api/v1/products/0195a3c0-0000-7000-8000-000000000003";
    rig.get(path);
    int before = rig.asked("catalog", "GET " + path);
    for (int i = 0; i < 10; i++) {
      var response = rig.get(path, "Authorization", "Bearer whoever");
      assertThat(GatewayRig.header(response, "RateLimit")).startsWith("\"address-read\"");
    }
    assertThat(rig.asked("catalog", "GET " + path) - before).isEqualTo(10);
  }

  /** Who comes in the same second waits for the page that is being made, but not for long. */
  @Test
  void aPageThatTakesLongHoldsNobodyUp() throws Exception {
    var path = "/api/v1/products/0195a3c0-0000-7000-8000-000000000007";
    var release = new CountDownLatch(1);
    rig.holdsNext.set(release);
    try {
      var request = HttpRequest.newBuilder(rig.url.resolve(path)).build();
      var first = rig.http.sendAsync(request, BodyHandlers.ofString());
      await().until(() -> rig.holdsNext.get() == null);
      long from = System.nanoTime();
      for (int i = 0; i < 4; i++) {
        assertThat(rig.get(path).statusCode()).isEqualTo(200);
      }
      assertThat(Duration.ofNanos(System.nanoTime() - from)).isLessThan(Duration.ofSeconds(3));
      assertThat(first).isNotDone();
      release.countDown();
      assertThat(first.get().statusCode()).isEqualTo(200);
    } finally {
      release.countDown();
    }
  }

  @Test
  void whoIsRefusedIsToldTheirLimit() {
    rig.roles.get("catalog").forEach(instance -> instance.status = 429);
    try {
      var refused = rig.get("/api/v1/products/0195a3c0-0000-7000-8000-000000000006");
      assertThat(refused.statusCode()).isEqualTo(429);
      assertThat(GatewayRig.header(refused, "RateLimit")).startsWith("\"address-read\"");
    } finally {
      rig.roles.get("catalog").forEach(instance -> instance.status = 200);
    }
  }

  @Test
  void whatWhoShowsATokenGetsIsNobodyElses() {
    var path = "/api/v1/products/0195a3c0-0000-7000-8000-000000000005";
    rig.get(path, "Authorization", "Bearer whoever");
    rig.get(path);
    assertThat(rig.asked("catalog", "GET " + path)).isEqualTo(2);
  }

  @Test
  void whoHasThePageIsToldThatNothingHasChanged() {
    var path = "/api/v1/sales?limit=3";
    assertThat(rig.get(path).statusCode()).isEqualTo(200);
    assertThat(rig.get(path, "If-None-Match", "\"catalog\"").statusCode()).isEqualTo(304);
    assertThat(rig.get(path, "If-None-Match", "\"older\"").statusCode()).isEqualTo(200);
  }

  @Test
  void whatIsNotThereIsAskedForAgain() {
    for (var instance : rig.roles.get("catalog")) {
      instance.status = 404;
    }
    var path = "/api/v1/products/0195a3c0-0000-7000-8000-000000000004";
    try {
      assertThat(rig.get(path).statusCode()).isEqualTo(404);
    } finally {
      rig.roles.get("catalog").forEach(instance -> instance.status = 200);
    }
    assertThat(rig.get(path).statusCode()).isEqualTo(200);
  }
}
