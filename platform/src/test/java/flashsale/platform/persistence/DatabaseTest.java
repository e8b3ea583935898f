package flashsale.platform.persistence;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;
import static org.awaitility.Awaitility.await;

import flashsale.platform.batching.Overloaded;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.flywaydb.core.api.FlywayException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

final class DatabaseTest {
  private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
  private final Database.Settings settings = TestPostgres.settings("platform");

  @AfterEach
  void stop() {
    threads.shutdownNow();
  }

  @Test
  void aTransactionIsKeptWhenTheWorkReturns() {
    try (var database = Database.open(settings)) {
      int answer = database.inTransaction(connection -> insert(connection, 1));
      assertThat(answer).isEqualTo(1);
      assertThat(notes(database)).containsExactly(1);
    }
  }

  @Test
  void aTransactionLeavesNothingWhenTheWorkThrows() {
    try (var database = Database.open(settings)) {
      for (Throwable failure :
          List.of(
              new IllegalStateException("no"), new SQLException("no"), new AssertionError("no"))) {
        assertThatThrownBy(
                () ->
                    database.inTransaction(
                        connection -> {
                          insert(connection, 1);
                          return sneakily(failure);
                        }))
            .hasMessageContaining("no");
        assertThat(notes(database)).isEmpty();
      }
    }
  }

  @Test
  void afterATransactionStatementsCommitByThemselvesAgain() {
    try (var database = Database.open(one(settings, 1, Duration.ofSeconds(5)))) {
      database.inTransaction(connection -> insert(connection, 1));
      database.with(connection -> insert(connection, 2));
      assertThatThrownBy(() -> database.with(connection -> insert(connection, 2)))
          .isInstanceOf(DatabaseFailure.class);
      assertThat(notes(database)).containsExactly(1, 2);
    }
  }

  @Test
  void aRefusedStatementTellsTheRoleAndTheSqlState() {
    try (var database = Database.open(settings)) {
      database.with(connection -> insert(connection, 1));
      assertThatThrownBy(() -> database.with(connection -> insert(connection, 1)))
          .isInstanceOfSatisfying(
              DatabaseFailure.class,
              e -> {
                assertThat(e).hasMessageContaining("platform: ").hasMessageContaining("note_pkey");
                assertThat(e.sqlState()).isEqualTo("23505");
                assertThat(e.brokeAConstraint()).isTrue();
              });
    }
  }

  @Test
  void anExhaustedPoolRefusesAtOnceWithItsNumbers() throws Exception {
    try (var database = Database.open(one(settings, 1, Duration.ofSeconds(20)))) {
      var release = new CountDownLatch(1);
      var holding = hold(database, release);
      await().until(() -> database.active() == 1);
      var waiting = hold(database, release);
      await().until(() -> database.waiting() == 1);

      long from = System.nanoTime();
      assertThatThrownBy(() -> database.with(connection -> 1))
          .isInstanceOf(Overloaded.class)
          .hasMessage("platform pool exhausted (active=1, waiting=1, timeout=20000ms)");
      assertThat(Duration.ofNanos(System.nanoTime() - from)).isLessThan(Duration.ofSeconds(5));

      release.countDown();
      holding.get();
      waiting.get();
      assertThat(database.active()).isZero();
      assertThat(database.waiting()).isZero();
    }
  }

  @Test
  void whoWaitsForAConnectionWaitsNoLongerThanAllowed() throws Exception {
    try (var database = Database.open(one(settings, 1, Duration.ofMillis(300)))) {
      var release = new CountDownLatch(1);
      var holding = hold(database, release);
      await().until(() -> database.active() == 1);
      assertThatThrownBy(() -> database.with(connection -> 1))
          .isInstanceOf(Overloaded.class)
          .hasMessageContaining("active=1, waiting=0, timeout=300ms");
      release.countDown();
      holding.get();
    }
  }

  @Test
  void aPoolThatNobodyMayWaitForStillServes() {
    try (var database = Database.open(one(settings, 0, Duration.ofMillis(300)))) {
      for (int i = 0; i < 10; i++) {
        assertThat(database.<Integer>with(connection -> 1)).isEqualTo(1);
      }
    }
  }

