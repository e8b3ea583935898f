package flashsale.acceptance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;
import static org.awaitility.Awaitility.await;

import flashsale.acceptance.TestShop.Ask;
import flashsale.acceptance.TestShop.Sale;
import flashsale.server.Island;
import flashsale.server.SplitShop;
import java.net.URI;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/**
 * The network between reservations and the ledger is cut while a crowd buys in both architectures:
 * the others go on, nothing promised is lost, and what was accepted ends when the network is back.
 * Needs root, who alone can make networks; for others it is left out, and says so.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class NetworkCutTest {
  private static final int CUSTOMERS = 4;
  private static final Duration BACK_MAX = Duration.ofSeconds(60);

  private SplitShop split;
  private TestShop shop;
  private Sale sale;
  private Island island;

  @BeforeAll
  void start() {
    assumeThat(Island.isPossible()).as("only root can cut a network").isTrue();
    var folder = TemporaryFolder.make();
    var settings = new HashMap<>(TestShop.TIRELESS);
    settings.put("peers.timeout", "1s");
    settings.put("http.drain", "5s");
    split = SplitShop.start(folder, settings, this::overTheIsland);
    shop = TestShop.of(folder, split);
    sale = shop.openSale(new Ask(1_000_000, 0, 100), new Ask(200, 0, 100));
  }

  private URI overTheIsland(String from, String to, URI door) {
    if (!from.equals("reservations") || !to.equals("inventory")) {
      return door;
    }
    island = Island.before(door.getPort());
    return island.url();
  }

  @AfterAll
  void close() {
    if (split != null) {
      split.close();
      shop.close();
    }
    if (island != null) {
      island.close();
    }
  }

  @Test
  void nothingIsLostWhenTheNetworkIsCut() throws Exception {
    rushThrough("cut", island::cut, island::mendCut);
  }

  @Test
  void nothingIsLostWhenAnswersAreLost() throws Exception {
    rushThrough("answers lost", island::loseAnswers, island::mendAnswers);
  }

  private void rushThrough(String what, Runnable cut, Runnable mend) throws Exception {
    var tokens = Stream.generate(shop.tokens()::customer).limit(2 * CUSTOMERS).toList();
    var crowd = Crowd.rush(shop.url(), sale, tokens.subList(0, CUSTOMERS));
    var asyncCrowd = AsyncCrowd.rush(shop.url(), sale, tokens.subList(CUSTOMERS, 2 * CUSTOMERS));
    await().atMost(BACK_MAX).until(() -> crowd.promised() > 0 && !asyncCrowd.accepted().isEmpty());

    cut.run();
    long from;
    try {
      await().atMost(BACK_MAX).until(() -> reserve() == 503);
      othersGoOn(asyncCrowd);
    } finally {
      mend.run();
      from = System.nanoTime();
    }
    await().atMost(BACK_MAX).until(() -> reserve() == 201);
    System.out.printf("%s: sold again after %.1f s%n", what, (System.nanoTime() - from) / 1e9);

    crowd.leave();
    asyncCrowd.leave();
    assertThat(crowd.surprises()).isEmpty();
    assertThat(asyncCrowd.surprises()).isEmpty();
    CrashTest.assertKept(shop, crowd.promises());
    AsyncCrashTest.assertAllEnded(shop, asyncCrowd.accepted());
    CrashTest.assertNobodyChargedWrongly(shop);
    await().atMost(BACK_MAX).ignoreExceptions().untilAsserted(shop::assertAudited);
  }

  private int reserve() {
    return shop.customer().reserve(sale.offerId(), 1).status();
  }

  /** Who does not need the ledger notices nothing. */
  private void othersGoOn(AsyncCrowd asyncCrowd) {
    var customer = shop.newCustomer();
    for (var path : List.of("/api/v1/sales/" + sale.saleId(), "/api/v1/orders")) {
      customer.get(path).expect(200);
    }
    int before = asyncCrowd.accepted().size();
    await().atMost(BACK_MAX).until(() -> asyncCrowd.accepted().size() > before);
  }
}
