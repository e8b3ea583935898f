package flashsale.orders;

import flashsale.contracts.AuditRow;
import flashsale.contracts.Fact;
import flashsale.contracts.Fact.StockHeld;
import flashsale.contracts.Order;
import flashsale.contracts.OrderIds;
import flashsale.contracts.Orders;
import flashsale.platform.persistence.Database;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Instant;
import java.time.InstantSource;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;

/**
 * The orders and their legal states. Placing is the hot step, so a batch of holds is one statement
 * that commits by itself; everything else, and a batch with a repeat in it, locks the rows it is
 * about, decides in memory in the order of arrival ({@link OrderLife}) and writes the difference.
 * Thread-safe, also beside other instances on the same database.
 */
public final class OrderBook implements Orders {
  /** How often a batch is done again because another instance wrote one of its orders first. */
  private static final int RACES_MAX = 5;

  /** One order of ids everywhere, so that two instances never wait for each other. */
  private static final Comparator<OrderRow> BY_ID = Comparator.comparing(OrderRow::reservationId);

  private static final UUID BEFORE_ALL = new UUID(0, 0);

  private final Database database;
  private final InstantSource clock;

  public OrderBook(Database database, InstantSource clock) {
    this.database = database;
    this.clock = clock;
  }

  @Override
  public List<Fact> apply(List<Fact> facts) {
    var now = clock.instant().truncatedTo(ChronoUnit.MICROS);
    if (facts.stream().allMatch(StockHeld.class::isInstance)) {
      var orders = facts.stream().map(held -> OrderRow.placed((StockHeld) held, now)).toList();
      if (database.with(c -> OrderTable.insert(c, sorted(orders))) == orders.size()) {
        return orders.stream().map(OrderRow::fact).toList();
      }
    }
    for (int race = 0; race < RACES_MAX; race++) {
      var answers = database.inTransaction(connection -> decide(connection, facts, now));
      if (answers.isPresent()) {
        return answers.get();
      }
    }
    throw new IllegalStateException("an order was written by others " + RACES_MAX + " times");
  }

  /** The answers, or nothing if another instance was faster with one of the new orders. */
  private static Optional<List<Fact>> decide(Connection connection, List<Fact> facts, Instant now)
      throws SQLException {
    var rows = OrderTable.lock(connection, facts.stream().map(Fact::key).distinct().toList());
    var changed = new LinkedHashMap<UUID, OrderRow>();
    var answers = new ArrayList<Fact>(facts.size());
    for (var fact : facts) {
      var order = changed.getOrDefault(fact.key(), rows.get(fact.key()));
      var next = OrderLife.after(order, fact, now);
      if (!next.equals(order)) {
        // A statement moves a row once, so a second move in one batch takes another statement.
        if (changed.containsKey(fact.key()) && !write(connection, rows, changed)) {
          return Optional.empty();
        }
        changed.put(fact.key(), next);
      }
      answers.add(OrderLife.answer(next, fact));
    }
    return write(connection, rows, changed) ? Optional.of(answers) : Optional.empty();
  }

  /** Writes what changed and takes it over into {@code rows}; false if another was faster. */
  private static boolean write(
      Connection connection, Map<UUID, OrderRow> rows, Map<UUID, OrderRow> changed)
      throws SQLException {
    var fresh = new ArrayList<OrderRow>();
    var marks = new ArrayList<OrderRow>();
    var moved = new ArrayList<OrderRow>();
    for (var row : changed.values()) {
      var was = rows.put(row.reservationId(), row);
      (was == null ? fresh : was.wasPlaced() ? moved : marks).add(row);
    }
    changed.clear();
    require(marks, marks.isEmpty() ? 0 : OrderTable.removeMarks(connection, marks));
    require(moved, moved.isEmpty() ? 0 : OrderTable.move(connection, moved));
    fresh.addAll(marks);
    if (fresh.isEmpty() || OrderTable.insert(connection, sorted(fresh)) == fresh.size()) {
      return true;
    }
    connection.rollback();
    return false;
  }

  private static void require(List<OrderRow> rows, int written) {
    if (written != rows.size()) {
      throw new IllegalStateException(
          "%d of %d locked orders could not be moved: %s"
              .formatted(rows.size() - written, rows.size(), rows));
    }
  }

  private static List<OrderRow> sorted(List<OrderRow> rows) {
    return rows.size() == 1 ? rows : rows.stream().sorted(BY_ID).toList();
  }

  @Override
  public List<Order> find(Collection<UUID> orderIds) {
    var ids = orderIds.stream().map(OrderIds::reservationOf).toList();
    return database.read(connection -> OrderTable.find(connection, ids)).stream()
        .filter(OrderRow::wasPlaced)
        .map(OrderRow::order)
        .toList();
  }

  @Override
  public List<AuditRow.Order> orders(Optional<UUID> after, int max) {
    return database
        .with(connection -> OrderTable.after(connection, after.orElse(BEFORE_ALL), max))
        .stream()
        .map(OrderRow::auditRow)
        .toList();
  }

  /** The customer's orders behind this place, newest first, at most {@code max}. */
  List<OrderRow> ofCustomer(UUID customerId, OrderCursor cursor, int max) {
    return database.read(c -> OrderTable.ofCustomer(c, customerId, cursor, max));
  }
}
