package flashsale.cluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import flashsale.cluster.ClusterState.Running;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a cluster tells the commands beside it. */
class ClusterStateTest {
  private static final long SELF = ProcessHandle.current().pid();

  @TempDir private Path folder;

  private static ClusterState state() {
    var all = new ArrayList<Running>();
    all.add(Running.of("postgres", SELF, 5_432, 1));
    int port = 9_000;
    for (var role : ClusterPlan.ROLES) {
      for (int number = 1; number <= 2; number++) {
        var url = URI.create("http://127.0.0.1:" + port++);
        all.add(Running.of(role + "/" + number, 0, url, 0));
      }
    }
    all.add(Running.of("nginx", 0, 8_080, 0));
    var since = Instant.parse("2026-01-31T12:00:00Z");
    return new ClusterState(SELF, since, URI.create("http://127.0.0.1:8080"), true, all);
  }

  @Test
  void whatIsWrittenIsReadUntilItIsForgotten() {
    assertThat(ClusterState.read(folder)).isEmpty();
    state().write(folder);
    assertThat(ClusterState.read(folder)).contains(state());
    assertThat(folder).isDirectoryNotContaining("glob:**.unfinished");
    ClusterState.forget(folder);
    assertThat(ClusterState.read(folder)).isEmpty();
    ClusterState.forget(folder);
  }

  @Test
  void aMissingFolderHasNoClusterAndTakesNone() {
    var missing = folder.resolve("missing");
    assertThat(ClusterState.read(missing)).isEmpty();
    assertThatThrownBy(() -> state().write(missing)).isInstanceOf(UncheckedIOException.class);
  }

  @Test
  void junkInItsPlaceIsNoCluster() throws IOException {
    var file = folder.resolve("cluster.json");
    for (var junk : List.of("", "{", "[]", "\0", "{\"supervisor\":\"x\"}")) {
      Files.writeString(file, junk);
      assertThat(ClusterState.read(folder)).as(junk).isEmpty();
    }
  }

  @Test
  void whatANewerVersionTellsBesideIsIgnored() throws IOException {
    state().write(folder);
    var file = folder.resolve("cluster.json");
    var newer = Files.readString(file).replaceFirst("\\{", "{\"since\":\"2.0\",");
    Files.writeString(file, newer);
    assertThat(ClusterState.read(folder)).contains(state());
  }

  @Test
  void anEarlierVersionToldNoPorts() throws IOException {
    state().write(folder);
    var file = folder.resolve("cluster.json");
    Files.writeString(file, Files.readString(file).replaceAll(",\"port\":[0-9]+", ""));
    assertThat(ClusterState.read(folder).orElseThrow().processes())
        .hasSameSizeAs(state().processes())
        .allMatch(process -> process.port() == 0);
  }

  @Test
  void aNameIsOneProcessAndARoleIsAllOfIt() {
    assertThat(state().named("inventory/2"))
        .extracting(Running::name)
        .containsExactly("inventory/2");
    assertThat(state().named("inventory"))
        .extracting(Running::name)
        .containsExactly("inventory/1", "inventory/2");
    assertThat(state().named("postgres")).hasSize(1);
    for (var none : List.of("inventory/3", "inventory/", "invent", "", "/1")) {
      assertThat(state().named(none)).as(none).isEmpty();
    }
  }

  @Test
  void aProcessIsFoundWhileItRuns() {
    assertThat(Running.of("postgres", SELF, 5_432, 0).handle()).contains(ProcessHandle.current());
    assertThat(Running.of("postgres", 0, 5_432, 0).handle()).isEmpty();
  }

  @Test
  void anotherProcessThatHasThePidByNowIsNotMistakenForIt() {
    var earlier = new Running("orders/1", SELF, Instant.EPOCH, null, 0, 0);
    assertThat(earlier.handle()).isEmpty();
    assertThat(new Running("orders/1", SELF, null, null, 0, 0).handle()).isEmpty();
  }

  @Test
  void whoIsLeavingGetsNothingNewFromTheGateway() {
    var state = state();
    var leaving = state.named("payments/1");
    var gateway = state.gateway(folder, leaving);
    assertThat(gateway.listen()).isEqualTo("127.0.0.1:8080");
    var down =
        gateway.text().lines().filter(line -> line.endsWith(" down;")).map(String::strip).toList();
    assertThat(down)
        .as("in the pools of those who read, who wait and who do not")
        .hasSize(3)
        .allMatch(
            line -> line.startsWith("server " + leaving.getFirst().url().getAuthority() + " "));
    assertThat(state.gateway(folder, List.of()).text()).doesNotContain(" down;");
  }
}
