package flashsale.server;

import flashsale.platform.persistence.Database;
import flashsale.platform.persistence.Database.Flush;
import flashsale.platform.persistence.EmbeddedPostgres;
import flashsale.platform.persistence.PostgresFailure;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * Where each role's own database is: at the external PostgreSQL that the settings name, or at the
 * embedded one of a data directory. Closing stops the embedded one, if it was started here.
 * Thread-safe.
 */
public final class RoleDatabases implements AutoCloseable {
  /** The roles, each with a database of its own; the sandbox gateway counts as one. */
  public static final List<String> ROLES =
      List.of("users", "catalog", "inventory", "reservations", "orders", "payments", "gateway");

  /**
   * The databases of a process that is these roles; the sandbox gateway's goes with the payments.
   */
  static List<String> of(Set<Role> roles) {
    var names = roles.stream().map(Role::text).toList();
    return ROLES.stream()
        .filter(name -> names.contains(name.equals("gateway") ? Role.PAYMENTS.text() : name))
        .toList();
  }

  /** How a role logs in; empty if its database cannot be reached now. */
  @FunctionalInterface
  private interface Logins {
    Optional<EmbeddedPostgres.Login> of(String role);
  }

  private final Config.Database config;
  private final Logins logins;
  private final Runnable stop;

  private RoleDatabases(Config.Database config, Logins logins, Runnable stop) {
    this.config = config;
    this.logins = logins;
    this.stop = stop;
  }

  /**
   * For whoever owns the data directory; starts the embedded PostgreSQL where that is to be used.
   *
   * @throws CommandFailure ENVIRONMENT if it does not start
   */
  public static RoleDatabases start(Config.Database config, ShopFolder directory) {
    if (!config.embedded()) {
      return external(config);
    }
    try {
      var postgres = EmbeddedPostgres.start(directory.folder(), config.connectionsMax());
      return new RoleDatabases(
          config, role -> Optional.of(postgres.database(role)), postgres::close);
    } catch (PostgresFailure e) {
      throw new CommandFailure(ExitCode.ENVIRONMENT, e.getMessage(), e);
    }
  }

  /** For a command that runs beside the server which owns the data directory. */
  static RoleDatabases beside(Config.Database config, Path dataDir) {
    return config.embedded()
        ? new RoleDatabases(config, role -> EmbeddedPostgres.running(dataDir, role), () -> {})
        : external(config);
  }

  private static RoleDatabases external(Config.Database config) {
    return new RoleDatabases(
        config,
        role ->
            Optional.of(
                new EmbeddedPostgres.Login(config.url(role), config.user(role), config.password())),
        () -> {});
  }

  /** The same, flushed at each commit. */
  public Database.Settings settings(String role) {
    return settings(role, Flush.AT_COMMIT);
  }

  /**
   * How to open a role's database.
   *
   * @param flush {@code LATER} has an effect only where all roles share the embedded PostgreSQL
   * @throws CommandFailure UNREACHABLE if the server beside has not made it yet
   */
  public Database.Settings settings(String role, Flush flush) {
    var login = login(role);
    return new Database.Settings(
        role,
        login.url(),
        login.user(),
        login.password(),
        config.poolMax(role),
        config.waitingMax(),
        config.waitMax(),
        config.embedded() ? flush : Flush.AT_COMMIT,
        config.readUrl(role));
  }

  /** How to log in at a database; makes it where this process has started PostgreSQL. */
  EmbeddedPostgres.Login login(String name) {
    return logins
        .of(name)
        .orElseThrow(
            () ->
                new CommandFailure(
                    ExitCode.UNREACHABLE,
                    "The server that owns the data directory has no database "
                        + name
                        + " yet; try again in a moment."));
  }

  @Override
  public void close() {
    stop.run();
  }
}
