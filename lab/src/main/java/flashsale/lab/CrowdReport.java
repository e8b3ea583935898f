package flashsale.lab;

import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Predicate;

/**
 * What a crowd saw.
 *
 * @param customers how many came
 * @param elapsed from the first arrival to the last answer
 * @param outcomes how purchases ended, by name
 * @param brokenRules what the shop did against its own rules, in words; the first hundred
 */
public record CrowdReport(
    int customers,
    Duration elapsed,
    List<CallLine> calls,
    List<OfferLine> offers,
    Map<String, Long> outcomes,
    Promises promises,
    List<String> brokenRules) {
  /**
   * How often a call ended in one way.
   *
   * @param status HTTP status; 0: no answer
   * @param code the problem's code, or what happened to the connection; empty after a success
   */
  public record Count(int status, String code, long calls) {
    /** Refused early and politely: the customer is told when to come back, and does. */
    boolean busy() {
      return status == 503 || status == 429;
    }

    boolean failed() {
      return status == Tally.NO_ANSWER || (status >= 500 && !busy());
    }

    boolean refused() {
      return status >= 400 && status < 500 && !busy();
    }

    boolean done() {
      return status >= 200 && status < 400;
    }
  }

  /** One kind of call; times in microseconds. */
  public record CallLine(
      String call,
      List<Count> counts,
      long p50Micros,
      long p95Micros,
      long p99Micros,
      long maxMicros) {
    private long calls(Predicate<Count> which) {
      return counts.stream().filter(which).mapToLong(Count::calls).sum();
    }
  }

  /**
   * One offer.
   *
   * @param left units available at the end
   * @param reserved units in all reservations that this crowd was given
   * @param paid units that this crowd has paid
   */
  public record OfferLine(String name, long allocated, long left, long reserved, long paid) {}

  /** Calls with this status and code. */
  public long count(String call, int status, String code) {
    return calls.stream()
        .filter(c -> c.call().equals(call))
        .mapToLong(c -> c.calls(n -> n.status() == status && n.code().equals(code)))
        .sum();
  }

  /** Calls that ended with a server error or without an answer. */
  public long failures() {
    return calls.stream().mapToLong(c -> c.calls(Count::failed)).sum();
  }

  /** Calls that were refused with 503 or 429, to be tried again later. */
  public long busy() {
    return calls.stream().mapToLong(c -> c.calls(Count::busy)).sum();
  }

  public long calls(String call) {
    return calls.stream().filter(c -> c.call().equals(call)).mapToLong(c -> c.calls(n -> true)).sum();
  }

  /** Tables for people. */
  public String table() {
    var text = new StringBuilder();
    line(text, "%-12s %9s %9s %9s %7s %7s %9s %9s %9s %9s",
        "call", "calls", "done", "refused", "busy", "failed", "p50 ms", "p95 ms", "p99 ms", "max ms");
    for (var c : calls) {
      line(text, "%-12s %,9d %,9d %,9d %,7d %,7d %9.1f %9.1f %9.1f %9.1f",
          c.call(),
          c.calls(n -> true),
          c.calls(Count::done),
          c.calls(Count::refused),
          c.calls(Count::busy),
          c.calls(Count::failed),
          c.p50Micros() / 1e3,
          c.p95Micros() / 1e3,
          c.p99Micros() / 1e3,
          c.maxMicros() / 1e3);
    }
    text.append('\n');
    for (var c : calls) {
      for (var n : c.counts()) {
        if (!n.done()) {
          line(text, "%-12s %3s %-28s %,9d", c.call(), n.status() == 0 ? "—" : n.status(), n.code(), n.calls());
        }
      }
    }
    text.append('\n');
    line(text, "%-36s %9s %9s %9s %9s", "offer", "units", "reserved", "paid", "left");
    for (var offer : offers) {
      line(text, "%-36.36s %,9d %,9d %,9d %,9d",
          offer.name(), offer.allocated(), offer.reserved(), offer.paid(), offer.left());
    }
    text.append('\n');
    line(text, "%,d customers in %.1f s: %s", customers, elapsed.toMillis() / 1e3, outcomes);
    line(text, "failures: %,d, told to come back later: %,d, rules broken: %,d",
        failures(), busy(), brokenRules.size());
    brokenRules.forEach(rule -> line(text, "  %s", rule));
    return text.toString();
  }

  private static void line(StringBuilder text, String format, Object... values) {
    text.append(String.format(Locale.ROOT, format, values).stripTrailing()).append('\n');
  }
}
