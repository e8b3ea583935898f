package flashsale.server;

import ch.qos.logback.classic.Level;
import com.fasterxml.jackson.core.JsonProcessingException;
import flashsale.audit.AuditReport;
import flashsale.lab.Crowd;
import flashsale.lab.CrowdPlan;
import flashsale.lab.CrowdReport;
import flashsale.lab.Display;
import flashsale.platform.json.Json;
import java.io.PrintWriter;
import java.nio.file.Path;
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
      "Ends with 1 if a call failed or the audit finds a breach."
    })
final class DemoCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;
  @Mixin private ServerOptions options;

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

  @Option(names = "--keep", description = "Go on serving afterwards.")
  private boolean keep;

  @Override
  public Integer call() throws JsonProcessingException {
    if (customers < 1 || customers > CrowdPlan.CUSTOMERS_MAX) {
      throw new ParameterException(
          spec.commandLine(), "--customers must be from 1 to " + CrowdPlan.CUSTOMERS_MAX + ".");
    }
    var config = options.read().config();
    var file = SaleFile.read(sale, Instant.now());
    var out = spec.commandLine().getOut();
    say(out, "Starting a server on %s …", options.dataDir());
    try (var stop = new StopSignal();
        var directory = DataDirectory.open(options.dataDir());
        var logging = Logging.toFiles(directory.logs(), config.log(), Level.WARN);
        var shop = Shop.start(config, directory, logging.accessLog(), false)) {
      int exitCode = run(out, directory, shop, file);
      if (keep) {
        say(out, "Serving at %s; Ctrl-C stops it", shop.url());
        stop.await();
      }
      return exitCode;
    }
  }

  private int run(PrintWriter out, DataDirectory directory, Shop shop, SaleFile file)
      throws JsonProcessingException {
    var account = OperatorAccount.find(directory.folder()).orElseThrow();
    UUID saleId;
    try (var operator = OperatorClient.signIn(shop.url(), account)) {
      saleId = UUID.fromString(file.create(operator));
      operator.post("/api/v1/admin/sales/" + saleId + "/open", null);
    }
    say(
        out,
        "“%s” with %d offers is open at %s. %,d customers sign up, then come.",
        file.name(),
        file.offers().size(),
        shop.url(),
        customers);
    long crowdSeed = seed == null ? System.nanoTime() : seed;
    CrowdReport report;
    try (var display = Display.onConsole()) {
      report = Crowd.run(CrowdPlan.of(shop.url(), saleId, customers, crowdSeed), display);
    }
    out.print(report.table());
    report.brokenRules().forEach(rule -> say(out, "BROKEN RULE: %s", rule));
    say(out, "(--seed %d brings the same crowd again.)%n", crowdSeed);
    var audit = audit(shop, account, saleId);
    out.print(AuditText.of(audit));
    out.flush();
    boolean good =
        audit.verdict() == AuditReport.Verdict.OK
            && report.failures() == 0
            && report.brokenRules().isEmpty();
    return (good ? ExitCode.OK : ExitCode.FAILED).code();
  }

  private static AuditReport audit(Shop shop, OperatorAccount account, UUID saleId)
      throws JsonProcessingException {
    try (var operator = OperatorClient.signIn(shop.url(), account)) {
      var answer = operator.get("/api/v1/admin/sales/" + saleId + "/audit");
      return Json.tolerant().treeToValue(answer, AuditReport.class);
    }
  }

  private static void say(PrintWriter out, String format, Object... values) {
    out.printf(format + "%n", values);
    out.flush();
  }
}
