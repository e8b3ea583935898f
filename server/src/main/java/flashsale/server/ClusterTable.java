package flashsale.server;

import flashsale.cluster.ClusterState;
import flashsale.cluster.ClusterState.Running;
import flashsale.cluster.ProcessFigures;
import java.net.http.HttpClient;
import java.time.Duration;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;

/**
 * What a cluster's processes are and use, as a table; from the second look on with rates. Used by
 * one thread.
 */
final class ClusterTable implements AutoCloseable {
  private static final Duration CONNECT_MAX = Duration.ofSeconds(1);
  private static final long MEBI = 1 << 20;

  private final HttpClient http =
      HttpClient.newBuilder()
          .version(HttpClient.Version.HTTP_1_1)
          .connectTimeout(CONNECT_MAX)
          .build();
  private Map<Long, ProcessFigures> before = new HashMap<>();

  /** Looks at every process. */
  String look(ClusterState state) {
    var table =
        new TextTable("process", "state", "pid", "port", "cpu", "memory", "requests/s", "restarts");
    var now = new HashMap<Long, ProcessFigures>();
    for (var process : state.processes()) {
      row(table, process, now);
    }
    before = now;
    return table
        + "%nGateway: %s (%s)%n"
            .formatted(state.gateway(), state.async() ? "asynchronous" : "synchronous");
  }

  private void row(TextTable table, Running process, Map<Long, ProcessFigures> now) {
    if (process.handle().isEmpty()) {
      table.row(process.name(), "DOWN", "-", port(process), "-", "-", "-", process.restarts());
      return;
    }
    var figures = ProcessFigures.of(process.pid(), process.url(), http);
    var last = before.get(process.pid());
    now.put(process.pid(), figures);
    table.row(
        process.name(),
        "UP",
        process.pid(),
        port(process),
        last == null ? "-" : "%.0f%%".formatted(figures.cpuSince(last) * 100),
        "%,d".formatted(figures.memoryBytes() / MEBI) + " MiB",
        last == null || process.url() == null
            ? "-"
            : String.format(Locale.ROOT, "%,.0f", figures.rateSince(last)),
        process.restarts());
  }

  private static String port(Running process) {
    return process.port() == 0 ? "-" : Integer.toString(process.port());
  }

  @Override
  public void close() {
    http.close();
  }
}
