package flashsale.lab;

import flashsale.lab.Customer.Outcome;
import java.time.Duration;
import java.util.EnumSet;
import java.util.Formatter;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.UUID;
import java.util.function.Predicate;
import java.util.stream.Stream;

/**
 * What a crowd saw.
 *
 * @param customers how many came
 * @param elapsed from the first arrival to the last answer
 * @param calls each with the time to its answer
 * @param ends requests that were answered with 202, each with the time from the request to its
 *     final state, and the status that this would have been answered with; the status of one that
 *     has never reached any is 0
 * @param journeys from the sign-in to the paid order, pauses included; none or one line
 * @param outcomes how purchases ended, by name
 * @param brokenRules what the shop did against its own rules, in words; the first hundred
 */
public record CrowdReport(
    int customers,
    Duration elapsed,
    List<CallLine> calls,
    List<CallLine> ends,
    List<CallLine> journeys,
    List<OfferLine> offers,
    Map<String, Long> outcomes,
    Promises promises,
    List<String> brokenRules) {
  private static final EnumSet<Outcome> ENDS_WELL =
      EnumSet.of(Outcome.PAID, Outcome.RELEASED, Outcome.WALKED_AWAY, Outcome.REFUSED);

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
   * @param released units of those that it gave back
   * @param paid units that this crowd has paid
   */
  public record OfferLine(
      UUID offerId,
      String name,
      long allocated,
      long left,
      long reserved,
      long released,
      long paid) {}

  /** Calls with this status and code. */
  public long count(String call, int status, String code) {
    return calls.stream()
        .filter(c -> c.call().equals(call))
        .mapToLong(c -> c.calls(n -> n.status() == status && n.code().equals(code)))
        .sum();
  }

  /**
   * Calls that ended with a server error or without an answer, and accepted requests without an
   * end.
   */
  public long failures() {
    return Stream.concat(calls.stream(), ends.stream())
        .mapToLong(c -> c.calls(Count::failed))
        .sum();
  }

  /** What these were, each kind in words. */
  List<String> failuresInWords() {
    return Stream.concat(calls.stream(), ends.stream())
        .flatMap(
            line ->
                line.counts().stream()
                    .filter(Count::failed)
                    .map(c -> c.calls() + " × " + line.call() + ": " + c.status() + " " + c.code()))
        .toList();
  }

  /**
   * Customers who were let down: who neither ended as they had planned, paid or not, nor were
   * refused by a rule. Somebody who had come to no end when the time was over is one of them. For
   * crowds whose customers buy once.
   */
  long letDown() {
    return customers - ENDS_WELL.stream().mapToLong(this::ended).sum();
  }

  /** How these ended, each kind in words. */
  List<String> letDownInWords() {
    long told = outcomes.values().stream().mapToLong(n -> n).sum();
    var bad = EnumSet.complementOf(ENDS_WELL).stream().filter(o -> ended(o) > 0);
    return Stream.concat(
            bad.map(o -> ended(o) + " × " + o),
            Stream.of(customers - told).filter(n -> n > 0).map(n -> n + " × no end"))
        .toList();
  }

  /** Purchases that ended so. */
  long ended(Outcome outcome) {
    return outcomes.getOrDefault(outcome.name(), 0L);
  }

  /** Calls that were refused with 503 or 429, to be tried again later. */
  public long busy() {
    return calls.stream().mapToLong(c -> c.calls(Count::busy)).sum();
  }

  /** Those of one kind. */
  long busy(String call) {
    return calls.stream()
        .filter(c -> c.call().equals(call))
        .mapToLong(c -> c.calls(Count::busy))
        .sum();
  }

  public long calls(String call) {
    return calls.stream()
        .filter(c -> c.call().equals(call))
        .mapToLong(c -> c.calls(n -> true))
        .sum();
  }

  /** Tables for people. */
  public String table() {
    var text = new Formatter(Locale.ROOT);
    rows(text, calls);
    if (!ends.isEmpty()) {
      text.format("%nAnswered with 202: from the request to its final state%n%n");
      rows(text, ends);
    }
    text.format(
        "%n%-36s %9s %9s %9s %9s %9s%n", "offer", "units", "reserved", "released", "paid", "left");
    for (var o : offers) {
      text.format(
          "%-36.36s %,9d %,9d %,9d %,9d %,9d%n",
          o.name(), o.allocated(), o.reserved(), o.released(), o.paid(), o.left());
    }
    text.format("%n%,d customers in %.1f s: %s%n", customers, elapsed.toMillis() / 1e3, outcomes);
    text.format(
        "failures: %,d, told to come back later: %,d, rules broken: %,d%n",
        failures(), busy(), brokenRules.size());
    brokenRules.forEach(rule -> text.format("  %s%n", rule));
    return text.toString();
  }

  private static void rows(Formatter text, List<CallLine> lines) {
    text.format(
        "%-12s %9s %9s %9s %7s %7s %9s %9s %9s %9s%n",
        "call", "calls", "done", "refused", "busy", "failed", "p50 ms", "p95 ms", "p99 ms", "max");
    lines.forEach(c -> row(text, c));
    text.format("%n");
    for (var c : lines) {
      c.counts().stream().filter(n -> !n.done()).forEach(n -> row(text, c.call(), n));
    }
  }

  private static void row(Formatter text, CallLine c) {
    text.format(
        "%-12s %,9d %,9d %,9d %,7d %,7d %9.1f %9.1f %9.1f %9.1f%n",
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

  private static void row(Formatter text, String call, Count n) {
    var status = n.status() == Tally.NO_ANSWER ? "none" : Integer.toString(n.status());
    text.format("%-12s %4s %-28s %,9d%n", call, status, n.code(), n.calls());
  }
}
