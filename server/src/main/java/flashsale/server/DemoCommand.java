package flashsale.server;

import ch.qos.logback.classic.Level;
import com.fasterxml.jackson.core.JsonProcessingException;
import flashsale.audit.AuditReport;
import flashsale.cluster.ClusterPlan;
import flashsale.lab.Crowd;
import flashsale.lab.CrowdPlan;
import flashsale.lab.CrowdReport;
import flashsale.lab.Display;
import flashsale.platform.json.Json;
import java.io.PrintWriter;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.UUID;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Shows a whole sale: a server, a sale from a file, a crowd, and the audit's verdict. */
@Command(
    name = "demo",
    description = {
      "Runs a sale with a crowd of virtual customers and shows what happened.",
      "Units are held for 20 s only, whatever the file says, to show that those of customers who"
          + " walk away come back. Ctrl-C sends the crowd home.",
      "With --architecture async reservations and payments are answered with 202, and each customer"
          + " is told at the Location what became of them.",
      "Ends with 1 if a call failed, if something accepted never came to its end, or if the audit"
          + " finds a breach."
    })
final class DemoCommand implements Callable<Integer> {
  /** Long enough to pay, short enough to be waited for. */
  private static final Duration HOLD_TIME = Duration.ofSeconds(20);

  /** An interrupted payment keeps its hold until its outcome is known. */
  private static final Duration HOLDS_AWAITED_MAX = HOLD_TIME.plusSeconds(60);

  private static final Duration LOOK_EVERY = Duration.ofMillis(500);

  /** The shop needs half a minute to learn how a payment ended that the gateway did not answer. */
  private static final Duration FINAL_MAX = Duration.ofMinutes(1);

  @Spec private CommandSpec spec;
  @Mixin private ServerOptions options;
  @Mixin private ArchitectureOptions architecture;

  @Option(
      names = "--customers",
      paramLabel = "N",
      defaultValue = "2000",
      description = "How many customers come (default: ${DEFAULT-VALUE}).")
  private int customers;

  @Option(
      names = "--sale",
      paramLabel = "FILE",
      defaultValue = "${sys:flashsale.home:-.}/examples/winter-drop.yaml",
      description = "What is sold (default: examples/winter-drop.yaml).")
  private Path sale;

  @Option(
      names = "--seed",
      paramLabel = "N",
      description = "Makes the same crowd again (default: another one each time).")
  private Long seed;

  @Option(
      names = "--cluster",
      description =
          "Against separate services (see flashsale cluster): those that run on DIR/cluster, or ones"
              + " that are started there and stopped afterwards.")
  private boolean cluster;

  @Option(
      names = "--replicas",
      paramLabel = "N",
      defaultValue = "1",
      description = "With --cluster: processes of each role (default: ${DEFAULT-VALUE}).")
  private int replicas;

  @Option(names = "--keep", description = "Go on serving afterwards.")
  private boolean keep;

  @Override
  public Integer call() throws JsonProcessingException {
    if (customers < 1 || customers > CrowdPlan.CUSTOMERS_MAX) {
      throw new ParameterException(
          spec.commandLine(), "--customers must be from 1 to " + CrowdPlan.CUSTOMERS_MAX + ".");
    }
    boolean async = architecture.async();
    var broker = architecture.rabbitmq();
    if (cluster) {
      if (broker.isPresent()) {
        throw new ParameterException(
            spec.commandLine(), "--cluster brings a RabbitMQ of its own: leave --rabbitmq out.");
      }
      return againstCluster(async);
    }
    var config =
        options
            .read(
                reader ->
                    broker.ifPresent(b -> reader.flag("messaging.url", b.url(), "--rabbitmq")))
            .config();
    var file = SaleFile.read(sale, Instant.now()).held(HOLD_TIME);
    var out = spec.commandLine().getOut();
    say(
        out,
        "Starting a server on %s%s …",
        options.dataDir(),
        broker.map(b -> ", with RabbitMQ at " + b.place()).orElse(""));
    try (var stop = new StopSignal();
        var directory = ShopFolder.open(options.dataDir());
        var logging = Logging.toFiles(directory.logs(), config.log(), Level.WARN);
        var shop = Shop.start(config, directory, logging.accessLog(), false)) {
      var account = OperatorAccount.find(directory.folder()).orElseThrow();
      int exitCode = run(out, stop, account, shop.url(), file, async);
      if (keep) {
        say(out, "Serving at %s; Ctrl-C stops it", shop.url());
        stop.await();
      }
      return exitCode;
    }
  }

