package flashsale.payments;

import flashsale.payments.PaymentGateway.Outcome.Cancelled;
import flashsale.payments.PaymentGateway.Outcome.Captured;
import flashsale.payments.PaymentGateway.Outcome.Declined;
import flashsale.platform.ids.Ids;
import flashsale.platform.persistence.Database;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.time.InstantSource;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BiConsumer;

/**
 * A payment gateway to try things with: {@link SandboxCard} lists its cards. It stands for an
 * outside system, so it keeps its book in a database of its own, and a crash of the shop does not
 * make it forget a charge. Thread-safe.
 */
public final class SandboxGateway implements PaymentGateway {
  private static final UUID BEFORE_ALL = new UUID(0, 0);
  private static final String INSUFFICIENT_FUNDS = "insufficient_funds";

  /**
   * How it behaves.
   *
   * @param latency of every call
   * @param slowness more of it for {@code tok_slow}; to be less than the shop's patience
   * @param silence how long a call that is never answered is kept waiting before it breaks off; to
   *     be more than the shop's patience
   * @param failureRate share of charges, 0 to 1, that break off at once, half of them after
   *     charging
   */
  public record Settings(
      Duration latency, Duration slowness, Duration silence, double failureRate) {
    /** A gateway in good health, for a shop that waits two seconds. */
    public static Settings defaults() {
      return new Settings(Duration.ofMillis(20), Duration.ofSeconds(1), Duration.ofSeconds(3), 0);
    }
  }

  /** What was taken for one order under all keys; more than one charge is a double charge. */
  public record Statement(int charges, long chargedMinor, long refundedMinor) {}

  private final Database database;
  private final InstantSource clock;
  private final Settings settings;
  private volatile BiConsumer<UUID, Outcome> listener = (key, outcome) -> {};

  /**
   * Over its own book.
   *
   * @param database opened with the name {@code gateway}
   */
  public SandboxGateway(Database database, InstantSource clock, Settings settings) {
    this.database = database;
    this.clock = clock;
    this.settings = settings;
  }

  @Override
  public boolean knows(String method) {
    return SandboxCard.of(method).isPresent();
  }

  @Override
  public void onAnswer(BiConsumer<UUID, Outcome> told) {
    listener = told;
  }

  @Override
  public Outcome charge(Charge charge) {
    pause(settings.latency());
    var known = find(charge.key());
    if (known.isPresent()) {
      return known.get(); // Nothing is played twice under one key.
    }
    boolean breaksOff = ThreadLocalRandom.current().nextDouble() < settings.failureRate();
    if (breaksOff && ThreadLocalRandom.current().nextBoolean()) {
      throw new NoAnswer("the connection broke off before the charge");
    }
    var outcome = play(charge, SandboxCard.of(charge.method()).orElseThrow());
    if (breaksOff) {
      throw new NoAnswer("the connection broke off after the charge");
    }
    return outcome;
  }

  private Outcome play(Charge charge, SandboxCard card) {
    return switch (card) {
      case OK -> capture(charge);
      case DECLINED -> decline(charge);
      case TIMEOUT_BEFORE_CHARGE -> throw silent();
      case TIMEOUT_AFTER_CHARGE -> {
        capture(charge);
        throw silent();
      }
      case SLOW -> {
        pause(settings.slowness());
        yield capture(charge);
      }
      case TWICE -> {
        var outcome = capture(charge);
        Thread.startVirtualThread(() -> listener.accept(charge.key(), outcome));
        yield outcome;
      }
    };
  }

  private NoAnswer silent() {
    pause(settings.silence());
    return new NoAnswer("the gateway is silent");
  }

  private static void pause(Duration time) {
    long until = System.nanoTime() + time.toNanos();
    for (long left = time.toNanos(); left > 0; left = until - System.nanoTime()) {
      LockSupport.parkNanos(left);
      if (Thread.currentThread().isInterrupted()) {
        throw new NoAnswer("the caller hung up");
      }
    }
  }

  private Outcome capture(Charge charge) {
    return write(charge.key(), charge, new Captured("sbx_" + Ids.next()));
  }

  private Outcome decline(Charge charge) {
    return write(charge.key(), charge, new Declined(INSUFFICIENT_FUNDS));
  }

  @Override
  public Outcome cancel(UUID key) {
    pause(settings.latency());
    return write(key, null, new Cancelled());
  }

