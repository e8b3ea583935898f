package flashsale.deploy;

import static flashsale.deploy.DeployFiles.DEPLOY;
import static flashsale.deploy.DeployFiles.PROJECT;
import static flashsale.deploy.DeployFiles.ROLES;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.fabric8.kubernetes.api.model.ConfigMap;
import io.fabric8.kubernetes.api.model.Container;
import io.fabric8.kubernetes.api.model.ContainerPort;
import io.fabric8.kubernetes.api.model.EnvVar;
import io.fabric8.kubernetes.api.model.PersistentVolumeClaim;
import io.fabric8.kubernetes.api.model.PodSpec;
import io.fabric8.kubernetes.api.model.PodTemplateSpec;
import io.fabric8.kubernetes.api.model.Service;
import io.fabric8.kubernetes.api.model.apps.Deployment;
import io.fabric8.kubernetes.api.model.autoscaling.v2.HorizontalPodAutoscaler;
import io.fabric8.kubernetes.api.model.batch.v1.Job;
import io.fabric8.kubernetes.api.model.networking.v1.NetworkPolicy;
import io.fabric8.kubernetes.api.model.policy.v1.PodDisruptionBudget;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** The base's manifests: known to Kubernetes field by field, and of one piece. */
class KubernetesTest {
  private static final Path BASE = DEPLOY.resolve("kubernetes/base");
  private static final Map<String, Object> KUSTOMIZATION =
      DeployFiles.yaml(BASE.resolve("kustomization.yaml")).getFirst();
  private static final Manifests MANIFESTS = Manifests.of(BASE, resources());

  @SuppressWarnings("unchecked") // The schema says that these are texts.
  private static List<String> resources() {
    Schema.of("kustomization.schema.json").check("kustomization.yaml", KUSTOMIZATION);
    return (List<String>) KUSTOMIZATION.get("resources");
  }

  private static PodTemplateSpec pods(String name) {
    return MANIFESTS.one(Deployment.class, name).getSpec().getTemplate();
  }

  private static Stream<PodSpec> allPods() {
    return Stream.concat(
        MANIFESTS.each(Deployment.class).map(d -> d.getSpec().getTemplate().getSpec()),
        MANIFESTS.each(Job.class).map(j -> j.getSpec().getTemplate().getSpec()));
  }

  private static Stream<Container> allContainers() {
    return allPods()
        .flatMap(
            pod -> Stream.concat(pod.getInitContainers().stream(), pod.getContainers().stream()));
  }

  @Test
  void aFieldThatKubernetesDoesNotKnowIsRefused() {
    assertThatThrownBy(
            () ->
                Manifests.read(
                    Map.of(
                        "apiVersion",
                        "apps/v1",
                        "kind",
                        "Deployment",
                        "spec",
                        Map.of("replicaz", 2))))
        .hasMessageContaining("replicaz");
  }

  @Test
  void everyFileOfTheBaseIsApplied() {
    var files =
        DeployFiles.all().stream()
            .filter(file -> file.startsWith(BASE))
            .map(file -> file.getFileName().toString())
            .filter(file -> !file.equals("kustomization.yaml"))
            .toList();
    assertThat(resources()).containsExactlyInAnyOrderElementsOf(files);
  }

  @Test
  void everyRoleHasItsPodsDoorsBudgetAndAutoscaler() {
    for (var role : ROLES) {
      var container = pods(role).getSpec().getContainers().getFirst();
      assertThat(container.getArgs()).containsExactly("serve", "--roles=" + role);
      assertThat(container.getReadinessProbe().getHttpGet().getPath()).isEqualTo("/health/ready");
      assertThat(container.getLivenessProbe().getHttpGet().getPath()).isEqualTo("/health/live");
      assertThat(container.getStartupProbe()).isNotNull();
      assertThat(serves(role + "-doors", 8081)).as(role).isTrue();
      assertThat(role.equals("inventory") || serves(role, 8080)).as(role).isTrue();
      assertThat(login(container)).isEqualTo(role);
      var scaler = MANIFESTS.one(HorizontalPodAutoscaler.class, role).getSpec();
      assertThat(scaler.getScaleTargetRef().getName()).isEqualTo(role);
      assertThat(scaler.getMinReplicas()).isGreaterThan(1);
      assertThat(
              MANIFESTS
                  .one(PodDisruptionBudget.class, role)
                  .getSpec()
                  .getSelector()
                  .getMatchLabels())
          .isEqualTo(
              MANIFESTS.one(Deployment.class, role).getSpec().getSelector().getMatchLabels());
    }
  }

