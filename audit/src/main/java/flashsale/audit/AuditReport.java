package flashsale.audit;

import flashsale.contracts.Stock;
import java.time.Instant;
import java.util.List;
import java.util.UUID;

/**
 * What the audit found.
 *
 * @param verdict OK when there is no breach
 * @param saleId the sale it was asked for, or null for everything
 * @param offers the ledger's figures per offer, in units
 * @param counts how many rows of each kind were compared
 * @param openPayments payments whose outcome is not known yet; no breach for a while
 * @param breaches at most {@link Audit#BREACHES_MAX} are listed
 */
public record AuditReport(
    Verdict verdict,
    UUID saleId,
    Instant startedAt,
    Instant finishedAt,
    List<Stock> offers,
    Counts counts,
    long openPayments,
    List<Breach> breaches) {

  /** The one word. */
  public enum Verdict {
    OK,
    BREACH
  }

  /** Rows compared. */
  public record Counts(long holds, long reservations, long orders, long payments) {}

  /** One broken promise: which rule, about what, and the figures. */
  public record Breach(Rule rule, UUID subject, String detail) {}

  /** The rules, in the order in which they are told. */
  public enum Rule {
    STOCK_ADDS_UP("allocated = available + held + sold, and the holds add up to held and sold"),
    LIMIT_KEPT("nobody above an offer's limit"),
    ALLOTMENT_ADDS_UP("what counts against a limit is what the customer's holds add up to"),
    HOLD_IN_TIME("no open hold long overdue"),
    HOLD_MATCHES_RESERVATION("each hold has a reservation in the same state"),
    SOLD_MATCHES_ORDER("sold lines are those of a paid order, and the other way round"),
    PAYMENT_HAS_ORDER("each captured payment has exactly one paid order, or went back"),
    PAYMENT_ENDS("no payment open for long"),
    CHARGE_IS_BOOKED("what the gateway has taken and not given back is a captured payment's"),
    ORDER_HAS_RESERVATION("no order without a reservation");

    private final String sentence;

    Rule(String sentence) {
      this.sentence = sentence;
    }

    public String sentence() {
      return sentence;
    }
  }
}
