package flashsale.server;

import flashsale.audit.AuditReport;
import flashsale.audit.AuditReport.Rule;
import java.time.Duration;

/** An audit's report for people: the stock, each promise, the verdict. */
final class AuditText {
  private AuditText() {}

  static String of(AuditReport report) {
    var stock = new TextTable("offer", "allocated", "available", "held", "sold");
    for (var offer : report.offers()) {
      stock.row(offer.offerId(), offer.allocated(), offer.available(), offer.held(), offer.sold());
    }
    var rules = new TextTable("promise", "");
    for (var rule : Rule.values()) {
      long breaches = report.breaches().stream().filter(b -> b.rule() == rule).count();
      rules.row(rule.sentence(), breaches == 0 ? "kept" : "BROKEN " + breaches + " times");
    }
    var text = new StringBuilder().append(stock).append('\n').append(rules);
    for (var breach : report.breaches()) {
      text.append("%n%s  %s%n  %s%n".formatted(breach.rule(), breach.subject(), breach.detail()));
    }
    var counts = report.counts();
    return text.append(
            "%n%s: %d holds, %d reservations, %d orders, %d payments compared in %s; %d payments open%n"
                .formatted(
                    report.verdict(),
                    counts.holds(),
                    counts.reservations(),
                    counts.orders(),
                    counts.payments(),
                    Durations.show(Duration.between(report.startedAt(), report.finishedAt())),
                    report.openPayments()))
        .toString();
  }
}
