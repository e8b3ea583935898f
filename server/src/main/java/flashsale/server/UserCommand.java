package flashsale.server;

import flashsale.platform.http.Problem;
import flashsale.platform.persistence.Database;
import flashsale.platform.time.SteadyClock;
import flashsale.users.Users;
import java.nio.file.Path;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Makes accounts. Needs the data directory and no running server, because it makes operators. */
@Command(name = "user", description = "Makes accounts.")
final class UserCommand implements Runnable {
  @Spec private CommandSpec spec;

  @Command(
      name = "create",
      description = {
        "Creates an account, in the database itself, whether or not a server runs.",
        "The password is asked for, or read from --password-file; it is never an argument, which"
            + " other users of the machine could see."
      })
  int create(
      @Mixin ConfigOptions options,
      @Option(
              names = "--email",
              paramLabel = "EMAIL",
              required = true,
              description = "The address to sign in with.")
          String email,
      @Option(names = "--operator", description = "An operator; otherwise a customer.")
          boolean operator,
      @Option(
              names = "--password-file",
              paramLabel = "FILE",
              description = "A file whose first line is the password; -: standard input.")
          Path passwordFile) {
    var config = options.read().config();
    var password = PasswordInput.read(passwordFile, null, "Password of " + email + ": ");
    if (ShopFolder.server(options.dataDir()).isPresent()) {
      var keys = options.dataDir().resolve(ShopFolder.KEYS);
      try (var databases = RoleDatabases.beside(config.database(), options.dataDir())) {
        return create(config, databases, keys, email, password, operator);
      }
    }
    try (var directory = ShopFolder.open(options.dataDir());
        var databases = RoleDatabases.start(config.database(), directory)) {
      return create(config, databases, directory.keys(), email, password, operator);
    }
  }

  private int create(
      Config config,
      RoleDatabases databases,
      Path keys,
      String email,
      String password,
      boolean operator) {
    try (var database = Database.open(databases.settings("users"));
        var users = new Users(database, keys, new SteadyClock(), Settings.users(config.users()))) {
      var user =
          operator ? users.createOperator(email, password) : users.signUp(email, password, null);
      spec.commandLine()
          .getOut()
          .printf("Created the %s %s%n", operator ? "operator" : "customer", user.email());
      spec.commandLine().getOut().flush();
      return ExitCode.OK.code();
    } catch (Problem e) {
      throw new CommandFailure(ExitCode.FAILED, "%s (%s)".formatted(e.getMessage(), e.code()), e);
    }
  }

  @Override
  public void run() {
    throw new CommandLine.ParameterException(spec.commandLine(), "What about users? create");
  }
}
