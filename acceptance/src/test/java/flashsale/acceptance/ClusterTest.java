package flashsale.acceptance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import flashsale.acceptance.TestShop.Ask;
import flashsale.acceptance.TestShop.Sale;
import flashsale.cluster.ClusterPlan;
import flashsale.server.ServedCluster;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestMethodOrder;

/**
 * Separate services as real processes, two of each role, with everything that may happen to them
 * and to the servers under them while a crowd buys: nothing accepted is lost, the audit holds, and
 * all of it comes back without hands. How long that took is printed.
 */
@Tag("alone")
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class ClusterTest {
  private static final List<String> ROLES = ClusterPlan.ROLES;

  private final Path folder = TemporaryFolder.make();
  private ServedCluster cluster;
  private FaultLog faults;
  private TestShop shop;
  private Sale sale;

  @BeforeAll
  void up() {
    cluster = ServedCluster.up(folder, Set.copyOf(ROLES));
    faults = new FaultLog(cluster);
    shop = TestShop.of(folder, cluster.url());
    sale = shop.openSale(new Ask(1_000_000, 0, 100));
  }

  @AfterAll
  void down() {
    try (var _ = cluster;
        var log = faults) {
      System.out.print(log);
    }
    TemporaryFolder.delete(folder);
  }

  @Test
  @Order(1)
  void aRollingRestartOfAllRolesFailsNobody() throws Exception {
    long from = System.nanoTime();
    var shoppers = Shoppers.rush(shop, sale);
    try (shoppers) {
      assertThat(cluster.command("restart", "all")).isZero();
      System.out.printf("restart all: %.1f s%n", (System.nanoTime() - from) / 1e9);
      shoppers.awaitMore();
    }
    assertThat(shoppers.failures()).as("of %d answers", shoppers.answered()).isEmpty();
    assertThat(shoppers.unanswered())
        .as("what nginx has never seen: it had closed an idle connection, as it does at a reload")
        .allMatch(failure -> failure.contains("header parser received no bytes"));
    assertThat(cluster.state().processes())
        .filteredOn(process -> process.name().contains("/"))
        .hasSize(2 * ROLES.size())
        .allMatch(process -> process.restarts() == 1);
    assertNothingLost(shoppers);
  }

  @Test
  @Order(2)
  void whateverIsKilledHangsOrIsRestartedComesBackByItself() throws Exception {
    var shoppers = Shoppers.rush(shop, sale);
    try (shoppers) {
      // Several roles at a time, because most of it is waiting.
      var halves = List.of(ROLES.subList(0, 3), ROLES.subList(3, 6));
      for (int i = 0; i < 2; i++) {
        faults.kill(shoppers, each(halves.get(i), "/1"));
        faults.stop(shoppers, each(halves.get(1 - i), "/2"));
        faults.awaitBack();
      }
      for (int i = 0; i < ROLES.size(); i += 2) {
        faults.kill(shoppers, each(ROLES.subList(i, i + 2), "/1", "/2"));
        faults.awaitBack();
      }
      for (var half : halves) {
        faults.stop(shoppers, each(half, "/1", "/2"));
        faults.awaitBack();
      }
      for (var server : ClusterPlan.SERVERS) {
        faults.kill(shoppers, server);
        faults.awaitBack();
        faults.stop(shoppers, server);
        faults.awaitBack();
        faults.restart(shoppers, server);
        faults.awaitBack();
      }
    }
    assertNothingLost(shoppers);
  }

  private static String[] each(List<String> roles, String... numbers) {
    return roles.stream()
        .flatMap(role -> Stream.of(numbers).map(number -> role + number))
        .toArray(String[]::new);
  }

  private void assertNothingLost(Shoppers shoppers) throws Exception {
    assertThat(shoppers.surprises()).isEmpty();
    AsyncCrashTest.assertAllEnded(shop, shoppers.accepted());
    CrashTest.assertKept(shop, shoppers.promises());
    CrashTest.assertNobodyChargedWrongly(shop);
    await().atMost(FaultLog.BACK_MAX).ignoreExceptions().untilAsserted(shop::assertAudited);
    System.out.printf(
        "%d answers, %d of them no success, %d requests without; %d promises, %d times 202: all kept%n",
        shoppers.answered(),
        shoppers.failures().size(),
        shoppers.unanswered().size(),
        shoppers.promises().size(),
        shoppers.accepted().size());
  }
}
