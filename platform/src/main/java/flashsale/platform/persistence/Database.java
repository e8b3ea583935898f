package flashsale.platform.persistence;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import flashsale.platform.batching.Overloaded;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.flywaydb.core.Flyway;

/**
 * One role's own PostgreSQL database behind a bounded pool. The pool's waiters are bounded too:
 * with hundreds of virtual threads waiting inside HikariCP some of them starve for seconds, so a
 * fair semaphore stands before it. While the server gives no connections at all, nobody waits for
 * one. Thread-safe.
 */
public final class Database implements AutoCloseable {
  /**
   * Where and how.
   *
   * @param name the role, for messages and metrics; also where its migrations lie: {@code
   *     db/migration/NAME} on the class path
   * @param url JDBC address
   * @param poolMax connections at most
   * @param waitingMax threads that may wait for one at most
   * @param waitMax how long they wait at most
   * @param flush when a commit is on the disk
   * @param readUrl JDBC address of a streaming replica, with the same logins; empty: none
   */
  public record Settings(
      String name,
      String url,
      String user,
      String password,
      int poolMax,
      int waitingMax,
      Duration waitMax,
      Flush flush,
      String readUrl) {

    /** Without a replica, flushed at each commit. */
    public Settings(
        String name,
        String url,
        String user,
        String password,
        int poolMax,
        int waitingMax,
        Duration waitMax) {
      this(name, url, user, password, poolMax, waitingMax, waitMax, Flush.AT_COMMIT, "");
    }

    @Override
    public String toString() {
      return "database " + name + " at " + url;
    }
  }

  /** When what was committed is on the disk, so that it outlives the machine. */
  public enum Flush {
    /** Before the commit returns. */
    AT_COMMIT,

    /**
     * With the next commit at {@link #AT_COMMIT} in any database of the same PostgreSQL: they share
     * one log, which is written in order. For work that nobody is told of before such a commit.
     */
    LATER
  }

  /** Work on a connection that answers with something. */
  @FunctionalInterface
  public interface Work<T> {
    T on(Connection connection) throws SQLException;
  }

  /** A server that is just starting is waited for, this many seconds. */
  private static final int CONNECT_RETRIES = 10;

  /**
   * Makes every statement find its rows by index, always: a plan that was made while a table was
   * nearly empty would scan it, and would still be in use when it has a million rows. One generic
   * plan also spares planning in every transaction, which would take longer than the statements
   * themselves.
   */
  private static final String BY_INDEX =
      "SET enable_seqscan = off; SET plan_cache_mode = force_generic_plan";

  /** What {@link Columns} binds as bytes; without this the driver would send something else. */
  static final String BINARY = "UUID_ARRAY,TIMESTAMPTZ_ARRAY,BOOL_ARRAY";

  private static final String FLUSH_LATER = "; SET synchronous_commit = off";

  private final Settings settings;
  private final HikariDataSource pool;
  private final ConnectionBreaker connections;
  private final Semaphore permits;
  private final AtomicInteger waiting = new AtomicInteger();

  /** Null where there is none. */
  private final ReadReplica replica;

  private Database(Settings settings) {
    this.settings = settings;
    this.permits = new Semaphore(settings.poolMax(), true);
    var config = new HikariConfig();
    config.setPoolName(settings.name());
    config.setJdbcUrl(settings.url());
    config.setUsername(settings.user());
    config.setPassword(settings.password());
    config.setMaximumPoolSize(settings.poolMax());
    config.setMinimumIdle(1);
    config.setConnectionTimeout(Math.max(250, settings.waitMax().toMillis()));
    config.setInitializationFailTimeout(Duration.ofSeconds(10).toMillis());
    config.setAutoCommit(true);
    config.setConnectionInitSql(
        settings.flush() == Flush.LATER ? BY_INDEX + FLUSH_LATER : BY_INDEX);
    // A statement that hangs must not hold a role's writer for ever.
    config.addDataSourceProperty("socketTimeout", "60");
    config.addDataSourceProperty("tcpKeepAlive", "true");
    config.addDataSourceProperty("prepareThreshold", "1");
    config.addDataSourceProperty("binaryTransferEnable", BINARY);
    config.addDataSourceProperty("ApplicationName", "flashsale-" + settings.name());
    this.pool = new HikariDataSource(config);
    this.connections = new ConnectionBreaker(settings.name(), pool);
    this.replica = settings.readUrl().isEmpty() ? null : new ReadReplica(settings, this::with);
  }

