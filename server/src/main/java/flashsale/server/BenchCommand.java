package flashsale.server;

import flashsale.cluster.NginxNode;
import flashsale.lab.Bench;
import flashsale.platform.messaging.RabbitNode;
import flashsale.platform.messaging.RabbitSettings;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Measures the product against its bars. */
@Command(
    name = "bench",
    description = {
      "Measures this machine against the bars; every selling round ends with an audit.",
      "Servers, the naive peer and the load run on this machine, in a temporary folder.",
      "With --architecture async, and no --only: what is answered with 202. It is measured over"
          + " RabbitMQ too where --rabbitmq names one, or for async-rabbitmq/direct, which starts a"
          + " broker of its own otherwise."
    })
final class BenchCommand implements Callable<Integer> {
  private static final int CONNECTIONS = 64;
  private static final int PORT_MAX = 65_535;
  private static final Duration WARM_UP = Duration.ofSeconds(15);
  private static final int CUSTOMERS = 1_000;
  private static final int FILLED = 1_000_000;
  private static final List<Integer> CROWDS = List.of(250, 500);

  @Spec private CommandSpec spec;
  @Mixin private ArchitectureOptions architecture;

  @Option(
      names = "--only",
      paramLabel = "NAME",
      description = "Runs one measurement; may be repeated.")
  private List<String> only = List.of();

  @Option(
      names = "--cluster",
      description =
          "Without --only: separate services behind an nginx, all on this machine; both"
              + " architectures.")
  private boolean cluster;

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

  @Option(
      names = "--backlog",
      paramLabel = "N",
      defaultValue = "100000",
      description = "Requests in the burst of async-backlog (default: ${DEFAULT-VALUE}).")
  private int backlog;

  @Option(
      names = "--data-dir",
      paramLabel = "DIR",
      description =
          "Where the servers' data are meanwhile: a new or empty folder, gone afterwards (default:"
              + " a temporary one).")
  private Path dataDir;

  @Option(
      names = "--port",
      paramLabel = "PORT",
      defaultValue = "0",
      description =
          "Port of the server under test; 0: any free one, printed (default: ${DEFAULT-VALUE}).")
  private int port;

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
    if (port < 0 || port > PORT_MAX) {
      throw new ParameterException(
          spec.commandLine(), "--port must be from 0 to " + PORT_MAX + ".");
    }
    boolean async = architecture.async();
    if (cluster && async) {
      throw new ParameterException(
          spec.commandLine(), "--cluster measures both architectures: leave --architecture out.");
    }
    var broker = architecture.rabbitmq();
    try (var stop = new StopSignal()) {
      return measure(stop, async, broker);
    }
  }

  private int measure(StopSignal stop, boolean async, Optional<RabbitSettings> broker)
      throws IOException {
    var workDir = workDir();
    try (var product =
        new BenchedProduct(
            port, url -> System.out.println("A server under test answers at " + url))) {
      stop.then(product::close);
      return Bench.run(options(workDir, async, broker), product, System.out);
    } catch (NginxNode.NotInstalled e) {
      throw new CommandFailure(
          ExitCode.ENVIRONMENT, "Separate services need a gateway. " + e.getMessage());
    } catch (RabbitNode.NotInstalled e) {
      throw new CommandFailure(
          ExitCode.ENVIRONMENT,
          "async-rabbitmq/direct needs a broker. "
              + e.getMessage()
              + " Or name one that is to be used: --rabbitmq URL.");
    } finally {
      delete(workDir);
    }
  }

  private Path workDir() throws IOException {
    if (dataDir == null) {
      return Files.createTempDirectory("flashsale-bench-");
    }
    if (Files.exists(dataDir)) {
      try (var there = Files.list(dataDir)) {
        if (there.findAny().isPresent()) {
          throw new ParameterException(
              spec.commandLine(), "--data-dir must be new or empty, and " + dataDir + " is not.");
        }
      } catch (NotDirectoryException e) {
        throw new ParameterException(
            spec.commandLine(), "--data-dir must be a folder, and " + dataDir + " is none.", e);
      }
    }
    return Files.createDirectories(dataDir).toAbsolutePath();
  }

  private Bench.Options options(Path workDir, boolean async, Optional<RabbitSettings> broker) {
    try {
      return new Bench.Options(
          only.isEmpty() ? namesOf(async) : only,
          json,
          rounds,
          Duration.ofSeconds(seconds),
          WARM_UP,
          CONNECTIONS,
          keys.equals("on"),
          CUSTOMERS,
          FILLED,
          backlog,
          CROWDS,
          broker.map(RabbitSettings::url),
          strict,
          workDir);
    } catch (IllegalArgumentException e) {
      throw new ParameterException(spec.commandLine(), e.getMessage(), e);
    }
  }

  /** Empty: all that is not named here. */
  private List<String> namesOf(boolean async) {
    if (cluster) {
      return Bench.CLUSTER_NAMES;
    }
    return async ? Bench.ASYNC_NAMES : List.of();
  }

  private static void delete(Path folder) throws IOException {
    try (var files = Files.walk(folder)) {
      for (var file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.deleteIfExists(file);
      }
    }
  }
}
