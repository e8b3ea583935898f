package flashsale.cluster;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalDouble;

/**
 * What a process has used since its start, as the operating system and its own metrics tell; two of
 * them give a rate. Figures that cannot be had are 0.
 *
 * @param atNanoTime when it was looked at
 * @param cpuSeconds of processor time, its children included where {@code children} are given
 * @param memoryBytes resident
 * @param requests answered, without those about health and metrics
 */
public record ProcessFigures(
    long atNanoTime, double cpuSeconds, long memoryBytes, double requests) {
  private static final Duration ANSWER_MAX = Duration.ofSeconds(2);
  private static final int TICKS_PER_SECOND = 100;
  private static final int STAT_UTIME = 11;

  /**
   * Looks at a process and all of its children.
   *
   * @param url where it tells its metrics; null: nowhere
   */
  public static ProcessFigures of(long pid, URI url, HttpClient http) {
    double cpu = 0;
    long memory = 0;
    var handle = ProcessHandle.of(pid);
    if (handle.isPresent()) {
      var all = new ArrayList<>(List.of(handle.get()));
      handle.get().descendants().forEach(all::add);
      for (var one : all) {
        cpu += cpuSeconds(one.pid());
        memory += memoryBytes(one.pid());
      }
    }
    return new ProcessFigures(
        System.nanoTime(), cpu, memory, url == null ? 0 : requests(url, http).orElse(0));
  }

  /** Processors in use since the other look; 1 is one of them. */
  public double cpuSince(ProcessFigures before) {
    return perSecond(cpuSeconds - before.cpuSeconds, before);
  }

  /** Requests a second since the other look. */
  public double rateSince(ProcessFigures before) {
    return perSecond(requests - before.requests, before);
  }

  private double perSecond(double difference, ProcessFigures before) {
    double seconds = (atNanoTime - before.atNanoTime) / 1e9;
    return seconds <= 0 ? 0 : Math.max(0, difference / seconds);
  }

  private static double cpuSeconds(long pid) {
    try {
      var stat = Files.readString(Path.of("/proc", Long.toString(pid), "stat"));
      // Behind the name, which may have blanks, comes the state as field 0.
      var fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ", -1);
      return (Double.parseDouble(fields[STAT_UTIME]) + Double.parseDouble(fields[STAT_UTIME + 1]))
          / TICKS_PER_SECOND;
    } catch (IOException e) {
      return ProcessHandle.of(pid)
          .flatMap(p -> p.info().totalCpuDuration())
          .map(d -> d.toMillis() / 1e3)
          .orElse(0.0);
    }
  }

  private static long memoryBytes(long pid) {
    try (var lines = Files.lines(Path.of("/proc", Long.toString(pid), "status"))) {
      return lines
              .filter(line -> line.startsWith("VmRSS:") || line.startsWith("RssShmem:"))
              // What PostgreSQL's processes share would count once for each.
              .mapToLong(line -> (line.startsWith("VmRSS") ? 1 : -1) * kib(line))
              .sum()
          * 1024;
    } catch (IOException | UncheckedIOException e) {
      return 0;
    }
  }

  private static long kib(String line) {
    return Long.parseLong(line.replaceAll("[^0-9]", ""));
  }

  private static OptionalDouble requests(URI url, HttpClient http) {
    try {
      var request = HttpRequest.newBuilder(url.resolve("/metrics")).timeout(ANSWER_MAX).build();
      var sum =
          http.send(request, BodyHandlers.ofString())
              .body()
              .lines()
              .filter(line -> line.startsWith("flashsale_http_requests_seconds_count"))
              .filter(line -> !line.contains("route=\"/health") && !line.contains("/metrics\""))
              .mapToDouble(line -> Double.parseDouble(line.substring(line.lastIndexOf(' '))))
              .sum();
      return OptionalDouble.of(sum);
    } catch (IOException e) {
      return OptionalDouble.empty();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return OptionalDouble.empty();
    }
  }
}