  /** The role that a container's login is; its password must come from that role's secret. */
  private static String login(Container container) {
    var user = variable(container, "FLASHSALE_DATABASE_USER").getValue();
    assertThat(
            variable(container, "FLASHSALE_DATABASE_PASSWORD")
                .getValueFrom()
                .getSecretKeyRef()
                .getName())
        .isEqualTo("database-" + user);
    return user;
  }

  private static EnvVar variable(Container container, String name) {
    return container.getEnv().stream()
        .filter(v -> v.getName().equals(name))
        .findFirst()
        .orElseThrow();
  }

  /** Whether a service leads to a port that the pods it selects have. */
  private static boolean serves(String name, int port) {
    var service = MANIFESTS.one(Service.class, name).getSpec();
    return MANIFESTS
        .each(Deployment.class)
        .map(d -> d.getSpec().getTemplate())
        .filter(
            pods ->
                pods.getMetadata()
                    .getLabels()
                    .entrySet()
                    .containsAll(service.getSelector().entrySet()))
        .flatMap(pods -> pods.getSpec().getContainers().stream())
        .flatMap(container -> container.getPorts().stream())
        .filter(p -> p.getContainerPort() == port)
        .map(ContainerPort::getName)
        .anyMatch(service.getPorts().getFirst().getTargetPort().getStrVal()::equals);
  }

  @Test
  void theMigrationsAreThoseOfEveryRoleWithItsOwnLogin() {
    var containers =
        MANIFESTS.one(Job.class, "migrate").getSpec().getTemplate().getSpec().getContainers();
    assertThat(containers.stream().map(KubernetesTest::login))
        .containsExactlyInAnyOrderElementsOf(ROLES);
    assertThat(containers)
        .allSatisfy(
            c -> {
              assertThat(c.getArgs()).containsExactly("migrate");
              assertThat(variable(c, "FLASHSALE_PROCESS_ROLES").getValue()).isEqualTo(c.getName());
            });
  }

  @Test
  void theGatewayLeadsToEveryRoleThatServesTheApi() {
    var arguments = pods("gateway").getSpec().getInitContainers().getFirst().getArgs();
    for (var role : ROLES) {
      assertThat(arguments.contains("--role=%s=http://%s:8080".formatted(role, role)))
          .as(role)
          .isEqualTo(!role.equals("inventory"));
    }
  }

  @Test
  void onlyRolesGetThroughTheDoors() {
    var open =
        MANIFESTS
            .each(NetworkPolicy.class)
            .flatMap(policy -> policy.getSpec().getIngress().stream())
            .filter(rule -> rule.getPorts().stream().anyMatch(p -> p.getPort().getIntVal() == 8081))
            .toList();
    assertThat(open).hasSize(1);
    assertThat(open.getFirst().getFrom())
        .singleElement()
        .satisfies(
            from -> {
              assertThat(from.getNamespaceSelector()).isNull();
              assertThat(from.getPodSelector().getMatchLabels())
                  .isEqualTo(Map.of("app.kubernetes.io/component", "role"));
            });
    assertThat(pods("gateway").getMetadata().getLabels())
        .doesNotContainKey("app.kubernetes.io/component");
    var nobody = MANIFESTS.one(NetworkPolicy.class, "nobody").getSpec();
    assertThat(nobody.getPodSelector().getMatchLabels()).isEmpty();
    assertThat(nobody.getIngress()).isEmpty();
  }

