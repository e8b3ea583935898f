package flashsale.acceptance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import flashsale.acceptance.TestShop.Ask;
import flashsale.acceptance.TestShop.Sale;
import flashsale.cluster.ClusterState.Running;
import flashsale.server.ServedCluster;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
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
 * while a crowd buys: nothing accepted is lost, the audit holds, and all of it comes back without
 * hands. How long that took is printed.
 */
@Tag("alone")
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class ClusterTest {
  /** Few, because the processes that start again need the same two cores. */
  private static final int CUSTOMERS = 2;

  /** Eight processes that start at the same time on two cores take a minute. */
  private static final Duration BACK_MAX = Duration.ofMinutes(3);

  private static final List<String> ROLES =
      List.of("users", "catalog", "inventory", "orders", "payments", "reservations");

  /** Of these one process is lost at a time, of the others both. */
  private static final Set<String> HALVED = Set.of("inventory", "reservations");

  private final Path folder = TemporaryFolder.make();
  private final List<Crowd> crowds = new ArrayList<>();
  private final List<AsyncCrowd> asyncCrowds = new ArrayList<>();
  private ServedCluster cluster;
  private TestShop shop;
  private Sale sale;
  private List<String> tokens;
  private List<String> otherTokens;

  @BeforeAll
  void up() {
    cluster = ServedCluster.up(folder, Set.copyOf(ROLES));
    shop = TestShop.of(folder, cluster.url());
    sale = shop.openSale(new Ask(1_000_000, 0, 100), new Ask(200, 0, 100));
    tokens = Stream.generate(shop.tokens()::customer).limit(CUSTOMERS).toList();
    otherTokens = Stream.generate(shop.tokens()::customer).limit(CUSTOMERS).toList();
  }

  @AfterAll
  void down() throws InterruptedException {
    for (var crowd : crowds) {
      crowd.leave();
    }
    for (var crowd : asyncCrowds) {
      crowd.leave();
    }
    cluster.close();
    TemporaryFolder.delete(folder);
  }

  @Test
  @Order(1)
  void aRollingRestartOfAllRolesFailsNobody() throws Exception {
    var crowd = new Patient(shop, sale, tokens);
    try (crowd) {
      crowd.awaitMore();
      var restart = Stream.concat(Stream.of("restart"), ROLES.stream());
      assertThat(cluster.command(restart.toArray(String[]::new))).isZero();
      crowd.awaitMore();
    }
    assertThat(crowd.failures()).as("of %d requests", crowd.answered()).isEmpty();
    assertThat(cluster.state().processes())
        .filteredOn(process -> process.name().contains("/"))
        .hasSize(2 * ROLES.size())
        .allMatch(process -> process.restarts() == 1);
  }

  @Test
  @Order(2)
  void whateverIsKilledComesBack() throws Exception {
    rush();
    timed(
        "one of two processes killed",
        () -> HALVED.forEach(role -> cluster.command("kill", role + "/1")));
    timed(
        "both processes of each other role killed",
        () ->
            ROLES.stream()
                .filter(role -> !HALVED.contains(role))
                .flatMap(role -> Stream.of(role + "/1", role + "/2"))
                .forEach(process -> cluster.command("kill", process)));
    timed("postgres killed", () -> cluster.command("kill", "postgres"));
    timed("rabbitmq killed", () -> cluster.command("kill", "rabbitmq"));
    timed("redis killed", () -> cluster.command("kill", "redis"));
    var gateway = one("nginx");
    timed(
        "nginx killed",
        () -> {
          cluster.command("kill", "nginx");
          await().atMost(BACK_MAX).until(() -> one("nginx").pid() != gateway.pid());
        });
    awaitAllBack();
    assertNothingLost();
  }

  @Test
  @Order(3)
  void whateverHangsIsDoneWithout() throws Exception {
    rush();
    timed(
        "one of two processes hangs",
        () -> HALVED.forEach(role -> signal("STOP", one(role + "/2"))));
    timed(
        "postgres hung for a while",
        () -> {
          signal("STOP", one("postgres"));
          crowdStandsStill();
          signal("CONT", one("postgres"));
        });
    awaitAllBack();
    assertNothingLost();
  }

  private Running one(String name) {
    return cluster.state().named(name).getFirst();
  }

  private void rush() {
    crowds.add(Crowd.rush(shop.url(), sale, tokens));
    asyncCrowds.add(AsyncCrowd.rush(shop.url(), sale, otherTokens));
    await().atMost(BACK_MAX).until(() -> promised() > 0);
  }

  private int promised() {
    return crowds.stream().mapToInt(Crowd::promised).sum();
  }

  /** A process and its children. */
  private static void signal(String signal, Running process) {
    var handle = ProcessHandle.of(process.pid()).orElseThrow();
    Stream.concat(Stream.of(handle), handle.descendants())
        .forEach(
            one -> {
              try {
                new ProcessBuilder("kill", "-" + signal, Long.toString(one.pid()))
                    .start()
                    .waitFor();
              } catch (IOException e) {
                throw new IllegalStateException(e);
              } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
              }
            });
  }

  /** Nobody is promised anything for a while. */
  private void crowdStandsStill() {
    var before = new int[] {-1};
    await()
        .pollInterval(Duration.ofSeconds(1))
        .atMost(BACK_MAX)
        .until(
            () -> {
              int now = promised();
              boolean still = now == before[0];
              before[0] = now;
              return still;
            });
  }

  /** From the fault until somebody has bought something again, from sign-in to the paid order. */
  private void timed(String what, Runnable fault) {
    fault.run();
    long from = System.nanoTime();
    await().atMost(BACK_MAX).pollInterval(Duration.ofMillis(50)).until(this::journey);
    System.out.printf("%s: bought again after %.1f s%n", what, (System.nanoTime() - from) / 1e9);
  }

  private boolean journey() {
    try {
      shop.anybody().get("/api/v1/sales/" + sale.saleId()).expect(200);
      var customer = shop.customer();
      var key = UUID.randomUUID().toString();
      var prefer = Map.of("Prefer", "wait=10", "Idempotency-Key", key);
      var lines = "{\"lines\":[{\"offerId\":\"" + sale.offerId() + "\",\"quantity\":1}]}";
      var held = customer.send("POST", "/api/v1/reservations", lines, prefer);
      if (held.status() != 201) {
        return false;
      }
      var payment = "{\"orderId\":\"" + held.text("orderId") + "\",\"method\":\"tok_ok\"}";
      return customer.send("POST", "/api/v1/payments", payment, prefer).status() == 201;
    } catch (AssertionError | UncheckedIOException e) {
      return false;
    }
  }

  private void awaitAllBack() {
    long from = System.nanoTime();
    await()
        .atMost(BACK_MAX)
        .until(
            () ->
                cluster.state().processes().stream()
                    .allMatch(process -> process.pid() != 0 && isReady(process)));
    assertThat(ProcessHandle.of(one("nginx").pid()).orElseThrow().children())
        .as("the workers that answer are this nginx's own")
        .isNotEmpty();
    System.out.printf(
        "all processes ready again after another %.1f s%n", (System.nanoTime() - from) / 1e9);
  }

  private static boolean isReady(Running process) {
    try {
      return process.url() == null
          || new Visitor(process.url(), null).get("/health/ready").status() == 200;
    } catch (UncheckedIOException e) {
      return false;
    }
  }

  private void assertNothingLost() throws Exception {
    for (var crowd : crowds) {
      crowd.leave();
      assertThat(crowd.surprises()).isEmpty();
      CrashTest.assertKept(shop, crowd.promises());
    }
    for (var crowd : asyncCrowds) {
      crowd.leave();
      assertThat(crowd.surprises()).isEmpty();
      AsyncCrashTest.assertAllEnded(shop, crowd.accepted());
    }
    CrashTest.assertNobodyChargedWrongly(shop);
    await().atMost(BACK_MAX).ignoreExceptions().untilAsserted(shop::assertAudited);
    crowds.clear();
    asyncCrowds.clear();
  }
}
