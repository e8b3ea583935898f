package flashsale.server;

import static org.assertj.core.api.Assertions.assertThat;

import flashsale.cluster.ClusterState;
import flashsale.cluster.ClusterState.Running;
import java.net.URI;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.Test;

class ClusterTableTest {
  private static final URI GATEWAY = URI.create("http://127.0.0.1:8080");

  private static Running down(String name, URI url, int port) {
    return new Running(name, 0, null, url, port, 0);
  }

  @Test
  void everyProcessIsShownWithThePortAtWhichItIsAsked() {
    var self = ProcessHandle.current();
    var startedAt = self.info().startInstant().orElse(null);
    var processes =
        List.of(
            new Running("postgres", self.pid(), startedAt, null, 41_001, 2),
            down("rabbitmq", null, 41_002),
            down("redis", null, 41_003),
            down("orders/1", URI.create("http://127.0.0.1:41004"), 41_004),
            down("nginx", null, 8_080),
            down("told-by-an-earlier-version", null, 0));
    var state = new ClusterState(self.pid(), Instant.EPOCH, GATEWAY, false, processes);

    try (var table = new ClusterTable()) {
      var lines = table.look(state).lines().map(line -> line.split(" +")).toList();

      assertThat(lines.getFirst()).startsWith("process", "state", "pid", "port");
      assertThat(lines.get(1))
          .startsWith("postgres", "UP", Long.toString(self.pid()), "41001")
          .endsWith("2");
      assertThat(lines.subList(2, 7))
          .extracting(cells -> cells[0] + " " + cells[3])
          .containsExactly(
              "rabbitmq 41002",
              "redis 41003",
              "orders/1 41004",
              "nginx 8080",
              "told-by-an-earlier-version -");
    }
  }
}
