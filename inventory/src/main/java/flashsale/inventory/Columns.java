package flashsale.inventory;

import java.sql.Array;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.time.Instant;
import java.util.Collection;
import java.util.function.Function;

/** Binds the columns of many rows as arrays, one after the other, for {@code unnest}. */
final class Columns<T> {
  private final PreparedStatement statement;
  private final Connection connection;
  private final Collection<T> rows;
  private int next;

  Columns(PreparedStatement statement, int first, Collection<T> rows) throws SQLException {
    this.statement = statement;
    this.connection = statement.getConnection();
    this.rows = rows;
    this.next = first;
  }

  Columns<T> uuids(Function<T, ?> column) throws SQLException {
    return add("uuid", column);
  }

  Columns<T> ints(Function<T, Integer> column) throws SQLException {
    return add("int4", column);
  }

  Columns<T> longs(Function<T, Long> column) throws SQLException {
    return add("int8", column);
  }

  Columns<T> texts(Function<T, String> column) throws SQLException {
    return add("text", column);
  }

  /** ISO 8601 with its Z, so that no time zone of the session is in play. */
  Columns<T> times(Function<T, Instant> column) throws SQLException {
    return add(
        "timestamptz",
        row -> {
          var time = column.apply(row);
          return time == null ? null : time.toString();
        });
  }

  private Columns<T> add(String type, Function<T, ?> column) throws SQLException {
    Array array = connection.createArrayOf(type, rows.stream().map(column).toArray());
    statement.setArray(next++, array);
    return this;
  }

  /** The number of the next parameter. */
  int next() {
    return next;
  }
}
