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
import java.util.Comparator;
import java.util.HashMap;
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
    var before = OrderTable.lock(connection, facts.stream().map(Fact::key).distinct().toList());
    var after = new HashMap<>(before);
    var answers = new ArrayList<Fact>(facts.size());
    for (var fact : facts) {
      var order = OrderLife.after(after.get(fact.key()), fact, now);
      after.put(fact.key(), order);
      answers.add(OrderLife.answer(order, fact));
    }
    return write(connection, before, after) ? Optional.of(answers) : Optional.empty();
  }

  private static boolean write(
      Connection connection, Map<UUID, OrderRow> before, Map<UUID, OrderRow> after)
      throws SQLException {
    var fresh = new ArrayList<OrderRow>();
    var moved = new ArrayList<OrderRow>();
    var marks = new ArrayList<OrderRow>();
    for (var row : after.values()) {
      var was = before.get(row.reservationId());
      if (was == null) {
        fresh.add(row);
      } else if (was.wasPlaced() != row.wasPlaced()) {
        marks.add(row);
      } else if (!was.equals(row)) {
        moved.add(row);
      }
    }
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
  public Optional<Order> order(UUID orderId) {
    return database
        .with(connection -> OrderTable.find(connection, OrderIds.reservationOf(orderId)))
        .filter(OrderRow::wasPlaced)
        .map(OrderRow::order);
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
    return database.with(c -> OrderTable.ofCustomer(c, customerId, cursor, max));
  }
}
