package flashsale.server;

import flashsale.audit.Audit;
import flashsale.platform.http.Access;
import flashsale.platform.http.Answer;
import flashsale.platform.http.Call;
import flashsale.platform.http.Problem;
import flashsale.platform.http.Routes;
import java.time.Duration;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.Semaphore;

/** The audit over HTTP; it reads every row, so only one runs at a time. */
final class AuditApi {
  private final Audit audit;
  private final Duration patience;
  private final Semaphore one = new Semaphore(1);

  AuditApi(Audit audit, Duration patience) {
    this.audit = audit;
    this.patience = patience;
  }

  void routes(Routes routes) {
    routes
        .get("/api/v1/admin/audit", Access.OPERATOR, call -> run(Optional.empty()))
        .get("/api/v1/admin/sales/{saleId}/audit", Access.OPERATOR, this::sale);
  }

  private Answer sale(Call call) {
    return run(Optional.of(call.pathId("saleId", "sale")));
  }

  private Answer run(Optional<UUID> saleId) {
    if (!one.tryAcquire()) {
      throw Problem.unavailable(
          "AUDIT_RUNNING", "Another audit is running; try again.", Duration.ofSeconds(2));
    }
    try {
      var report = audit.run(saleId, patience);
      if (saleId.isPresent() && report.offers().isEmpty()) {
        throw Problem.notFound("sale with offers in the ledger");
      }
      return Answer.ok(report);
    } finally {
      one.release();
    }
  }
}
