package flashsale.server;

import java.io.PrintWriter;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ScopeType;
import picocli.CommandLine.Spec;

/** The command line: the list of commands, and what the process exits with. */
@Command(
    name = "flashsale",
    description = "Sells a small stock to a large crowd: never wrong, fair, fast.",
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
      AuditCommand.class,
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
      default -> {
        e.printStackTrace(err); // A fault of the program: whoever reports it needs all of it.
        yield ExitCode.FAILED.code();
      }
    };
  }

  /** Without a command: what there is. */
  @Override
  public void run() {
    throw new CommandLine.ParameterException(spec.commandLine(), "Which command?");
  }
}
