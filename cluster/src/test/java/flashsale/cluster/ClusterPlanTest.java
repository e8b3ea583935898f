package flashsale.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.URI;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** Which processes there are, and what each is told. */
class ClusterPlanTest {
  private static final ClusterPlan.Database DATABASE =
      new ClusterPlan.Database(
          "jdbc:postgresql://127.0.0.1:5432/{role}", "secret", Path.of("/data/keys"));

  private final AtomicInteger ports = new AtomicInteger(10_000);

  private ClusterPlan plan(int replicas) {
    return ClusterPlan.of(replicas, false, "a token", ports::incrementAndGet);
  }

  private static Map<String, String> environment(ClusterPlan plan, String role) {
    return plan.environment(plan.of(role).getFirst(), DATABASE, Optional.empty());
  }

  @Test
  void everyRoleHasSoManyProcessesWithPortsOfTheirOwn() {
    var plan = plan(3);
    for (var role : ClusterPlan.ROLES) {
      assertThat(plan.of(role))
          .extracting(Member::name)
          .containsExactly(role + "/1", role + "/2", role + "/3");
    }
    assertThat(plan.members().stream().flatMapToInt(ClusterPlanTest::ports))
        .hasSize(2 * 3 * ClusterPlan.ROLES.size())
        .doesNotHaveDuplicates();
    assertThat(plan.of("nobody")).isEmpty();
  }

  private static IntStream ports(Member member) {
    return IntStream.of(member.httpPort(), member.doorsPort());
  }

  @Test
  void someRolesMayHaveMoreProcessesThanOthers() {
    var plan =
        ClusterPlan.of(
            role -> role.equals("inventory") ? 2 : 1, true, "a token", ports::incrementAndGet);
    assertThat(plan.members()).hasSize(ClusterPlan.ROLES.size() + 1);
    assertThat(plan.of("inventory")).hasSize(2);
  }

  @Test
  void whomOthersNeedIsStartedBeforeThem() {
    var roles = plan(1).members().stream().map(Member::role).toList();
    assertThat(roles.indexOf("users")).isZero();
    assertThat(roles.indexOf("inventory")).isLessThan(roles.indexOf("catalog"));
    assertThat(roles.getLast()).isEqualTo("reservations");
  }

  @Test
  void aProcessIsToldItsRoleItsPortsAndWhereAllOthersAre() {
    var plan = plan(2);
    var orders = plan.of("orders").getLast();
    assertThat(plan.environment(orders, DATABASE, Optional.of("amqp://127.0.0.1")))
        .containsEntry("FLASHSALE_PROCESS_ROLES", "orders")
        .containsEntry("FLASHSALE_HTTP_PORT", Integer.toString(orders.httpPort()))
        .containsEntry("FLASHSALE_DOORS_PORT", Integer.toString(orders.doorsPort()))
        .containsEntry("FLASHSALE_DOORS_TOKEN", "a token")
        .containsEntry("FLASHSALE_CHECKOUT_ARCHITECTURE", "sync")
        .containsEntry("FLASHSALE_DATABASE_URL", "jdbc:postgresql://127.0.0.1:5432/{role}")
        .containsEntry("FLASHSALE_DATABASE_PASSWORD", "secret")
        .containsEntry("FLASHSALE_USERS_KEYS_DIR", "/data/keys")
        .containsEntry("FLASHSALE_MESSAGING_URL", "amqp://127.0.0.1");
    for (var role : ClusterPlan.ROLES) {
      var of = plan.of(role);
      assertThat(environment(plan, "orders"))
          .containsEntry(
              "FLASHSALE_PEERS_" + role.toUpperCase(Locale.ROOT) + "_URL",
              "http://127.0.0.1:%d,http://127.0.0.1:%d"
                  .formatted(of.getFirst().doorsPort(), of.getLast().doorsPort()));
    }
  }

  @Test
  void withoutABrokerNobodyIsToldOfOne() {
    assertThat(environment(plan(1), "orders")).doesNotContainKey("FLASHSALE_MESSAGING_URL");
  }

  /** The ledger's processes have no customers. */
  @Test
  void withoutRedisALimitIsSharedByAllThatCustomersReach() {
    for (var role : ClusterPlan.ROLES) {
      assertThat(environment(plan(1), role)).containsEntry("FLASHSALE_REDIS_SHARES", "5");
      assertThat(environment(plan(8), role)).containsEntry("FLASHSALE_REDIS_SHARES", "40");
    }
    var more =
        ClusterPlan.of(
            role -> role.equals("catalog") ? 3 : 2, false, "a token", ports::incrementAndGet);
    assertThat(environment(more, "users")).containsEntry("FLASHSALE_REDIS_SHARES", "11");
  }

  @Test
  void moreSettingsAreForEveryProcessAndWin() {
    var plan = plan(1).with(Map.of("FLASHSALE_CHECKOUT_ARCHITECTURE", "async"));
    for (var role : ClusterPlan.ROLES) {
      assertThat(environment(plan, role))
          .containsEntry("FLASHSALE_CHECKOUT_ARCHITECTURE", "async")
          .containsEntry("FLASHSALE_PROCESS_ROLES", role);
    }
  }

  @Test
  void postgresAllowsForThePoolsOfAllProcesses() {
    int one = plan(1).connectionsMax();
    int spare = one - pools(plan(1));
    assertThat(spare).as("for commands, audits and migrations").isPositive();
    assertThat(plan(4).connectionsMax()).isEqualTo(spare + pools(plan(4)));
  }

  /** As the processes themselves are told. */
  private static int pools(ClusterPlan plan) {
    return plan.members().stream()
        .mapToInt(
            member -> {
              var told = plan.environment(member, DATABASE, Optional.empty());
              int pool = pool(told, member.role());
              return member.role().equals("payments")
                  ? pool + pool(told, ClusterPlan.SANDBOX)
                  : pool;
            })
        .sum();
  }

  private static int pool(Map<String, String> told, String role) {
    var name = "FLASHSALE_DATABASE_" + role.toUpperCase(Locale.ROOT) + "_POOL_MAX";
    return Integer.parseInt(told.get(name));
  }

  @Test
  void theGatewayKnowsEveryRoleButTheInventory() {
    var plan = plan(2);
    var gateway = plan.gateway("127.0.0.1:8080", Path.of("/data/nginx"));
    assertThat(gateway.roles())
        .containsOnlyKeys("users", "catalog", "reservations", "orders", "payments");
    assertThat(gateway.roles().get("payments"))
        .isEqualTo(plan.of("payments").stream().map(Member::url).toList());
    for (var ledger : plan.of("inventory")) {
      assertThat(gateway.text()).doesNotContain(ledger.url().getAuthority());
    }
    for (var member : plan.members()) {
      assertThat(gateway.text()).doesNotContain(member.doors().getAuthority());
    }
  }

  @Test
  void aMemberHasOneNameForCommandsAndOneForFolders() {
    var member = new Member("inventory", 2, 8_001, 8_002);
    assertThat(member.name()).isEqualTo("inventory/2");
    assertThat(member.folder()).isEqualTo("inventory-2");
    assertThat(member.url()).isEqualTo(URI.create("http://127.0.0.1:8001"));
    assertThat(member.doors()).isEqualTo(URI.create("http://127.0.0.1:8002"));
  }

  @Test
  void secretsAreNotInWhatIsPrinted() {
    assertThat(DATABASE.toString()).doesNotContain("secret");
    assertThat(plan(1).toString()).doesNotContain("a token");
  }
}
