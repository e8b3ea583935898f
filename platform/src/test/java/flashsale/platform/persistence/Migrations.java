package flashsale.platform.persistence;

import org.flywaydb.core.Flyway;

/** Brings a database to an older version of its schema, for tests of what comes after. */
public final class Migrations {
  private Migrations() {}

  /** Applies the role's migrations up to this one. */
  public static void to(Database.Settings settings, String version) {
    Flyway.configure()
        .dataSource(settings.url(), settings.user(), settings.password())
        .locations("classpath:db/migration/" + settings.name())
        .target(version)
        .load()
        .migrate();
  }
}
