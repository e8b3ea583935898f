package flashsale.platform.persistence;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import flashsale.platform.batching.Coalescer;
import flashsale.platform.batching.Late;
import flashsale.platform.batching.Overloaded;
import flashsale.platform.persistence.Database.Work;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A streaming replica of a database, for reads that must not be older than anything that was
 * committed when they began: whoever has just written, in whatever process, reads what they wrote.
 * Each read asks the primary how far its log goes, and the replica whether it has replayed as much;
 * reads that come at the same time share both questions. This is the read index of Ongaro's
 * dissertation on Raft (2014, 6.4), with PostgreSQL's log position in the place of the commit
 * index. A read for which the replica is too late, or not there, is the primary's. Thread-safe.
 */
final class ReadReplica implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(ReadReplica.class);

  /** How long a read waits for the replica to catch up. */
  private static final Duration BEHIND_MAX = Duration.ofMillis(20);

  private static final Duration LOOK_EVERY = Duration.ofMillis(2);

  /** How long it waits for both questions in any case. */
  private static final Duration WAIT_MAX = Duration.ofMillis(100);

  /** After a failure nobody asks for so long. */
  private static final Duration AVOIDED = Duration.ofSeconds(1);

  private static final int QUESTIONS_MAX = 256;
  private static final int WAITING_MAX = 4_096;

  /** Of a replica that was made a primary the second is null. */
  private static final String REPLAYED =
      "SELECT pg_last_wal_replay_lsn() - '0/0', pg_is_in_recovery()";

  private static final String WRITTEN = "SELECT pg_current_wal_insert_lsn() - '0/0'";
  private static final String IDENTITY = "SELECT system_identifier FROM pg_control_system()";

  private final String name;
  private final LongSupplier primaryIdentity;
  private final HikariDataSource pool;
  private final Coalescer<Object, Long> written;
  private final Coalescer<Long, Boolean> replayed;
  private final AtomicLong reads = new AtomicLong();
  private final AtomicLong passed = new AtomicLong();
  private final AtomicLong avoidedUntil = new AtomicLong(System.nanoTime());
  private volatile boolean known;
  private volatile String state = "DOWN";

  /**
   * Connects to nobody yet.
   *
   * @param primary runs work on the primary
   */
  ReadReplica(Database.Settings settings, Primary primary) {
    this.name = settings.name();
    this.primaryIdentity = () -> primary.run(connection -> number(connection, IDENTITY));
    this.pool = new HikariDataSource(config(settings));
    this.written =
        new Coalescer<>(
            "read-index-" + name,
            QUESTIONS_MAX,
            WAITING_MAX,
            asked ->
                Collections.nCopies(
                    asked.size(), primary.run(connection -> number(connection, WRITTEN))),
            (size, nanos, failed) -> {});
    this.replayed =
        new Coalescer<>(
            "replayed-" + name,
            QUESTIONS_MAX,
            WAITING_MAX,
            this::awaitReplayed,
            (size, nanos, failed) -> {});
  }

  /** The database itself. */
  @FunctionalInterface
  interface Primary {
    <T> T run(Work<T> work);
  }

  private static HikariConfig config(Database.Settings settings) {
    var config = new HikariConfig();
    config.setPoolName(settings.name() + "-replica");
    config.setJdbcUrl(settings.readUrl());
    config.setUsername(settings.user());
    config.setPassword(settings.password());
    config.setMaximumPoolSize(settings.poolMax());
    config.setMinimumIdle(0);
    config.setConnectionTimeout(250);
    config.setInitializationFailTimeout(-1);
    config.setReadOnly(true);
    config.addDataSourceProperty("socketTimeout", "1");
    config.addDataSourceProperty("connectTimeout", "1");
    config.addDataSourceProperty("prepareThreshold", "1");
    config.addDataSourceProperty("binaryTransferEnable", Database.BINARY);
    config.addDataSourceProperty("ApplicationName", "flashsale-" + settings.name() + "-reads");
    return config;
  }

  private static long number(Connection connection, String sql) throws SQLException {
    try (var statement = connection.prepareStatement(sql);
        var row = statement.executeQuery()) {
      row.next();
      return row.getLong(1);
    }
  }

  /** Runs work that only reads, here or on the primary. */
  <T> T read(Work<T> work, Primary primary) {
    if (System.nanoTime() - avoidedUntil.get() >= 0 && isFresh()) {
      try (var connection = pool.getConnection()) {
        T result = work.on(connection);
        reads.incrementAndGet();
        return result;
      } catch (SQLException e) {
        avoid("DOWN", e.getMessage());
      }
    }
    passed.incrementAndGet();
    return primary.run(work);
  }

  /** Whether it has all that was committed before this was called. */
  private boolean isFresh() {
    try {
      long target = written.submit(this, WAIT_MAX);
      return replayed.submit(target, WAIT_MAX);
    } catch (Late | Overloaded e) {
      avoid("DOWN", e.getMessage());
      return false;
    }
  }

  private List<Boolean> awaitReplayed(List<Long> targets) {
    long latest = Collections.max(targets);
    long deadline = System.nanoTime() + BEHIND_MAX.toNanos();
    long position = position();
    while (position >= 0 && position < latest && System.nanoTime() < deadline) {
      LockSupport.parkNanos(LOOK_EVERY.toNanos());
      position = position();
    }
    var there = new ArrayList<Boolean>(targets.size());
    for (long target : targets) {
      there.add(position >= target);
    }
    if (position >= 0) {
      state = position >= latest ? "UP" : "BEHIND";
    }
    return there;
  }

  /** How far it has replayed; negative if it cannot be asked, or is not this primary's replica. */
  private long position() {
    try (var connection = pool.getConnection();
        var statement = connection.prepareStatement(REPLAYED)) {
      if (!known && number(connection, IDENTITY) != primaryIdentity.getAsLong()) {
        avoid("DOWN", "it is no replica of this database");
        return -1;
      }
      known = true;
      try (var row = statement.executeQuery()) {
        row.next();
        if (!row.getBoolean(2)) {
          known = false;
          avoid("DOWN", "it takes writes itself");
          return -1;
        }
        return row.getLong(1);
      }
    } catch (SQLException e) {
      known = false;
      avoid("DOWN", e.getMessage());
      return -1;
    }
  }

  private void avoid(String newState, String why) {
    if (!state.equals(newState)) {
      LOG.warn("the replica of {} is not read for a while: {}", name, why);
    }
    state = newState;
    avoidedUntil.set(System.nanoTime() + AVOIDED.toNanos());
  }

  /** {@code UP}, {@code BEHIND}, or {@code DOWN}; as it was when somebody last read. */
  String state() {
    return state;
  }

  /** Reads that it has answered. */
  long reads() {
    return reads.get();
  }

  /** Reads that were the primary's all the same. */
  long passed() {
    return passed.get();
  }

  @Override
  public void close() {
    written.close();
    replayed.close();
    pool.close();
  }
}
