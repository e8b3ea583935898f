package flashsale.acceptance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import flashsale.acceptance.TestShop.Ask;
import flashsale.acceptance.TestShop.Sale;
import flashsale.redis.RedisNode;
import flashsale.redis.SlowProxy;
import flashsale.server.SplitShop;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/**
 * Separate services that share a Redis, which is reached through a connection that can be slowed.
 * They wait for it as briefly as by default, so on a busy machine some answers are late: nothing
 * here may be wrong for that.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class OverRedisTest {
  private static final int WRITES = 6;

  /** More than the two processes that count writes. */
  private static final int SHARES = 3;

  /** Far more than anybody waits for. */
  private static final Duration SLOW = Duration.ofMillis(400);

  /** Longer than a process keeps a page in its own memory. */
  private static final Duration PAGE_KEPT = Duration.ofSeconds(6);

  private static final int CUSTOMERS = 3;

  private final Path folder = TemporaryFolder.make();
  private RedisNode redis;
  private SlowProxy proxy;
  private SplitShop split;
  private TestShop shop;
  private Sale sale;

  @BeforeAll
  void start() {
    redis = RedisNode.start(folder.resolve("redis"), "");
    proxy = new SlowProxy(redis.port());
    var settings = new HashMap<>(TestShop.TIRELESS);
    settings.put("redis.url", redis.url(proxy.port()));
    settings.put("redis.shares", Integer.toString(SHARES));
    settings.put("limits.window", "10m");
    settings.put("limits.customerWrites", Integer.toString(WRITES));
    split = SplitShop.start(folder, settings);
    shop = TestShop.of(folder, split);
    sale = shop.openSale(new Ask(1_000_000, 0, 100), new Ask(200, 0, 100));
  }

  @AfterAll
  void stop() throws IOException {
    split.close();
    shop.close();
    proxy.close();
    redis.close();
  }

  @AfterEach
  void asItWas() {
    proxy.delay(Duration.ZERO);
    redis.restart();
    awaitUp();
  }

  private void awaitUp() {
    await().atMost(Duration.ofSeconds(30)).until(() -> states().allMatch("UP"::equals));
  }

  /** As each role tells it, asked anew. */
  private Stream<String> states() {
    return Stream.of("users", "catalog", "inventory", "reservations", "orders", "payments")
        .map(this::state);
  }

  private String state(String role) {
    var health = new Visitor(split.direct(role), null).get("/health/ready").expect(200);
    return health.json().path("details").path("Redis").asText();
  }

  /** Whose every answer came in time is granted what there is, and nobody more than is said. */
  @Test
  void aLimitHoldsForAllProcessesTogether() {
    await()
        .atMost(Duration.ofSeconds(60))
        .until(
            () -> {
              int granted = writesOf(shop.newCustomer());
              assertThat(granted).isLessThanOrEqualTo(WRITES + 2 * WRITES / SHARES);
              return granted == WRITES;
            });
  }

  @Test
  void whileItIsSlowLimitsAreStricterAndAChangeIsShown() {
    var product = productInRedis();
    var path = "/api/v1/products/" + product;
    var visitor = shop.customer();
    proxy.delay(SLOW);
    await()
        .until(
            () -> {
              visitor.get("/api/v1/products/" + UUID.randomUUID()).expect(404);
              return state("catalog").equals("SLOW");
            });
    change(product, "new");
    assertThat(writesOf(shop.newCustomer())).isEqualTo(2 * WRITES / SHARES);
    assertThat(shown(visitor, path)).isEqualTo("new");
    proxy.delay(Duration.ZERO);
    awaitUp();
    await()
        .during(PAGE_KEPT)
        .atMost(PAGE_KEPT.multipliedBy(2))
        .until(() -> shown(visitor, path).equals("new"));
  }

  /** One of some: a page is not brought there if Redis was late. */
  private String productInRedis() {
    var products = new ArrayList<String>();
    return await()
        .atMost(Duration.ofSeconds(60))
        .until(
            () -> {
              products.add(newProduct());
              shop.customer().get("/api/v1/products/" + products.getLast()).expect(200);
              return products.stream().filter(this::isInRedis).findFirst();
            },
            Optional::isPresent)
        .orElseThrow();
  }

  private boolean isInRedis(String product) {
    try {
      return redis.command("EXISTS flashsale:{product:" + product + "}").equals(":1");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** How many of too many writes at two roles are granted. */
  private static int writesOf(Visitor customer) {
    int granted = 0;
    for (int i = 0; i < WRITES; i++) {
      granted += granted(atTheReservations(customer), 201) + granted(atTheUsers(customer), 422);
    }
    return granted;
  }

  private static int granted(Reply reply, int status) {
    if (reply.status() == status) {
      return 1;
    }
    reply.expect(429, "RATE_LIMITED");
    return 0;
  }

  private static Reply atTheReservations(Visitor customer) {
    return customer.post("/api/v1/carts", Map.of());
  }

  private static Reply atTheUsers(Visitor customer) {
    return customer.put(
        "/api/v1/users/me/password", Map.of("oldPassword", "short", "newPassword", "short"));
  }

  @Test
  void whatIsShownIsTheLedgersWithoutAskingIt() {
    var small = shop.openSale(new Ask(5, 0, 100));
    var path = "/api/v1/sales/" + small.saleId();
    shop.newCustomer().reserve(small.offerId(), 2).expect(201);
    await()
        .until(
            () -> {
              var offer = shop.anybody().get(path).expect(200).json().path("offers").get(0);
              return offer.path("available").asInt() == 3;
            });
    shop.newCustomer().reserve(small.offerId(), 3).expect(201);
    await().until(() -> shop.newCustomer().reserve(small.offerId(), 1).status() == 409);
  }

  @Test
  void aProductThatIsChangedIsNotShownAsItWas() {
    var product = newProduct();
    var path = "/api/v1/products/" + product;
    for (var text : List.of("new", "newer", "newest")) {
      var visitor = shop.customer();
      visitor.get(path).expect(200);
      change(product, text);
      assertThat(shown(visitor, path)).isEqualTo(text);
      // Who shows no token gets the gateway's page, until its second is over.
      await().atMost(Duration.ofSeconds(2)).until(() -> shown(shop.anybody(), path).equals(text));
    }
  }

  private String newProduct() {
    var body = Map.of("name", "Lamp", "description", "old");
    return shop.operator().post("/api/v1/admin/products", body).expect(201).text("productId");
  }

  private void change(String product, String text) {
    shop.operator()
        .patch("/api/v1/admin/products/" + product, Map.of("description", text))
        .expect(200);
  }

  private static String shown(Visitor visitor, String path) {
    return visitor.get(path).expect(200).text("description");
  }

  @Test
  void whateverHappensToItACrowdGoesOnBuying() throws Exception {
    var tokens = Stream.generate(shop.tokens()::customer).limit(CUSTOMERS).toList();
    var crowd = Crowd.rush(shop.url(), sale, tokens);
    goesOn(crowd);
    redis.flush();
    goesOn(crowd);
    signal("STOP");
    goesOn(crowd);
    signal("CONT");
    goesOn(crowd);
    proxy.delay(SLOW);
    goesOn(crowd);
    proxy.delay(Duration.ZERO);
    redis.close();
    goesOn(crowd);
    assertThat(states()).containsOnly("DOWN");
    var customer = shop.newCustomer();
    customer.delete("/api/v1/sessions").expect(204);
    await().atMost(Duration.ofSeconds(10)).until(() -> isOver(customer));
    redis.restart();
    goesOn(crowd);
    crowd.leave();
    assertThat(crowd.surprises()).isEmpty();
    CrashTest.assertKept(shop, crowd.promises());
    shop.assertAudited();
  }

  private static boolean isOver(Visitor customer) {
    return customer.get("/api/v1/orders").status() == 401;
  }

  private static void goesOn(Crowd crowd) {
    int enough = crowd.promised() + 10 * CUSTOMERS;
    await().atMost(Duration.ofSeconds(60)).until(() -> crowd.promised() >= enough);
  }

  private void signal(String name) throws IOException, InterruptedException {
    new ProcessBuilder("kill", "-" + name, Long.toString(redis.pid())).start().waitFor();
  }
}
