package flashsale.platform.persistence;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.Collection;
import java.util.Objects;
import java.util.UUID;
import java.util.function.Function;
import java.util.function.ToIntFunction;
import java.util.function.ToLongFunction;
import org.postgresql.PGConnection;
import org.postgresql.util.PGobject;

/**
 * Binds the columns of many rows as arrays, one parameter after the other. The statements take them
 * apart with {@code unnest} in the select list, never in FROM: there PostgreSQL would build a tuple
 * store, which costs a small batch as much as its inserts. In the select list an array that is
 * shorter than the others goes on as NULL, so a column without any value is sent as NULL. For one
 * thread.
 */
public final class Columns<T> {
  private static final int UUID_CHARS = 36;
  private static final int TIME_CHARS = 27;
  private static final int INT_CHARS = 6;
  private static final int BOOL_CHARS = 5;

  private final PreparedStatement statement;
  private final Connection connection;
  private final Collection<T> rows;
  private int parameter;

  /**
   * @param first the number of the first parameter
   */
  public Columns(PreparedStatement statement, int first, Collection<T> rows) throws SQLException {
    this.statement = statement;
    this.connection = statement.getConnection();
    this.rows = rows;
    this.parameter = first;
  }

  /** The number of the parameter after the last one that was bound. */
  public int next() {
    return parameter;
  }

  public Columns<T> uuids(Function<T, UUID> column) throws SQLException {
    return literal("_uuid", UUID_CHARS, column);
  }

  /** ISO 8601 with its Z, so that the session's time zone plays no part. */
  public Columns<T> times(Function<T, Instant> column) throws SQLException {
    return literal("_timestamptz", TIME_CHARS, column);
  }

  /** Whole numbers that may be missing. */
  public Columns<T> integers(Function<T, Integer> column) throws SQLException {
    return literal("_int4", INT_CHARS, column);
  }

  public Columns<T> bools(Function<T, Boolean> column) throws SQLException {
    return literal("_bool", BOOL_CHARS, column);
  }

  /** One instant for all rows. */
  public Columns<T> time(Instant time) throws SQLException {
    statement.setObject(parameter++, time.atOffset(ZoneOffset.UTC));
    return this;
  }

  /** Values whose text needs no quotes. */
  private Columns<T> literal(String type, int chars, Function<T, ?> column) throws SQLException {
    var text = new StringBuilder(2 + rows.size() * (chars + 1));
    boolean present = false;
    for (T row : rows) {
      var value = column.apply(row);
      present |= value != null;
      text.append(text.isEmpty() ? '{' : ',').append(value == null ? "NULL" : value);
    }
    var array = new PGobject();
    array.setType(type);
    array.setValue(rows.isEmpty() ? "{}" : present ? text.append('}').toString() : null);
    statement.setObject(parameter++, array);
    return this;
  }

  public Columns<T> texts(Function<T, String> column) throws SQLException {
    var values = rows.stream().map(column).toArray(String[]::new);
    boolean present = false;
    for (var value : values) {
      present |= Objects.nonNull(value);
    }
    return array("text", present ? values : new String[0]);
  }

  public Columns<T> ints(ToIntFunction<T> column) throws SQLException {
    return array("int4", rows.stream().mapToInt(column).toArray());
  }

  public Columns<T> longs(ToLongFunction<T> column) throws SQLException {
    return array("int8", rows.stream().mapToLong(column).toArray());
  }

  private Columns<T> array(String type, Object values) throws SQLException {
    var array = connection.unwrap(PGConnection.class).createArrayOf(type, values);
    statement.setArray(parameter++, array);
    return this;
  }
}
