package flashsale.server;

import flashsale.platform.metrics.Meters;
import flashsale.platform.persistence.Database;
import flashsale.platform.persistence.EmbeddedPostgres;
import java.nio.file.Path;
import java.util.Collection;
import java.util.concurrent.ConcurrentSkipListMap;

/**
 * A database of its own for each role: at the PostgreSQL that the server brings and starts itself,
 * or at the one that {@code database.url} names. Thread-safe.
 */
final class Databases implements AutoCloseable {
  private final Config.Database config;
  private final EmbeddedPostgres embedded;
  private final Meters meters;
  private final ConcurrentSkipListMap<String, Database> open = new ConcurrentSkipListMap<>();

  private Databases(Config.Database config, EmbeddedPostgres embedded, Meters meters) {
    this.config = config;
    this.embedded = embedded;
    this.meters = meters;
  }

  static Databases start(Config.Database config, Path dataDir, Meters meters) {
    var embedded = config.embedded() ? EmbeddedPostgres.start(dataDir) : null;
    return new Databases(config, embedded, meters);
  }

  /** The role's database, migrated. */
  Database open(String role, int poolMax) {
    var database = Database.open(settings(role, poolMax));
    open.put(role, database);
    meters.watch(database);
    return database;
  }

  Database.Settings settings(String role, int poolMax) {
    if (embedded == null) {
      return new Database.Settings(
          role,
          config.url(role),
          config.user(),
          config.password(),
          poolMax,
          config.waitingMax(),
          config.waitMax());
    }
    var login = embedded.database(role);
    return new Database.Settings(
        role,
        login.url(),
        login.user(),
        login.password(),
        poolMax,
        config.waitingMax(),
        config.waitMax());
  }

  Collection<Database> all() {
    return open.values();
  }

  @Override
  public void close() {
    open.values().forEach(Database::close);
    if (embedded != null) {
      embedded.close();
    }
  }
}
