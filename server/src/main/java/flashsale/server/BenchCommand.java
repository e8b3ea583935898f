package flashsale.server;

import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Measures the product against its bars. */
@Command(
    name = "bench",
    description = "Measures this machine against the bars; every selling round ends with an audit.")
final class BenchCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;
  @Mixin private ServerOptions options;

  @Option(names = "--only", paramLabel = "NAME", description = "Runs one measurement.")
  private String only;

  @Option(names = "--json", paramLabel = "FILE", description = "Writes the figures as JSON.")
  private Path json;

  @Override
  public Integer call() {
    throw new CommandFailure(
        ExitCode.FAILED,
        "bench is not wired yet: " + spec.name() + options.dataDir() + only + json);
  }
}
