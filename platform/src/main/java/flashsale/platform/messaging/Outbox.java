package flashsale.platform.messaging;

import flashsale.platform.batching.Overloaded;
import flashsale.platform.persistence.Columns;
import flashsale.platform.persistence.Database;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Timestamp;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Messages that must not be lost: appended in the transaction of the step that made them, taken by
 * a {@link Relay} once they are due, deleted when they have been driven to their end. At least
 * once: whoever takes one holds it for a lease only. In order: while a message is under way or
 * waits to be tried again, later ones with its key stay where they are. Needs the table of {@link
 * #TABLE} in the role's first migration, those of {@link DeadLetters#TABLE}, and then {@link
 * #LAG_INDEX}. Thread-safe.
 */
public final class Outbox {
  /** The table, for migrations to be compared with. */
  public static final String TABLE =
      """
      CREATE TABLE outbox (
        id       uuid PRIMARY KEY,
        seq      bigint GENERATED ALWAYS AS IDENTITY,
        key      uuid NOT NULL,
        envelope text NOT NULL,
        due_at   timestamptz NOT NULL,
        attempts integer NOT NULL DEFAULT 0
      );
      CREATE INDEX outbox_due ON outbox (due_at, seq);
      CREATE INDEX outbox_key ON outbox (key, seq);
      """;

  /** By which {@link #lag} finds what was tried and is still there. */
  public static final String LAG_INDEX =
      """
      CREATE INDEX outbox_tried ON outbox (first_taken_at) WHERE first_taken_at IS NOT NULL;
      """;

  /** More are not counted, because whoever looks at the metrics must not wait for a long count. */
  public static final int COUNTED_MAX = 100_000;

  /** How often {@link #requireRoom} counts at most, and how little of the time that takes. */
  private static final Duration COUNT_EVERY = Duration.ofSeconds(1);

  private static final int COUNT_PAUSE_FACTOR = 20;

  static final String COUNT = "SELECT count(*) FROM (SELECT FROM outbox LIMIT ?) AS counted";

  /** The ends of two indexes. */
  static final String OLDEST =
      """
      SELECT least(
        (SELECT due_at FROM outbox WHERE due_at <= ? ORDER BY due_at, seq LIMIT 1),
        (SELECT first_taken_at FROM outbox WHERE first_taken_at IS NOT NULL
         ORDER BY first_taken_at LIMIT 1))
      """;

  /** A message to append. */
  public record Entry(UUID id, UUID key, String envelope, Instant dueAt) {
    public Entry(Envelopes.Sealed sealed, Instant dueAt) {
      this(sealed.id(), sealed.key(), sealed.envelope(), dueAt);
    }

    private Taken taken() {
      return new Taken(id, key, envelope, 1, dueAt);
    }
  }

  /**
   * A message that was taken. {@code attempts} counts this one; {@code firstTakenAt} is the first.
   */
  public record Taken(UUID id, UUID key, String envelope, int attempts, Instant firstTakenAt) {}

  /** Who drives messages on. */
  interface Driver {
    /** There may be something due. */
    void wake();

    /**
     * Whether it would take so many at once, ahead of nothing that waits in the table; and for how
     * long they are held for it then.
     */
    Optional<Duration> wouldTake(int messages);

    /** Takes messages that are held for it. */
    void take(List<Taken> messages);
  }

  private final Database database;
  private final int waitingMax;
  private volatile Driver driver;
  private volatile boolean full;
  private final AtomicLong countAgainNanoTime = new AtomicLong(System.nanoTime());

  /** Of any length. */
  public Outbox(Database database) {
    this(database, Integer.MAX_VALUE);
  }

  /**
   * @param waitingMax messages after which {@link #requireRoom} refuses
   */
  public Outbox(Database database, int waitingMax) {
    this.database = database;
    this.waitingMax = waitingMax;
  }

  /** Who is told after a commit that there may be something due. */
  void drivenBy(Driver relay) {
    driver = relay;
  }

  /** Tells the relay; to be called after the transaction that appended. */
  public void committed() {
    var told = driver;
    if (told != null) {
      told.wake();
    }
  }

  /**
   * For what may still be refused, because it is not accepted yet. Messages are counted about once
   * a second, so there may be somewhat more.
   *
   * @throws Overloaded if as many wait as may
   */
  public void requireRoom() {
    long now = System.nanoTime();
    long again = countAgainNanoTime.get();
    if (now - again >= 0 && countAgainNanoTime.compareAndSet(again, now + COUNT_EVERY.toNanos())) {
      full = size(waitingMax) >= waitingMax;
      long took = System.nanoTime() - now;
      countAgainNanoTime.set(now + Math.max(COUNT_EVERY.toNanos(), took * COUNT_PAUSE_FACTOR));
    }
    if (full) {
      throw new Overloaded(
          "%s: %d accepted requests wait to be done".formatted(database.name(), waitingMax));
    }
  }

  /** Adds entries within the caller's transaction; one whose id is there already is left alone. */
  public void append(Connection connection, List<Entry> entries) throws SQLException {
    if (!entries.isEmpty()) {
      insert(connection, entries, null);
    }
  }

  /**
   * Adds due entries, each new and the first of its key, within the caller's transaction. If the
   * relay has nothing older to do they are taken in the same statement, and handed to it from
   * memory: that spares to find, to lock and to change each row once more. Should this process end
   * before, they are due again after the lease.
   *
   * @return to be run after the commit, in the place of {@link #committed}
   */
  public Runnable appendFirst(Connection connection, List<Entry> entries) throws SQLException {
    if (entries.isEmpty()) {
      return () -> {};
    }
    var relay = driver;
    var lease = relay == null ? Optional.<Duration>empty() : relay.wouldTake(entries.size());
    insert(connection, entries, lease.orElse(null));
    return lease.isEmpty()
        ? this::committed
        : () -> relay.take(entries.stream().map(Entry::taken).toList());
  }

  /** Adds rows, taken for the lease unless that is null. */
  private static void insert(Connection connection, List<Entry> entries, Duration lease)
      throws SQLException {
    try (var statement =
        connection.prepareStatement(
            """
            INSERT INTO outbox (id, key, envelope, due_at, first_taken_at, attempts)
            SELECT unnest(?::uuid[]), unnest(?::uuid[]), unnest(?::text[]),
                   unnest(?::timestamptz[]), unnest(?::timestamptz[]), ?
            ON CONFLICT (id) DO NOTHING
            """)) {
      var columns =
          new Columns<>(statement, 1, entries)
              .uuids(Entry::id)
              .uuids(Entry::key)
              .texts(Entry::envelope)
              .times(entry -> lease == null ? entry.dueAt() : entry.dueAt().plus(lease))
              .times(entry -> lease == null ? null : entry.dueAt());
      statement.setInt(columns.next(), lease == null ? 0 : 1);
      statement.executeUpdate();
    }
  }

  /** The same in a transaction of its own, and tells the relay. */
  public void append(List<Entry> entries) {
    database.inTransaction(
        connection -> {
          append(connection, entries);
          return null;
        });
    committed();
  }

  /**
   * Takes what is due, oldest first, one message of each key, and holds it for the lease against
   * other instances. An earlier message with the same key that is due too, or that has been taken
   * already, goes first; one that waits for its first time does not hold up the others. Because
   * every instance sees such an earlier message until it is done, the order holds between instances
   * too.
   */
  public List<Taken> take(Instant now, Duration lease, int max) {
    return database.with(
        connection -> {
          try (var statement =
              connection.prepareStatement(
                  """
                  WITH taken AS (
                    UPDATE outbox SET due_at = ?, attempts = attempts + 1,
                                      first_taken_at = coalesce(first_taken_at, ?)
                    WHERE id = ANY (ARRAY(
                      SELECT id FROM outbox o
                      WHERE due_at <= ?
                        AND NOT EXISTS (SELECT 1 FROM outbox earlier
                                        WHERE earlier.key = o.key AND earlier.seq < o.seq
                                          AND (earlier.attempts > 0 OR earlier.due_at <= ?))
                      ORDER BY due_at, seq LIMIT ? FOR UPDATE SKIP LOCKED))
                    RETURNING id, seq, key, envelope, attempts, first_taken_at)
                  SELECT id, key, envelope, attempts, first_taken_at FROM taken ORDER BY seq
                  """)) {
            statement.setTimestamp(1, Timestamp.from(now.plus(lease)));
            statement.setTimestamp(2, Timestamp.from(now));
            statement.setTimestamp(3, Timestamp.from(now));
            statement.setTimestamp(4, Timestamp.from(now));
            statement.setInt(5, max);
            var taken = new ArrayList<Taken>();
            try (var rows = statement.executeQuery()) {
              while (rows.next()) {
                taken.add(
                    new Taken(
                        rows.getObject(1, UUID.class),
                        rows.getObject(2, UUID.class),
                        rows.getString(3),
                        rows.getInt(4),
                        rows.getTimestamp(5).toInstant()));
              }
            }
            return taken;
          }
        });
  }

  /** Forgets what has reached its end. */
  public void done(Collection<UUID> ids) {
    if (ids.isEmpty()) {
      return;
    }
    database.with(
        connection -> {
          try (var statement =
              connection.prepareStatement("DELETE FROM outbox WHERE id = ANY (?)")) {
            statement.setArray(1, array(connection, "uuid", ids.toArray()));
            return statement.executeUpdate();
          }
        });
  }

  /** Puts one back until later. */
  public void retryAt(UUID id, Instant dueAt) {
    database.with(
        connection -> {
          try (var statement =
              connection.prepareStatement("UPDATE outbox SET due_at = ? WHERE id = ?")) {
            statement.setTimestamp(1, Timestamp.from(dueAt));
            statement.setObject(2, id);
            return statement.executeUpdate();
          }
        });
  }

  /**
   * Nothing waits beyond this instant. The times were told by a process that may have had a clock
   * ahead of this one's.
   */
  public void dueBy(Instant latest) {
    database.with(
        connection -> {
          try (var statement =
              connection.prepareStatement("UPDATE outbox SET due_at = ? WHERE due_at > ?")) {
            statement.setObject(1, latest.atOffset(ZoneOffset.UTC));
            statement.setObject(2, latest.atOffset(ZoneOffset.UTC));
            return statement.executeUpdate();
          }
        });
  }

  /** How many messages wait, due or not; {@link #COUNTED_MAX} also for more. */
  public long size() {
    return size(COUNTED_MAX);
  }

  private long size(int countedMax) {
    return database.with(
        connection -> {
          try (var statement = connection.prepareStatement(COUNT)) {
            statement.setInt(1, countedMax);
            try (var rows = statement.executeQuery()) {
              rows.next();
              return rows.getLong(1);
            }
          }
        });
  }

  /**
   * How long the oldest message has been waiting that is due, or that was tried and has not reached
   * its end; from its first attempt on if there was one. Zero if there is none.
   */
  public Duration lag(Instant now) {
    return database.with(
        connection -> {
          try (var statement = connection.prepareStatement(OLDEST)) {
            statement.setTimestamp(1, Timestamp.from(now));
            try (var rows = statement.executeQuery()) {
              rows.next();
              var oldest = rows.getTimestamp(1);
              var lag = oldest == null ? Duration.ZERO : Duration.between(oldest.toInstant(), now);
              return lag.isNegative() ? Duration.ZERO : lag;
            }
          }
        });
  }

  private static java.sql.Array array(Connection connection, String type, Object[] values)
      throws SQLException {
    return connection.createArrayOf(type, values);
  }
}
