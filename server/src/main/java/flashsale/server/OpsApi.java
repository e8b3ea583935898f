package flashsale.server;

import flashsale.platform.batching.Overloaded;
import flashsale.platform.http.Access;
import flashsale.platform.http.Answer;
import flashsale.platform.http.Routes;
import flashsale.platform.messaging.DeadLetters;
import flashsale.platform.metrics.Meters;
import flashsale.platform.persistence.Database;
import flashsale.platform.persistence.DatabaseFailure;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;

/** What operators' machines ask: is it alive, is it ready, its metrics, its interface. */
final class OpsApi {
  private static final String RETRY_SECONDS = "1";

  private final Collection<Database> databases;
  private final Map<String, DeadLetters> deadLetters;
  private final Supplier<Optional<String>> broker;
  private final Supplier<Map<String, String>> neighbours;
  private final Meters meters;
  private final Runnable beforeMetrics;
  private final byte[] openApi = resource("/openapi.yaml");
  private volatile boolean accepting = true;
  private volatile boolean watched;

  /**
   * Over these.
   *
   * @param broker how RabbitMQ is; empty without one
   * @param neighbours how everybody else is who is asked outside of this process
   */
  OpsApi(
      Collection<Database> databases,
      Map<String, DeadLetters> deadLetters,
      Supplier<Optional<String>> broker,
      Supplier<Map<String, String>> neighbours,
      Meters meters,
      Runnable beforeMetrics) {
    this.broker = broker;
    this.neighbours = neighbours;
    this.beforeMetrics = beforeMetrics;
    this.databases = databases;
    this.deadLetters = deadLetters;
    this.meters = meters;
  }

  /**
   * From now on not ready: a load balancer sends nothing new while the process drains.
   *
   * @return whether anybody ever asked, and so may need a moment to notice
   */
  boolean stopAccepting() {
    accepting = false;
    return watched;
  }

  void routes(Routes routes) {
    routes
        .probe("/health/live", call -> Answer.ok(Map.of("status", "UP")))
        .probe("/health/ready", call -> ready())
        .probe("/metrics", call -> metrics())
        .get("/openapi", Access.PUBLIC, call -> Answer.bytes("application/yaml", openApi));
  }

  private Answer ready() {
    watched = true;
    var details = new LinkedHashMap<String, String>();
    boolean up = accepting;
    for (var database : databases) {
      boolean answers = answers(database);
      up &= answers;
      details.put("database " + database.name(), answers ? "UP" : "DOWN");
      database.replicaState().ifPresent(s -> details.put("replica " + database.name(), s));
      var letters = deadLetters.get(database.name());
      if (letters != null) {
        // To alert on only: a letter that waits keeps nobody from buying.
        details.put("dead letters " + database.name(), answers ? waiting(letters) : "unknown");
      }
    }
    // What waits for the broker waits in the outbox: whoever is answered here still may buy.
    broker.get().ifPresent(state -> details.put("RabbitMQ", state));
    // A role that is down costs what needs it, and nothing else.
    details.putAll(neighbours.get());
    var status = accepting ? (up ? "UP" : "DOWN") : "STOPPING";
    var answer = Answer.json(up ? 200 : 503, Map.of("status", status, "details", details));
    return up ? answer : answer.header("Retry-After", RETRY_SECONDS);
  }

  /** Whether it can be asked now. */
  static boolean answers(Database database) {
    try {
      return database.with(
          connection -> {
            try (var statement = connection.prepareStatement("SELECT 1")) {
              return statement.execute();
            }
          });
    } catch (DatabaseFailure | Overloaded e) {
      return false;
    }
  }

  private static String waiting(DeadLetters letters) {
    try {
      return Long.toString(letters.count());
    } catch (DatabaseFailure | Overloaded e) {
      return "unknown";
    }
  }

  private Answer metrics() {
    beforeMetrics.run();
    return Answer.bytes(
        "text/plain; version=0.0.4; charset=utf-8",
        meters.scrape().getBytes(StandardCharsets.UTF_8));
  }

  private static byte[] resource(String name) {
    try (InputStream in = OpsApi.class.getResourceAsStream(name)) {
      if (in == null) {
        throw new IllegalStateException(name + " is missing from the build");
      }
      return in.readAllBytes();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
