package flashsale.deploy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.introspect.Annotated;
import com.fasterxml.jackson.databind.introspect.JacksonAnnotationIntrospector;
import io.fabric8.kubernetes.api.model.ConfigMap;
import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.api.model.Namespace;
import io.fabric8.kubernetes.api.model.PersistentVolumeClaim;
import io.fabric8.kubernetes.api.model.Service;
import io.fabric8.kubernetes.api.model.apps.Deployment;
import io.fabric8.kubernetes.api.model.autoscaling.v2.HorizontalPodAutoscaler;
import io.fabric8.kubernetes.api.model.batch.v1.Job;
import io.fabric8.kubernetes.api.model.networking.v1.NetworkPolicy;
import io.fabric8.kubernetes.api.model.policy.v1.PodDisruptionBudget;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/**
 * The manifests of one kustomization as Kubernetes's own types. Reading is strict: a field that
 * Kubernetes does not know is refused, where a cluster would often ignore it without a word.
 */
record Manifests(List<HasMetadata> all) {
  /** apiVersion and kind of everything that the manifests may be. */
  private static final Map<String, Class<? extends HasMetadata>> KINDS =
      Map.of(
          "v1 Namespace", Namespace.class,
          "v1 ConfigMap", ConfigMap.class,
          "v1 Service", Service.class,
          "v1 PersistentVolumeClaim", PersistentVolumeClaim.class,
          "apps/v1 Deployment", Deployment.class,
          "batch/v1 Job", Job.class,
          "policy/v1 PodDisruptionBudget", PodDisruptionBudget.class,
          "networking.k8s.io/v1 NetworkPolicy", NetworkPolicy.class,
          "autoscaling/v2 HorizontalPodAutoscaler", HorizontalPodAutoscaler.class);

  private static final ObjectMapper STRICT =
      new ObjectMapper()
          .setAnnotationIntrospector(
              new JacksonAnnotationIntrospector() {
                private static final long serialVersionUID = 1;

                // The types would keep what they do not know for a newer Kubernetes.
                @Override
                public Boolean hasAnySetter(Annotated a) {
                  return Boolean.FALSE;
                }
              });

  static Manifests of(Path folder, List<String> files) {
    return new Manifests(
        files.stream()
            .flatMap(file -> DeployFiles.yaml(folder.resolve(file)).stream())
            .map(Manifests::read)
            .toList());
  }

  /**
   * One document.
   *
   * @throws IllegalArgumentException that names the field which is not Kubernetes's
   */
  static HasMetadata read(Map<String, Object> document) {
    var kind = KINDS.get(document.get("apiVersion") + " " + document.get("kind"));
    if (kind == null) {
      throw new IllegalArgumentException("unknown kind " + document.get("kind"));
    }
    try {
      JsonNode json = STRICT.valueToTree(document);
      return STRICT.readerFor(kind).readValue(json);
    } catch (IOException e) {
      throw new IllegalArgumentException(document.get("kind") + ": " + e.getMessage(), e);
    }
  }

  <T extends HasMetadata> Stream<T> each(Class<T> kind) {
    return all.stream().filter(kind::isInstance).map(kind::cast);
  }

  <T extends HasMetadata> T one(Class<T> kind, String name) {
    return each(kind)
        .filter(m -> m.getMetadata().getName().equals(name))
        .findFirst()
        .orElseThrow(() -> new AssertionError("no " + kind.getSimpleName() + " " + name));
  }
}
