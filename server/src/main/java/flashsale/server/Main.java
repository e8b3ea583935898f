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
    System.exit(run(new PrintWriter(System.out, true), new PrintWriter(System.err, true), args));
  }

  /** Runs a command in this process. */
  static int run(PrintWriter out, PrintWriter err, String... args) {
    return new CommandLine(new Main())
        .setOut(out)
        .setErr(err)
        .setCaseInsensitiveEnumValuesAllowed(true)
        .setExecutionExceptionHandler((e, line, parsed) -> explain(e, line))
        .execute(args);
  }

  private static int explain(Exception e, CommandLine line) {
    var err = line.getErr();
    switch (e) {
      case CommandFailure failure -> {
        err.println("flashsale: " + failure.getMessage());
        return failure.exitCode().code();
      }
      case ConfigRefused refused -> {
        err.println(refused.getMessage());
        return ExitCode.USAGE.code();
      }
      default -> {
        // A fault of the program: whoever reports it needs all of it.
        e.printStackTrace(err);
        return ExitCode.FAILED.code();
      }
    }
  }

  /** Without a command: what there is. */
  @Override
  public void run() {
    throw new CommandLine.ParameterException(spec.commandLine(), "Which command?");
  }
}
