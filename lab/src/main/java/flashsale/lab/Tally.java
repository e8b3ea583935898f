package flashsale.lab;

import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.concurrent.atomic.LongAdder;
import java.util.stream.Collectors;
import org.HdrHistogram.ConcurrentHistogram;
import org.HdrHistogram.Histogram;
import org.HdrHistogram.Recorder;

/** Counts and times every call of a crowd. Thread-safe. */
final class Tally {
  /** What a call that got no answer at all has instead of a status. */
  static final int NO_ANSWER = 0;

  private static final long LATENCY_MAX_MICROS = Duration.ofMinutes(2).toNanos() / 1_000;
  private static final int DIGITS = 2;

  /**
   * How a call ended.
   *
   * @param call a short name, e.g. {@code reserve}
   * @param status HTTP status, or {@link #NO_ANSWER}
   * @param code the problem's code, or what happened to the connection; empty after a success
   */
  record Ending(String call, int status, String code) {}

  private final ConcurrentMap<Ending, LongAdder> endings = new ConcurrentHashMap<>();
  private final ConcurrentMap<String, Histogram> latencies = new ConcurrentHashMap<>();
  private final Recorder recent = new Recorder(LATENCY_MAX_MICROS, DIGITS);
  private Histogram interval;

  void record(String call, int status, String code, long nanos) {
    long micros = Math.min(nanos / 1_000, LATENCY_MAX_MICROS);
    endings.computeIfAbsent(new Ending(call, status, code), e -> new LongAdder()).increment();
    latencies
        .computeIfAbsent(call, c -> new ConcurrentHistogram(LATENCY_MAX_MICROS, DIGITS))
        .recordValue(micros);
    recent.recordValue(micros);
  }

  /** What was recorded since this was asked the last time; valid until it is asked again. */
  synchronized Histogram recent() {
    interval = recent.getIntervalHistogram(interval);
    return interval;
  }

  /** One line for each call, in order of name. */
  List<CrowdReport.CallLine> lines() {
    Map<String, List<Map.Entry<Ending, LongAdder>>> byCall =
        endings.entrySet().stream().collect(Collectors.groupingBy(e -> e.getKey().call()));
    return byCall.entrySet().stream()
        .map(e -> line(e.getKey(), e.getValue()))
        .sorted(Comparator.comparing(CrowdReport.CallLine::call))
        .toList();
  }

  private CrowdReport.CallLine line(String call, List<Map.Entry<Ending, LongAdder>> ended) {
    var histogram = latencies.get(call).copy();
    var counts =
        ended.stream()
            .map(
                e ->
                    new CrowdReport.Count(
                        e.getKey().status(), e.getKey().code(), e.getValue().sum()))
            .sorted(
                Comparator.comparingInt(CrowdReport.Count::status)
                    .thenComparing(CrowdReport.Count::code))
            .toList();
    return new CrowdReport.CallLine(
        call,
        counts,
        histogram.getValueAtPercentile(50),
        histogram.getValueAtPercentile(95),
        histogram.getValueAtPercentile(99),
        histogram.getMaxValue());
  }
}