  @Test
  void noPodHasMoreRightsThanItNeeds() {
    assertThat(allPods())
        .allSatisfy(
            pod -> {
              assertThat(pod.getSecurityContext().getRunAsNonRoot()).isTrue();
              assertThat(pod.getAutomountServiceAccountToken()).isFalse();
              assertThat(pod.getEnableServiceLinks()).isFalse();
            });
    assertThat(allContainers())
        .allSatisfy(
            c -> {
              assertThat(c.getSecurityContext().getReadOnlyRootFilesystem()).isTrue();
              assertThat(c.getSecurityContext().getAllowPrivilegeEscalation()).isFalse();
              assertThat(c.getSecurityContext().getCapabilities().getDrop()).containsExactly("ALL");
              assertThat(c.getResources().getRequests()).containsKeys("cpu", "memory");
              assertThat(c.getResources().getLimits()).containsKey("memory");
            });
  }

  @Test
  void secretsAreNamedOnlyAndTheGuideSaysHowToMakeEach() {
    var guide = DeployFiles.text(PROJECT.resolve("docs/operations.md"));
    var secrets =
        allContainers()
            .flatMap(c -> c.getEnv().stream())
            .filter(v -> v.getName().matches(".*(PASSWORD|TOKEN|MESSAGING_URL|REDIS_URL)"))
            .toList();
    assertThat(secrets).isNotEmpty().allMatch(v -> v.getValue() == null);
    assertThat(secrets)
        .allMatch(
            v -> {
              var secret = v.getValueFrom().getSecretKeyRef();
              return guide.contains(
                  "secret generic " + secret.getName().replaceFirst("^database-.*", "database-"));
            });
    assertThat(DeployFiles.text(BASE.resolve("settings.yaml")))
        .doesNotContainIgnoringCase("password:");
  }

  @Test
  void whatPodsMountAndReadIsThere() {
    assertThat(allPods())
        .allSatisfy(
            pod -> {
              var volumes = pod.getVolumes().stream().map(v -> v.getName()).toList();
              Stream.concat(pod.getInitContainers().stream(), pod.getContainers().stream())
                  .flatMap(c -> c.getVolumeMounts().stream())
                  .forEach(mount -> assertThat(volumes).contains(mount.getName()));
              pod.getVolumes().stream()
                  .filter(v -> v.getPersistentVolumeClaim() != null)
                  .map(v -> v.getPersistentVolumeClaim().getClaimName())
                  .forEach(claim -> MANIFESTS.one(PersistentVolumeClaim.class, claim));
            });
    allContainers()
        .flatMap(c -> c.getEnvFrom().stream())
        .forEach(from -> MANIFESTS.one(ConfigMap.class, from.getConfigMapRef().getName()));
    var peers = MANIFESTS.one(ConfigMap.class, "settings").getData();
    for (var role : ROLES) {
      assertThat(peers)
          .containsEntry(
              "FLASHSALE_PEERS_" + role.toUpperCase(Locale.ROOT) + "_URL",
              "http://" + role + "-doors:8081");
    }
  }

  @Test
  void everyImageIsInTheOneListAndEverySettingExists() {
    var images = KUSTOMIZATION.get("images").toString();
    assertThat(allContainers()).allMatch(c -> images.contains("name=" + c.getImage() + ","));
    for (var file : resources()) {
      assertThat(DeployFiles.unknownVariables(DeployFiles.text(BASE.resolve(file))))
          .as(file)
          .isEmpty();
    }
  }

  @Test
  void theQueuesScaleRolesThatReadOne() {
    var folder = DEPLOY.resolve("kubernetes/components/keda");
    Schema.of("kustomization.schema.json")
        .check("component", DeployFiles.yaml(folder.resolve("kustomization.yaml")).getFirst());
    var schema = Schema.of("keda.schema.json");
    var replaced = DeployFiles.text(folder.resolve("kustomization.yaml"));
    for (var document : DeployFiles.yaml(folder.resolve("queues.yaml"))) {
      schema.check("queues.yaml", document);
      if (document.get("kind").equals("ScaledObject")) {
        var name = DeployFiles.map(document.get("metadata")).get("name").toString();
        assertThat(document.toString())
            .contains("scaleTargetRef={name=" + name + "}", "queueName=flashsale." + name + ",");
        assertThat(ROLES).contains(name);
        assertThat(replaced).contains(name);
      }
    }
    assertThat(schema.accepts(Map.of("kind", "ScaledObject"))).isFalse();
  }
}