  private int againstCluster(boolean async) throws JsonProcessingException {
    if (replicas < 1 || replicas > ClusterPlan.REPLICAS_MAX) {
      throw new ParameterException(
          spec.commandLine(), "--replicas must be from 1 to " + ClusterPlan.REPLICAS_MAX + ".");
    }
    var config = options.read().config();
    var file = SaleFile.read(sale, Instant.now()).held(HOLD_TIME);
    var out = spec.commandLine().getOut();
    var folder = options.dataDir().resolve("cluster").toAbsolutePath();
    var running = ShopFolder.server(folder);
    if (running.isPresent()) {
      try (var stop = new StopSignal()) {
        var account = OperatorAccount.find(folder).orElseThrow();
        return run(out, stop, account, running.get().url(), file, async);
      }
    }
    say(out, "Starting separate services on %s …", folder);
    try (var stop = new StopSignal();
        var directory = ShopFolder.open(folder);
        var logging = Logging.toFiles(directory.logs(), config.log(), Level.WARN);
        var started =
            RunningCluster.up(directory, replicas, async, 0, done -> say(out, "up  %s", done))) {
      int exitCode =
          run(out, stop, OperatorAccount.find(folder).orElseThrow(), started.url(), file, async);
      if (keep) {
        say(out, "Serving at %s; Ctrl-C stops it", started.url());
        stop.await();
      }
      return exitCode;
    }
  }

  private int run(
      PrintWriter out,
      StopSignal stop,
      OperatorAccount account,
      URI url,
      SaleFile file,
      boolean async)
      throws JsonProcessingException {
    UUID saleId;
    try (var operator = OperatorClient.signIn(url, account)) {
      saleId = UUID.fromString(file.create(operator));
      operator.post("/api/v1/admin/sales/" + saleId + "/open", null);
    }
    say(
        out,
        "“%s” with %d offers is open at %s. %,d customers sign up, then come.%s",
        file.name(),
        file.offers().size(),
        url,
        customers,
        async ? " What they order is answered with 202, and done after that." : "");
    long crowdSeed = seed == null ? System.nanoTime() : seed;
    CrowdReport report;
    try (var display = Display.onConsole()) {
      var plan = CrowdPlan.of(url, saleId, customers, crowdSeed).async(async, FINAL_MAX);
      var crowd = Crowd.start(plan, display);
      stop.then(crowd::stop);
      report = crowd.await();
    }
    out.print(report.table());
    out.print(expiries(out, stop, url, account, saleId, report));
    report.brokenRules().forEach(rule -> say(out, "BROKEN RULE: %s", rule));
    say(out, "(--seed %d brings the same crowd again.)%n", crowdSeed);
    var audit = audit(url, account, saleId);
    out.print(AuditText.of(audit));
    out.flush();
    boolean good =
        audit.verdict() == AuditReport.Verdict.OK
            && report.failures() == 0
            && report.brokenRules().isEmpty();
    return (good ? ExitCode.OK : ExitCode.FAILED).code();
  }

  /** Waits until the holds of those who did not pay have ended, and tells what became of them. */
  private static String expiries(
      PrintWriter out,
      StopSignal stop,
      URI url,
      OperatorAccount account,
      UUID saleId,
      CrowdReport report) {
    try (var operator = OperatorClient.signIn(url, account)) {
      long giveUp = System.nanoTime() + HOLDS_AWAITED_MAX.toNanos();
      var path = "/api/v1/admin/sales/" + saleId;
      var ended = operator.get(path);
      say(out, "%n%,d units are held by customers who walked away.", DemoStock.held(ended));
      while (DemoStock.held(ended) > 0 && System.nanoTime() < giveUp && !stop.await(LOOK_EVERY)) {
        ended = operator.get(path);
      }
      return DemoStock.table(report, ended);
    }
  }

  private static AuditReport audit(URI url, OperatorAccount account, UUID saleId)
      throws JsonProcessingException {
    try (var operator = OperatorClient.signIn(url, account)) {
      var answer = operator.get("/api/v1/admin/sales/" + saleId + "/audit");
      return Json.tolerant().treeToValue(answer, AuditReport.class);
    }
  }

  private static void say(PrintWriter out, String format, Object... values) {
    out.printf(format + "%n", values);
    out.flush();
  }
}
