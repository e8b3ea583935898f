package flashsale.server;

import flashsale.platform.metrics.Meters;
import flashsale.platform.persistence.Database;
import flashsale.platform.persistence.Database.Flush;
import java.util.Collection;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;

/** The roles' open databases, each with its gauges. Thread-safe. */
final class Databases implements AutoCloseable {
  private final RoleDatabases logins;
  private final Meters meters;
  private final ConcurrentMap<String, Database> open = new ConcurrentHashMap<>();

  Databases(RoleDatabases logins, Meters meters) {
    this.logins = logins;
    this.meters = meters;
  }

  /** The role's database, migrated. */
  Database open(String role) {
    return open(role, Flush.AT_COMMIT);
  }

  Database open(String role, Flush flush) {
    var database = Database.open(logins.settings(role, flush));
    open.put(role, database);
    meters.watch(database);
    return database;
  }

  /** A database that nobody here opens, e.g. for the benchmark's peer. */
  void make(String name) {
    logins.login(name);
  }

  Collection<Database> all() {
    return open.values();
  }

  @Override
  public void close() {
    open.values().forEach(Database::close);
    logins.close();
  }
}
