package flashsale.deploy;

import static flashsale.deploy.DeployFiles.DEPLOY;
import static flashsale.deploy.DeployFiles.PROJECT;
import static flashsale.deploy.DeployFiles.map;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** Rules, dashboard and autoscalers ask only for metrics that the program has. */
class MetricNamesTest {
  private static final Path RULES = DEPLOY.resolve("prometheus/rules.yml");
  private static final Path DASHBOARD = DEPLOY.resolve("grafana/dashboards/flashsale.json");
  private static final Path REQUEST_RATE = DEPLOY.resolve("kubernetes/request-rate.yaml");
  private static final Pattern RECORDED = Pattern.compile("job:[a-z0-9_:]+");

  /** What the Prometheus adapter makes of the program's metrics for the autoscalers. */
  private static final String RATE = "flashsale_http_requests_per_second";

  @Test
  void theRulesHaveTheirShapeAndARunBookEach() {
    var rules = DeployFiles.yaml(RULES).getFirst();
    Schema.of("rules.schema.json").check("rules.yml", rules);
    var runBooks = headings(DeployFiles.text(PROJECT.resolve("docs/operations.md")));
    var links = Pattern.compile("docs/operations\\.md#(\\S+)").matcher(DeployFiles.text(RULES));
    assertThat(links.results().map(link -> link.group(1)).toList())
        .isNotEmpty()
        .allMatch(runBooks::contains);
  }

  @Test
  void prometheusAsksEveryRole() {
    var prometheus = DeployFiles.yaml(DEPLOY.resolve("prometheus/prometheus.yml")).getFirst();
    Schema.of("prometheus.schema.json").check("prometheus.yml", prometheus);
    var text = prometheus.toString();
    assertThat(DeployFiles.ROLES).allMatch(role -> text.contains("job_name=" + role + ","));
  }

  @Test
  void everyMetricExists() {
    for (var file : List.of(RULES, DASHBOARD, REQUEST_RATE)) {
      var text = DeployFiles.text(file);
      assertThat(text).contains("flashsale_");
      assertThat(DeployFiles.unknownMetrics(text, Set.of(RATE))).as(file.toString()).isEmpty();
    }
    assertThat(DeployFiles.unknownMetrics("rate(flashsale_http_request_seconds[1m])", Set.of()))
        .containsExactly("flashsale_http_request_seconds");
  }

  @Test
  void whatIsAskedForByARecordedNameIsRecorded() {
    var recorded = new TreeSet<String>();
    for (var group : (List<?>) DeployFiles.yaml(RULES).getFirst().get("groups")) {
      for (var rule : (List<?>) map(group).get("rules")) {
        if (map(rule).get("record") instanceof String name) {
          recorded.add(name);
        }
      }
    }
    for (var file : List.of(RULES, DASHBOARD)) {
      var asked = RECORDED.matcher(DeployFiles.text(file)).results().map(r -> r.group()).toList();
      assertThat(recorded).containsAll(asked);
    }
  }

  @Test
  void theAutoscalersRateIsMadeByTheAdapter() {
    var adapter = DeployFiles.yaml(REQUEST_RATE).getFirst();
    assertThat(adapter.toString()).contains("as=" + RATE);
    for (var file : DeployFiles.all()) {
      if (file.startsWith(DEPLOY.resolve("kubernetes/base"))) {
        assertThat(DeployFiles.unknownMetrics(DeployFiles.text(file), Set.of(RATE)))
            .as(file.toString())
            .isEmpty();
      }
    }
  }

  @Test
  void theDashboardReadsTheDatasourceThatIsProvided() throws IOException {
    var sources =
        DeployFiles.yaml(DEPLOY.resolve("grafana/provisioning/datasources/prometheus.yaml"));
    var uid = map(((List<?>) sources.getFirst().get("datasources")).getFirst()).get("uid");
    var panels = new ObjectMapper().readTree(DASHBOARD.toFile()).get("panels");
    var ids = new TreeSet<Integer>();
    for (JsonNode panel : panels) {
      assertThat(ids.add(panel.get("id").intValue())).isTrue();
      if (!panel.get("type").textValue().equals("row")) {
        assertThat(panel.at("/datasource/uid").textValue()).isEqualTo(uid);
        assertThat(panel.get("targets")).as(panel.get("title").textValue()).isNotEmpty();
      }
    }
  }

  /** The anchors that a page's headings get. */
  private static List<String> headings(String page) {
    return page.lines()
        .filter(line -> line.startsWith("#"))
        .map(line -> line.replaceFirst("^#+ ", "").toLowerCase(Locale.ROOT))
        .map(title -> title.replaceAll("[^a-z0-9 -]", "").replace(' ', '-'))
        .toList();
  }
}
