package flashsale.server;

import flashsale.platform.persistence.Database;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** Brings the databases up to date without serving. */
@Command(
    name = "migrate",
    description = {
      "Brings the databases of the roles in process.roles up to date and says what was applied.",
      "A starting server does the same; this is for doing it beforehand."
    })
final class MigrateCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;
  @Mixin private ConfigOptions options;

  @Override
  public Integer call() {
    var config = options.read().config();
    // The lock keeps a server from starting in the middle; one that runs has migrated itself.
    try (var directory = ShopFolder.open(options.dataDir());
        var databases = RoleDatabases.start(config.database(), directory)) {
      for (var role : RoleDatabases.of(config.process().here())) {
        var applied = Database.migrate(databases.settings(role));
        spec.commandLine()
            .getOut()
            .println(
                role
                    + ": "
                    + (applied.isEmpty()
                        ? "nothing to do"
                        : "applied " + String.join(", ", applied)));
      }
    }
    return ExitCode.OK.code();
  }
}
