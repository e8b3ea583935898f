package flashsale.users;

import flashsale.platform.persistence.Database;
import flashsale.platform.persistence.TestPostgres;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Comparator;
import java.util.concurrent.atomic.AtomicReference;

/** The users role over an empty database, with a clock that the test sets. */
final class UsersFixture implements AutoCloseable {
  static final Instant START = Instant.parse("2026-11-24T10:00:00Z");

  /** Costs next to nothing, for tests of something else. */
  static final UsersSettings.Hashing CHEAP =
      new UsersSettings.Hashing(64, 1, 1, 2, 1_000, Duration.ofSeconds(30));

  private final AtomicReference<Instant> now = new AtomicReference<>(START);
  final InstantSource clock = now::get;
  final Database.Settings at = TestPostgres.settings("users");
  final Database database = Database.open(at);
  final Path keysDir;
  final Users users;

  UsersFixture() {
    this(settings(CHEAP));
  }

  UsersFixture(UsersSettings settings) {
    try {
      keysDir = Files.createTempDirectory("keys").resolve("keys");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    users = new Users(database, keysDir, clock, settings);
  }

  static UsersSettings settings(UsersSettings.Hashing hashing) {
    var defaults = UsersSettings.defaults();
    return new UsersSettings(
        defaults.accessTtl(),
        defaults.refreshTtl(),
        hashing,
        defaults.remembering(),
        defaults.opening(),
        defaults.purging());
  }

  /** The same settings with other hashing, and no memory of verified credentials. */
  static UsersSettings forgetful(UsersSettings.Hashing hashing) {
    var settings = settings(hashing);
    var remembering = settings.remembering();
    return new UsersSettings(
        settings.accessTtl(),
        settings.refreshTtl(),
        hashing,
        new UsersSettings.Remembering(
            0, remembering.credentialsTtl(), remembering.tokensMax(), remembering.revokedMax()),
        settings.opening(),
        settings.purging());
  }

  /** Another process of the role: the same database and folder, a memory of its own. */
  Users another(UsersSettings settings) {
    return new Users(database, keysDir, clock, settings);
  }

  Users another() {
    return another(settings(CHEAP));
  }

  void pass(Duration time) {
    now.updateAndGet(instant -> instant.plus(time));
  }

  /** One figure out of the database. */
  long count(String sql) {
    return database.with(
        connection -> {
          try (var statement = connection.createStatement();
              var row = statement.executeQuery(sql)) {
            row.next();
            return row.getLong(1);
          }
        });
  }

  String text(String sql) {
    return database.with(
        connection -> {
          try (var statement = connection.createStatement();
              var row = statement.executeQuery(sql)) {
            row.next();
            return row.getString(1);
          }
        });
  }

  @Override
  public void close() {
    users.close();
    database.close();
    try (var files = Files.walk(keysDir.getParent())) {
      for (var file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(file);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
