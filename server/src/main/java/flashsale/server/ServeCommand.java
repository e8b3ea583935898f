package flashsale.server;

import ch.qos.logback.classic.Level;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Runs the shop until it is told to stop. */
@Command(
    name = "serve",
    description = {
      "Runs the shop: the API, and an embedded PostgreSQL unless database.url names another.",
      "Ctrl-C or SIGTERM stops it: it takes nothing new, finishes what it has accepted, and ends."
    })
final class ServeCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;
  @Mixin private ServerOptions options;

  @Option(
      names = "--bench-endpoints",
      hidden = true,
      description = "Serves the benchmark's do-nothing endpoints too.")
  private boolean benchEndpoints;

  @Override
  public Integer call() {
    var config = options.read().config();
    try (var stop = new StopSignal();
        var directory = ShopFolder.open(options.dataDir());
        var logging =
            Logging.toFiles(directory.logs(), config.log(), Level.toLevel(config.log().level()));
        var shop = Shop.start(config, directory, logging.accessLog(), benchEndpoints)) {
      spec.commandLine()
          .getOut()
          .printf(
              "flashsale %s serves at %s%s from %s; Ctrl-C stops it%n",
              Version.of(),
              shop.url(),
              shop.doorsUrl()
                  .map(doors -> " (" + roles(config) + ", doors at " + doors + ")")
                  .orElse(""),
              directory.folder());
      spec.commandLine().getOut().flush();
      stop.await();
    }
    return ExitCode.OK.code();
  }

  private static String roles(Config config) {
    return config.process().here().stream().map(Role::text).collect(Collectors.joining(", "));
  }
}
