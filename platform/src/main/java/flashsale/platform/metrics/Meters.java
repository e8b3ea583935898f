package flashsale.platform.metrics;

import flashsale.platform.batching.Coalescer;
import flashsale.platform.persistence.Database;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.DistributionSummary;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MultiGauge;
import io.micrometer.core.instrument.Timer;
import io.micrometer.core.instrument.binder.jvm.JvmGcMetrics;
import io.micrometer.core.instrument.binder.jvm.JvmMemoryMetrics;
import io.micrometer.core.instrument.binder.system.ProcessorMetrics;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.function.Supplier;

/** The process's metrics, read by Prometheus. Names start with {@code flashsale_}. Thread-safe. */
public final class Meters implements AutoCloseable {
  private record Served(String method, String route, int status) {}

  /** Methods with a figure of their own; clients can invent more without end. */
  private static final Set<String> METHODS =
      Set.of("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS");

  private final PrometheusMeterRegistry registry =
      new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
  private final ConcurrentMap<Served, Timer> served = new ConcurrentHashMap<>();
  private final JvmGcMetrics gc = new JvmGcMetrics();

  public Meters() {
    new JvmMemoryMetrics().bindTo(registry);
    new ProcessorMetrics().bindTo(registry);
    gc.bindTo(registry);
  }

  /** Counts one answered request. */
  public void served(String method, String route, int status, long nanos) {
    served
        .computeIfAbsent(
            new Served(METHODS.contains(method) ? method : "other", route, status),
            s ->
                Timer.builder("flashsale.http.requests")
                    .description("Answered requests by route and status")
                    .tag("method", s.method)
                    .tag("route", s.route)
                    .tag("status", Integer.toString(s.status))
                    .publishPercentileHistogram(false)
                    .register(registry))
        .record(nanos, TimeUnit.NANOSECONDS);
  }

  /**
   * A coalescer whose batches are measured, and how many wait for one.
   *
   * @see Coalescer#Coalescer
   */
  public <Q, A> Coalescer<Q, A> coalescer(
      String name, int batchMax, int queueMax, Function<List<Q>, List<A>> work) {
    var coalescer = new Coalescer<>(name, batchMax, queueMax, work, batches(name));
    gauge(
        "flashsale.batch.waiting",
        "Requests waiting for their batch",
        "batch",
        name,
        coalescer::waiting);
    return coalescer;
  }

  /** An observer that measures a coalescer's batches. */
  public Coalescer.Observer batches(String name) {
    var size =
        DistributionSummary.builder("flashsale.batch.size")
            .description("Requests in one batch")
            .tag("batch", name)
            .register(registry);
    var time =
        Timer.builder("flashsale.batch.time")
            .description("Time of one batch, commit included")
            .tag("batch", name)
            .register(registry);
    var failures =
        Counter.builder("flashsale.batch.failures")
            .description("Batches that failed and were done one by one")
            .tag("batch", name)
            .register(registry);
    return (requests, nanos, failed) -> {
      size.record(requests);
      time.record(nanos, TimeUnit.NANOSECONDS);
      if (failed) {
        failures.increment();
      }
    };
  }

  /** Shows a pool's use. */
  public void watch(Database database) {
    gauge("flashsale.pool.active", "Connections in use", "pool", database.name(), database::active);
    gauge(
        "flashsale.pool.waiting",
        "Threads waiting for a connection",
        "pool",
        database.name(),
        database::waiting);
    gauge(
        "flashsale.pool.down",
        "1 from when nobody waits for a connection any more until there is one again",
        "pool",
        database.name(),
        () -> database.isLeftAlone() ? 1 : 0);
    if (database.replicaState().isPresent()) {
      var reads = "Reads that a replica could answer: answered by it, or passed to the primary";
      var name = "flashsale.replica.reads";
      gauge(name, reads, "pool", database.name(), database::replicaReads);
      gauge("flashsale.replica.passed", reads, "pool", database.name(), database::replicaPassed);
    }
  }

  /** A counter with one tag. */
  public Counter counter(String name, String description, String tag, String value) {
    return Counter.builder(name).description(description).tag(tag, value).register(registry);
  }

  /** Figures of things that come and go; each set that is registered replaces the one before. */
  public MultiGauge table(String name, String description) {
    return MultiGauge.builder(name).description(description).register(registry);
  }

  /** A figure that is read whenever somebody looks. */
  public void gauge(
      String name, String description, String tag, String value, Supplier<Number> figure) {
    Gauge.builder(name, figure).description(description).tag(tag, value).register(registry);
  }

  /** Everything in Prometheus's text format. */
  public String scrape() {
    return registry.scrape();
  }

  @Override
  public void close() {
    gc.close();
    registry.close();
  }
}
