package flashsale.platform.persistence;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestMethodOrder;

/** Reads at a real streaming replica. The order is that of ever worse things happening to it. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
final class ReadReplicaTest {
  private static final int THREADS = 32;

  private final AtomicInteger number = new AtomicInteger();
  private ReplicatedPostgres postgres;

  /** Two processes, as it were. */
  private Database one;

  private Database other;

  @BeforeAll
  void start() {
    postgres = new ReplicatedPostgres();
    postgres.create("platform");
    one = Database.open(postgres.settings("platform"));
    other = Database.open(postgres.settings("platform"));
    awaitInUse();
  }

  @AfterAll
  void stop() {
    one.close();
    other.close();
    postgres.close();
  }

  private static boolean inRecovery(Connection connection) throws SQLException {
    try (var statement = connection.prepareStatement("SELECT pg_is_in_recovery()");
        var row = statement.executeQuery()) {
      row.next();
      return row.getBoolean(1);
    }
  }

  private int write(Database database) {
    int id = number.incrementAndGet();
    database.with(
        connection -> {
          try (var statement =
              connection.prepareStatement("INSERT INTO note (id, text) VALUES (?, 'x')")) {
            statement.setInt(1, id);
            return statement.executeUpdate();
          }
        });
    return id;
  }

  private static boolean isThere(Database database, int id) {
    return database.read(
        connection -> {
          try (var statement = connection.prepareStatement("SELECT 1 FROM note WHERE id = ?")) {
            statement.setInt(1, id);
            try (var row = statement.executeQuery()) {
              return row.next();
            }
          }
        });
  }

  private void awaitInUse() {
    await()
        .atMost(Duration.ofSeconds(30))
        .until(
            () -> {
              write(one); // Replay always ends with a record.
              return one.read(ReadReplicaTest::inRecovery);
            });
  }

  @Test
  @Order(1)
  void readsAreTheReplicasAndOthersAreNot() {
    long before = one.replicaReads();
    awaitInUse();
    assertThat(one.replicaReads()).isGreaterThan(before);
    assertThat(one.replicaState()).contains("UP");
    assertThat(one.with(ReadReplicaTest::inRecovery)).isFalse();
  }

  /** What one process has written the other one reads, at once. */
  @Test
  @Order(2)
  void nobodyReadsAnythingOlderThanWhatWasCommitted() throws Exception {
    long before = one.replicaReads() + other.replicaReads();
    var writers = new ArrayList<Callable<Integer>>();
    for (int t = 0; t < THREADS; t++) {
      var writing = t % 2 == 0 ? one : other;
      var reading = t % 2 == 0 ? other : one;
      writers.add(
          () -> {
            int missed = 0;
            for (int i = 0; i < 50; i++) {
              missed += isThere(reading, write(writing)) ? 0 : 1;
            }
            return missed;
          });
    }
    try (var threads = Executors.newVirtualThreadPerTaskExecutor()) {
      for (var writer : threads.invokeAll(writers)) {
        assertThat(writer.get()).isZero();
      }
    }
    assertThat(one.replicaReads() + other.replicaReads()).isGreaterThan(before);
  }

  @Test
  @Order(3)
  void aReplicaThatIsBehindIsNotRead() {
    postgres.pauseReplay();
    try {
      int id = write(one);
      long from = System.nanoTime();
      assertThat(isThere(other, id)).isTrue();
      assertThat(Duration.ofNanos(System.nanoTime() - from)).isLessThan(Duration.ofSeconds(1));
      assertThat(other.replicaState()).contains("BEHIND");
      assertThat(other.replicaPassed()).isPositive();
    } finally {
      postgres.resumeReplay();
    }
    awaitInUse();
  }

  @Test
  @Order(4)
  void aReplicaThatHangsCostsLittleAndThenNothing() {
    postgres.hang(true);
    try {
      long from = System.nanoTime();
      for (int i = 0; i < 20; i++) {
        assertThat(isThere(other, write(one))).isTrue();
      }
      assertThat(Duration.ofNanos(System.nanoTime() - from)).isLessThan(Duration.ofSeconds(4));
      assertThat(other.replicaState()).contains("DOWN");
    } finally {
      postgres.hang(false);
    }
    awaitInUse();
  }

  @Test
  @Order(5)
  void aReplicaThatIsGoneIsDoneWithoutAndUsedAgainWhenItIsBack() {
    postgres.killReplica();
    for (int i = 0; i < 20; i++) {
      assertThat(isThere(other, write(one))).isTrue();
    }
    postgres.startReplica();
    awaitInUse();
  }

  @Test
  @Order(6)
  void aReplicaThatWasPromotedIsNoReplica() {
    postgres.promote();
    for (int i = 0; i < 20; i++) {
      assertThat(isThere(other, write(one))).isTrue();
      assertThat(one.read(ReadReplicaTest::isPrimary)).isTrue();
    }
    assertThat(one.replicaState()).contains("DOWN");
  }

  /** The promoted one has another timeline. */
  private static boolean isPrimary(Connection connection) throws SQLException {
    try (var statement =
            connection.prepareStatement("SELECT timeline_id FROM pg_control_checkpoint()");
        var row = statement.executeQuery()) {
      row.next();
      return row.getInt(1) == 1;
    }
  }
}
