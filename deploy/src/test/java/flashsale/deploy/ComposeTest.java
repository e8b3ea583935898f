package flashsale.deploy;

import static flashsale.deploy.DeployFiles.DEPLOY;
import static flashsale.deploy.DeployFiles.ROLES;
import static flashsale.deploy.DeployFiles.map;
import static org.assertj.core.api.Assertions.assertThat;

import flashsale.cluster.NginxNode;
import flashsale.platform.messaging.RabbitNode;
import flashsale.redis.RedisNode;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** What can be said of deploy/compose.yaml without Docker. */
class ComposeTest {
  private static final Path FILE = DEPLOY.resolve("compose.yaml");
  private static final Map<String, Object> COMPOSE = DeployFiles.yaml(FILE).getFirst();
  private static final Map<String, Object> SERVICES = map(COMPOSE.get("services"));
  private static final Pattern SECRET = Pattern.compile("\\$\\{([A-Z_]+)");

  @Test
  void itHasTheShapeOfAComposeFile() {
    var schema = Schema.of("compose.schema.json");
    schema.check("compose.yaml", COMPOSE);
    assertThat(schema.accepts(Map.of("services", Map.of("users", Map.of("imagee", "x")))))
        .isFalse();
  }

  /** Those of `flashsale cluster` where it needs Docker. */
  @Test
  void theServersAreOfTheSameImagesEverywhere() {
    assertThat(SERVICES.values())
        .extracting(service -> map(service).get("image"))
        .contains(NginxNode.IMAGE, RedisNode.IMAGE, RabbitNode.IMAGE);
  }

  @Test
  void everyRoleHasItsOwnLoginAndNoOtherSecretOfADatabase() {
    for (var role : ROLES) {
      var service = map(SERVICES.get(role));
      assertThat(service.get("command")).as(role).isEqualTo(List.of("serve", "--roles=" + role));
      var environment = map(service.get("environment"));
      assertThat(environment)
          .as(role)
          .containsEntry("FLASHSALE_DATABASE_USER", role)
          .containsEntry(
              "FLASHSALE_DATABASE_PASSWORD",
              "${" + role.toUpperCase(Locale.ROOT) + "_DATABASE_PASSWORD}")
          .containsKeys("FLASHSALE_DOORS_TOKEN");
      assertThat(environment.toString().split("_DATABASE_PASSWORD}", -1)).as(role).hasSize(2);
      for (var peer : ROLES) {
        assertThat(environment)
            .containsEntry(
                "FLASHSALE_PEERS_" + peer.toUpperCase(Locale.ROOT) + "_URL",
                "http://" + peer + ":8081");
      }
    }
  }

  @Test
  void theGatewayLeadsToEveryRoleThatServesTheApi() {
    var arguments = list(map(SERVICES.get("gateway-config")).get("command"));
    for (var role : ROLES) {
      assertThat(arguments.contains("--role=%s=http://%s:8080".formatted(role, role)))
          .as(role)
          .isEqualTo(!role.equals("inventory"));
    }
  }

  @Test
  void onlyThisMachineReachesItAndNobodyTheDoors() {
    SERVICES.forEach(
        (name, service) -> {
          var ports = list(map(service).get("ports"));
          assertThat(ports).as(name).allMatch(port -> port.startsWith("127.0.0.1:"));
          if (ROLES.contains(name) || Set.of("postgres", "rabbitmq", "redis").contains(name)) {
            assertThat(ports).as(name).isEmpty();
            assertThat(list(map(service).get("networks"))).as(name).containsExactly("inside");
          }
        });
    assertThat(map(map(COMPOSE.get("networks")).get("inside"))).containsEntry("internal", true);
  }

  @Test
  void everyImageIsInTheOneListAndSaysItsVersion() {
    var images = map(COMPOSE.get("x-images"));
    assertThat(images.values()).allMatch(image -> image.toString().matches(".+:v?[0-9].*"));
    SERVICES.forEach(
        (name, service) ->
            assertThat(images.values()).as(name).contains(map(service).get("image")));
  }

  @Test
  void whatItNamesIsThere() {
    var volumes = map(COMPOSE.get("volumes"));
    SERVICES.forEach(
        (name, service) -> {
          for (var volume : list(map(service).get("volumes"))) {
            var source = volume.split(":", 2)[0];
            if (source.startsWith("./")) {
              assertThat(DEPLOY.resolve(source)).as(name).exists();
            } else {
              assertThat(volumes).as(name).containsKey(source);
            }
          }
          var needed = map(service).get("depends_on");
          if (needed != null) {
            assertThat(SERVICES.keySet()).as(name).containsAll(map(needed).keySet());
          }
          var build = map(service).get("build");
          if (build != null) {
            var context = DEPLOY.resolve(map(build).get("context").toString());
            assertThat(context.resolve(map(build).get("dockerfile").toString())).exists();
          }
        });
  }

  @Test
  void everySecretIsMade() {
    var made = DeployFiles.text(DEPLOY.resolve("make-secrets.sh"));
    var wanted = new TreeSet<String>();
    SECRET.matcher(DeployFiles.text(FILE)).results().forEach(found -> wanted.add(found.group(1)));
    assertThat(wanted)
        .isNotEmpty()
        .allMatch(name -> made.contains(" " + name + " ") || made.contains(" " + name + ";"));
  }

  @Test
  void everySettingExists() {
    assertThat(DeployFiles.unknownVariables(DeployFiles.text(FILE))).isEmpty();
  }

  @SuppressWarnings("unchecked") // The schema says that these are lists of texts.
  private static List<String> list(Object node) {
    return node == null ? List.of() : (List<String>) node;
  }
}
