package flashsale.server;

import com.fasterxml.jackson.core.JsonProcessingException;
import flashsale.audit.AuditReport;
import flashsale.platform.ids.Ids;
import flashsale.platform.json.Json;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Checks the promises at a running server. */
@Command(
    name = "audit",
    description = {
      "Compares stock, holds, reservations, orders and payments, live, without stopping a sale.",
      "Ends with 1 if a promise is broken."
    })
final class AuditCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;
  @Mixin private OperatorOptions server;

  @Parameters(paramLabel = "SALE", arity = "0..1", description = "A sale's id (default: all).")
  private String sale;

  @Option(names = "--json", description = "The report as JSON.")
  private boolean json;

  @Override
  public Integer call() throws JsonProcessingException {
    if (sale != null && Ids.parse(sale).isEmpty()) {
      throw new ParameterException(
          spec.commandLine(), sale + " is no id; `flashsale sale list` shows the sales' ids.");
    }
    try (var client = server.signIn()) {
      var answer =
          client.get(
              sale == null ? "/api/v1/admin/audit" : "/api/v1/admin/sales/" + sale + "/audit");
      var report = Json.tolerant().treeToValue(answer, AuditReport.class);
      var out = spec.commandLine().getOut();
      out.print(json ? Json.text(report) + "\n" : AuditText.of(report));
      out.flush();
      return (report.verdict() == AuditReport.Verdict.OK ? ExitCode.OK : ExitCode.FAILED).code();
    }
  }
}
