package flashsale.server;

import com.zaxxer.hikari.pool.HikariPool.PoolInitializationException;
import flashsale.cluster.NginxNode;
import flashsale.platform.messaging.RabbitNode;
import flashsale.platform.persistence.DatabaseFailure;
import flashsale.platform.persistence.PostgresFailure;
import flashsale.users.UnusableKey;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.net.BindException;
import java.util.stream.Collectors;
import org.flywaydb.core.api.FlywayException;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ScopeType;
import picocli.CommandLine.Spec;

/** The command line: the list of commands, and what the process exits with. */
@Command(
    name = "flashsale",
    description = {
      "Sells a small stock to a large crowd: never wrong, fair, fast.",
      "Besides the commands below, `flashsale test` runs every test, with real servers."
    },
    scope = ScopeType.INHERIT,
    mixinStandardHelpOptions = true,
    versionProvider = Version.class,
    usageHelpAutoWidth = true,
    exitCodeListHeading = "%nExit codes%n",
    exitCodeList = {
      "0:done",
      "1:it did not succeed, or an audit found a breach",
      "2:a wrong argument, setting or file",
      "3:something outside is missing or refuses: permissions, a port, PostgreSQL, a JDK",
      "4:another server owns the data directory",
      "5:no server answers"
    },
    subcommands = {
      ServeCommand.class,
      DemoCommand.class,
      SaleCommand.class,
      UserCommand.class,
      KeysCommand.class,
      AuditCommand.class,
      DeadLettersCommand.class,
      ClusterCommand.class,
      GatewayCommand.class,
      BenchCommand.class,
      MigrateCommand.class,
      ConfigCommand.class
    })
public final class Main implements Runnable {
  @Spec private CommandSpec spec;

  /** Runs a command and exits with its code. */
  public static void main(String[] args) {
    Logging.toConsole();
    System.exit(commandLine().execute(args));
  }

  /** All commands, for this process's output or another. */
  static CommandLine commandLine() {
    return new CommandLine(new Main())
        .setExecutionExceptionHandler((e, line, parsed) -> explain(e, line.getErr()));
  }

  private static int explain(Exception e, PrintWriter err) {
    return switch (e) {
      case CommandFailure failure -> {
        err.println("flashsale: " + failure.getMessage());
        yield failure.exitCode().code();
      }
      case ConfigRefused refused -> {
        err.println(refused.getMessage());
        yield ExitCode.USAGE.code();
      }
      case UncheckedIOException io when io.getCause() instanceof BindException taken ->
          outside(err, taken.getMessage() + " Another one: --port, 0 for any free one.");
      case DatabaseFailure failure -> outside(err, "PostgreSQL: " + failure.getMessage());
      case PoolInitializationException failure ->
          outside(err, "PostgreSQL cannot be used: " + failure.getMessage());
      case FlywayException failure ->
          outside(err, "The database cannot be brought up to date: " + withoutRule(failure));
      case UnusableKey key -> outside(err, key.getMessage());
      case PostgresFailure failure -> outside(err, failure.getMessage());
      case NginxNode.NotInstalled missing -> outside(err, missing.getMessage());
      case RabbitNode.NotInstalled missing -> outside(err, missing.getMessage());
      default -> {
        e.printStackTrace(err); // A fault of the program: whoever reports it needs all of it.
        yield ExitCode.FAILED.code();
      }
    };
  }

  /** Flyway repeats its message in longer words below a rule of dashes. */
  private static String withoutRule(FlywayException failure) {
    return failure
        .getMessage()
        .lines()
        .takeWhile(line -> !line.startsWith("---"))
        .collect(Collectors.joining("\n"));
  }

  private static int outside(PrintWriter err, String message) {
    err.println("flashsale: " + message);
    return ExitCode.ENVIRONMENT.code();
  }

  /** Without a command: what there is. */
  @Override
  public void run() {
    throw new CommandLine.ParameterException(spec.commandLine(), "Which command?");
  }
}