  /** Brings the schema up to date, connects, and is ready. */
  public static Database open(Settings settings) {
    migrate(settings);
    return new Database(settings);
  }

  /**
   * Brings the schema up to date. On connections of its own: it needs more than one at a time, and
   * a pool may have just one.
   *
   * @return what was applied, in order, such as {@code V1 orders}; empty if nothing was to do
   */
  public static List<String> migrate(Settings settings) {
    return Flyway.configure()
        .dataSource(settings.url(), settings.user(), settings.password())
        .connectRetries(CONNECT_RETRIES)
        .connectRetriesInterval(1)
        .locations("classpath:db/migration/" + settings.name())
        .failOnMissingLocations(true)
        .load()
        .migrate()
        .migrations
        .stream()
        .map(m -> "V" + m.version + " " + m.description)
        .toList();
  }

  public String name() {
    return settings.name();
  }

  /** Runs statements that each commit by themselves. */
  public <T> T with(Work<T> work) {
    return borrow(work);
  }

  /**
   * Runs statements that only read, and see all that was committed anywhere before this was called:
   * on the replica where there is one that is up to date, else like {@link #with}. The work may be
   * run a second time, if the replica fails in the middle.
   */
  public <T> T read(Work<T> work) {
    return replica == null ? borrow(work) : replica.read(work, this::with);
  }

  /** How the replica is: UP, BEHIND, DOWN; empty where there is none. */
  public Optional<String> replicaState() {
    return Optional.ofNullable(replica).map(ReadReplica::state);
  }

  /** Reads that the replica has answered. */
  public long replicaReads() {
    return replica == null ? 0 : replica.reads();
  }

  /** Reads for which it was too late or not there. */
  public long replicaPassed() {
    return replica == null ? 0 : replica.passed();
  }

  /** Runs the work in one transaction: commits when it returns, rolls back when it throws. */
  public <T> T inTransaction(Work<T> work) {
    return borrow(
        connection -> {
          connection.setAutoCommit(false);
          try {
            T result = work.on(connection);
            connection.commit();
            return result;
          } catch (SQLException | RuntimeException | Error e) {
            rollback(connection, e);
            throw e;
          } // The pool puts auto-commit back; doing it here could hide what went wrong.
        });
  }

  private static void rollback(Connection connection, Throwable cause) {
    try {
      connection.rollback();
    } catch (SQLException e) {
      cause.addSuppressed(e);
    }
  }

  private <T> T borrow(Work<T> work) {
    acquire();
    try (var connection = connections.connect()) {
      return work.on(connection);
    } catch (SQLException e) {
      throw new DatabaseFailure(settings.name() + ": " + e.getMessage(), e);
    } finally {
      permits.release();
    }
  }

  private void acquire() {
    if (connections.isOpen()) {
      throw connections.refusal();
    }
    try {
      // Not tryAcquire(): that one overtakes those who wait.
      if (permits.tryAcquire(0, TimeUnit.MILLISECONDS)) {
        return;
      }
      boolean permitted = false;
      int before = waiting.getAndIncrement();
      try {
        permitted =
            before < settings.waitingMax()
                && permits.tryAcquire(settings.waitMax().toMillis(), TimeUnit.MILLISECONDS);
      } finally {
        waiting.decrementAndGet();
      }
      if (!permitted) {
        throw exhausted();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw exhausted();
    }
  }

  private Overloaded exhausted() {
    return new Overloaded(
        "%s pool exhausted (active=%d, waiting=%d, timeout=%dms)"
            .formatted(settings.name(), active(), waiting(), settings.waitMax().toMillis()));
  }

  /** Connections in use now. */
  public int active() {
    return settings.poolMax() - permits.availablePermits();
  }

  /** Threads waiting for a connection now. */
  public int waiting() {
    return waiting.get();
  }

  /** From when nobody waits for a connection any more until there is one again. */
  public boolean isLeftAlone() {
    return connections.isDown();
  }

  @Override
  public void close() {
    if (replica != null) {
      replica.close();
    }
    pool.close();
  }
}