  /**
   * Writes the first outcome of a key, or finds it: one statement, so that only one can be first.
   */
  private Outcome write(UUID key, Charge charge, Outcome outcome) {
    return database.with(
        connection -> {
          try (var statement =
              connection.prepareStatement(
                  """
                  INSERT INTO charge (key, order_id, amount_minor, currency, outcome, reference,
                                      reason, answered_at)
                  VALUES (?, ?, ?, ?, ?, ?, ?, ?)
                  ON CONFLICT (key) DO UPDATE SET key = charge.key
                  RETURNING outcome, reference, reason
                  """)) {
            statement.setObject(1, key);
            statement.setObject(2, charge == null ? null : charge.orderId());
            statement.setObject(3, charge == null ? null : charge.amountMinor());
            statement.setString(4, charge == null ? null : charge.currency());
            statement.setString(5, name(outcome));
            statement.setString(6, outcome instanceof Captured c ? c.reference() : null);
            statement.setString(7, outcome instanceof Declined d ? d.reason() : null);
            statement.setObject(8, clock.instant().atOffset(ZoneOffset.UTC));
            return first(statement).orElseThrow();
          }
        });
  }

  @Override
  public Optional<Outcome> lookup(UUID key) {
    pause(settings.latency());
    return find(key);
  }

  private Optional<Outcome> find(UUID key) {
    return database.with(
        connection -> {
          try (var statement =
              connection.prepareStatement(
                  "SELECT outcome, reference, reason FROM charge WHERE key = ?")) {
            statement.setObject(1, key);
            return first(statement);
          }
        });
  }

  @Override
  public String refund(UUID key) {
    pause(settings.latency());
    return database.with(
        connection -> {
          try (var statement =
              connection.prepareStatement(
                  """
                  UPDATE charge SET refund_reference = coalesce(refund_reference, ?),
                                    refunded_at = coalesce(refunded_at, ?)
                  WHERE key = ? AND outcome = 'CAPTURED'
                  RETURNING refund_reference
                  """)) {
            statement.setString(1, "sbr_" + Ids.next());
            statement.setObject(2, clock.instant().atOffset(ZoneOffset.UTC));
            statement.setObject(3, key);
            try (var rows = statement.executeQuery()) {
              if (!rows.next()) {
                throw new IllegalStateException("nothing was captured under " + key);
              }
              return rows.getString(1);
            }
          }
        });
  }

  @Override
  public List<Entry> charges(Optional<UUID> after, int max) {
    pause(settings.latency());
    return database.with(
        connection -> {
          try (var statement =
              connection.prepareStatement(
                  """
                  SELECT key, order_id, amount_minor, refunded_at IS NOT NULL FROM charge
                  WHERE key > ? AND outcome = 'CAPTURED' ORDER BY key LIMIT ?
                  """)) {
            statement.setObject(1, after.orElse(BEFORE_ALL));
            statement.setInt(2, max);
            return entries(statement);
          }
        });
  }

  private static List<Entry> entries(PreparedStatement statement) throws SQLException {
    try (var rows = statement.executeQuery()) {
      var entries = new ArrayList<Entry>();
      while (rows.next()) {
        entries.add(
            new Entry(
                rows.getObject(1, UUID.class),
                rows.getObject(2, UUID.class),
                rows.getLong(3),
                rows.getBoolean(4)));
      }
      return entries;
    }
  }

  /** What was taken for this order, under whatever keys. */
  public Statement statement(UUID orderId) {
    return database.with(
        connection -> {
          try (var statement =
              connection.prepareStatement(
                  """
                  SELECT count(*), coalesce(sum(amount_minor), 0),
                         coalesce(sum(amount_minor) FILTER (WHERE refunded_at IS NOT NULL), 0)
                  FROM charge WHERE order_id = ? AND outcome = 'CAPTURED'
                  """)) {
            statement.setObject(1, orderId);
            try (var rows = statement.executeQuery()) {
              rows.next();
              return new Statement(rows.getInt(1), rows.getLong(2), rows.getLong(3));
            }
          }
        });
  }

  private static Optional<Outcome> first(PreparedStatement statement) throws SQLException {
    try (var rows = statement.executeQuery()) {
      return rows.next() ? Optional.of(outcome(rows)) : Optional.empty();
    }
  }

  private static Outcome outcome(ResultSet row) throws SQLException {
    return switch (row.getString(1)) {
      case "CAPTURED" -> new Captured(row.getString(2));
      case "DECLINED" -> new Declined(row.getString(3));
      case "CANCELLED" -> new Cancelled();
      default -> throw new IllegalStateException("an outcome that the table does not allow");
    };
  }

  private static String name(Outcome outcome) {
    return switch (outcome) {
      case Captured c -> "CAPTURED";
      case Declined d -> "DECLINED";
      case Cancelled c -> "CANCELLED";
    };
  }
}
