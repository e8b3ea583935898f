package flashsale.deploy;

import static flashsale.deploy.DeployFiles.DEPLOY;
import static flashsale.deploy.DeployFiles.map;
import static org.assertj.core.api.Assertions.assertThat;

import flashsale.cluster.GatewayConfig;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** While Redis is away, the processes that customers reach grant a limit once, all together. */
class SharesTest {
  private static final Path KUBERNETES = DEPLOY.resolve("kubernetes");
  private static final String SHARES = "FLASHSALE_REDIS_SHARES";

  @Test
  void inComposeThereIsOneForEachRoleThatServesTheApi() {
    var services = map(DeployFiles.yaml(DEPLOY.resolve("compose.yaml")).getFirst().get("services"));
    for (var role : GatewayConfig.ROLES) {
      var service = map(services.get(role));
      assertThat(service).as(role).doesNotContainKeys("deploy", "scale");
      assertThat(map(service.get("environment")))
          .as(role)
          .containsEntry(SHARES, Integer.toString(GatewayConfig.ROLES.size()));
    }
  }

  @Test
  void inKubernetesThereAreAsManyAsTheAutoscalersAllow() {
    int most = 0;
    for (var role : GatewayConfig.ROLES) {
      most += most(KUBERNETES.resolve("base/" + role + ".yaml"), role, "maxReplicas");
    }
    var settings = DeployFiles.yaml(KUBERNETES.resolve("base/settings.yaml")).getFirst();
    assertThat(map(settings.get("data"))).containsEntry(SHARES, Integer.toString(most));
  }

  @Test
  void theQueuesScaleNoRoleFurther() {
    var queues = KUBERNETES.resolve("components/keda/queues.yaml");
    for (var role : new String[] {"reservations", "orders", "payments"}) {
      assertThat(most(queues, role, "maxReplicaCount"))
          .as(role)
          .isEqualTo(most(KUBERNETES.resolve("base/" + role + ".yaml"), role, "maxReplicas"));
    }
  }

  /** What the one document says that has a most for this role. */
  private static int most(Path file, String role, String name) {
    var found =
        DeployFiles.yaml(file).stream()
            .filter(document -> map(document.get("metadata")).get("name").equals(role))
            .map(document -> specOf(document).get(name))
            .filter(Integer.class::isInstance)
            .toList();
    assertThat(found).as(file + ": " + name + " of " + role).hasSize(1);
    return (Integer) found.getFirst();
  }

  private static Map<String, Object> specOf(Map<String, Object> document) {
    return document.containsKey("spec") ? map(document.get("spec")) : Map.of();
  }
}
