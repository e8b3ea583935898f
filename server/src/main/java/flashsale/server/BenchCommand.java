package flashsale.server;

import flashsale.lab.Bench;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Measures the product against its bars. */
@Command(
    name = "bench",
    description = {
      "Measures this machine against the bars; every selling round ends with an audit.",
      "Servers, the naive peer and the load run on this machine, in a temporary folder."
    })
final class BenchCommand implements Callable<Integer> {
  private static final int CONNECTIONS = 64;
  private static final Duration WARM_UP = Duration.ofSeconds(15);
  private static final int CUSTOMERS = 1_000;
  private static final int FILLED = 1_000_000;

  @Spec private CommandSpec spec;

  @Option(
      names = "--only",
      paramLabel = "NAME",
      description = "Runs one measurement; may be repeated.")
  private List<String> only = List.of();

  @Option(
      names = "--architecture",
      paramLabel = "sync|async",
      defaultValue = "sync",
      description =
          "Which measurements run where none is named: of requests that are answered at their end,"
              + " or with 202 (default: ${DEFAULT-VALUE}).")
  private String architecture;

  @Option(names = "--json", paramLabel = "FILE", description = "Writes the figures as JSON.")
  private Path json;

  @Option(
      names = "--rounds",
      paramLabel = "N",
      defaultValue = "5",
      description = "Interleaved rounds; the median counts (default: ${DEFAULT-VALUE}).")
  private int rounds;

  @Option(
      names = "--seconds",
      paramLabel = "N",
      defaultValue = "5",
      description = "Length of a round (default: ${DEFAULT-VALUE}).")
  private int seconds;

  @Option(
      names = "--keys",
      paramLabel = "on|off",
      defaultValue = "off",
      description = "Whether each reservation has an Idempotency-Key (default: ${DEFAULT-VALUE}).")
  private String keys;

  @Option(names = "--strict", description = "Ends with 1 if a bar is missed.")
  private boolean strict;

  @Override
  public Integer call() throws IOException {
    if (seconds < 1 || seconds > 60) {
      throw new ParameterException(spec.commandLine(), "--seconds must be from 1 to 60.");
    }
    if (!keys.equals("on") && !keys.equals("off")) {
      throw new ParameterException(spec.commandLine(), "--keys must be on or off.");
    }
    if (!architecture.equals("sync") && !architecture.equals("async")) {
      throw new ParameterException(
          spec.commandLine(), "--architecture must be sync or async, not " + architecture + ".");
    }
    var workDir = Files.createTempDirectory("flashsale-bench-");
    try {
      return Bench.run(options(workDir), new BenchedProduct(), System.out);
    } finally {
      delete(workDir);
    }
  }

  private Bench.Options options(Path workDir) {
    try {
      return new Bench.Options(
          only.isEmpty() && architecture.equals("async") ? Bench.ASYNC_NAMES : only,
          json,
          rounds,
          Duration.ofSeconds(seconds),
          WARM_UP,
          CONNECTIONS,
          keys.equals("on"),
          CUSTOMERS,
          FILLED,
          strict,
          workDir);
    } catch (IllegalArgumentException e) {
      throw new ParameterException(spec.commandLine(), e.getMessage(), e);
    }
  }

  private static void delete(Path folder) throws IOException {
    try (var files = Files.walk(folder)) {
      for (var file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.deleteIfExists(file);
      }
    }
  }
}