  @Test
  void whoWaitsLongestIsServedFirst() throws Exception {
    try (var database = Database.open(one(settings, 100, Duration.ofSeconds(20)))) {
      var release = new CountDownLatch(1);
      var all = new ArrayList<Future<?>>();
      all.add(hold(database, release));
      await().until(() -> database.active() == 1);
      var served = Collections.synchronizedList(new ArrayList<Integer>());
      for (int i = 0; i < 20; i++) {
        int number = i;
        all.add(threads.submit(() -> database.with(connection -> served.add(number))));
        await().until(() -> database.waiting() == number + 1);
      }
      release.countDown();
      for (var one : all) {
        one.get();
      }
      assertThat(served).hasSize(20).isSorted();
    }
  }

  @Test
  void aBrokenConnectionIsReplacedAndTheFirstFailureIsTheOneThatIsTold() {
    try (var database = Database.open(one(settings, 10, Duration.ofSeconds(20)))) {
      assertThatThrownBy(
              () ->
                  database.inTransaction(
                      connection -> {
                        insert(connection, 1);
                        return execute(connection, "SELECT pg_terminate_backend(pg_backend_pid())");
                      }))
          .isInstanceOfSatisfying(
              DatabaseFailure.class,
              e -> {
                assertThat(e.sqlState()).isEqualTo("57P01");
                assertThat(e.brokeAConstraint()).isFalse();
              });
      assertThat(notes(database)).isEmpty();
    }
  }

  @Test
  void whereNoConnectionIsToBeHadNobodyWaitsForOneUntilThereIs() throws Exception {
    try (var database = Database.open(one(settings, 10, Duration.ofMillis(300)));
        var owner = TestPostgres.connect(settings)) {
      execute(owner, "ALTER DATABASE " + owner.getCatalog() + " CONNECTION LIMIT 0");
      execute(
          owner,
          """
          SELECT pg_terminate_backend(pid) FROM pg_stat_activity
          WHERE datname = current_database() AND pid <> pg_backend_pid()
          """);
      await().until(() -> failure(database).filter(f -> f.contains("is left alone")).isPresent());
      assertThatThrownBy(() -> notes(database))
          .isInstanceOfSatisfying(
              DatabaseFailure.class, e -> assertThat(e.isUnreachable()).isTrue());

      execute(owner, "ALTER DATABASE " + owner.getCatalog() + " CONNECTION LIMIT -1");
      await()
          .ignoreExceptionsInstanceOf(DatabaseFailure.class)
          .until(() -> notes(database).isEmpty());
      assertThat(database.isLeftAlone()).isFalse();
    }
  }

  private static Optional<String> failure(Database database) {
    return Optional.ofNullable(catchThrowable(() -> notes(database))).map(Throwable::getMessage);
  }

  @Test
  void openingAgainFindsTheDataAndMigratesNothing() {
    try (var database = Database.open(settings)) {
      database.with(connection -> insert(connection, 7));
    }
    try (var database = Database.open(settings)) {
      assertThat(notes(database)).containsExactly(7);
    }
  }

  @Test
  void aRoleWithoutMigrationsIsAMistake() {
    var login = TestPostgres.settings("nowhere");
    assertThatThrownBy(() -> Database.open(login)).isInstanceOf(FlywayException.class);
  }

  @Test
  void settingsDoNotShowThePassword() {
    assertThat(settings.toString()).doesNotContain(settings.password()).contains(settings.url());
  }

  private Future<?> hold(Database database, CountDownLatch release) {
    return threads.submit(
        () ->
            database.with(
                connection -> {
                  try {
                    release.await();
                  } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                  }
                  return 0;
                }));
  }

  /** A pool of a single connection. */
  private static Database.Settings one(
      Database.Settings settings, int waitingMax, Duration waitMax) {
    return new Database.Settings(
        settings.name(),
        settings.url(),
        settings.user(),
        settings.password(),
        1,
        waitingMax,
        waitMax);
  }

  private static int insert(Connection connection, int id) throws SQLException {
    return execute(connection, "INSERT INTO note (id, text) VALUES (" + id + ", 'x')");
  }

  private static int execute(Connection connection, String sql) throws SQLException {
    try (var statement = connection.createStatement()) {
      return statement.execute(sql) ? 0 : statement.getUpdateCount();
    }
  }

  private static List<Integer> notes(Database database) {
    return database.with(
        connection -> {
          try (var statement = connection.createStatement();
              var rows = statement.executeQuery("SELECT id FROM note ORDER BY id")) {
            var ids = new ArrayList<Integer>();
            while (rows.next()) {
              ids.add(rows.getInt(1));
            }
            return ids;
          }
        });
  }

  @SuppressWarnings("unchecked")
  private static <T extends Throwable> int sneakily(Throwable failure) throws T {
    throw (T) failure;
  }
}
