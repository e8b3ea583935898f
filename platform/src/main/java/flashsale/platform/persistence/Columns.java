package flashsale.platform.persistence;

import java.nio.ByteBuffer;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.temporal.ChronoUnit;
import java.util.Collection;
import java.util.Objects;
import java.util.UUID;
import java.util.function.BiConsumer;
import java.util.function.Function;
import java.util.function.ToIntFunction;
import java.util.function.ToLongFunction;
import org.postgresql.PGConnection;
import org.postgresql.core.Oid;

/**
 * Binds the columns of many rows as arrays, one parameter after the other. The statements take them
 * apart with {@code unnest} in the select list, never in FROM: there PostgreSQL would build a tuple
 * store, which costs a small batch as much as its inserts. In the select list an array that is
 * shorter than the others goes on as NULL, so a column without any value is sent as NULL. For one
 * thread.
 */
public final class Columns<T> {
  /** PostgreSQL counts time from here. */
  private static final Instant EPOCH = Instant.parse("2000-01-01T00:00:00Z");

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
    return binary(
        "_uuid",
        Oid.UUID,
        16,
        column,
        (bytes, id) ->
            bytes.putLong(id.getMostSignificantBits()).putLong(id.getLeastSignificantBits()));
  }

  /** To the microsecond; what is finer is cut off. */
  public Columns<T> times(Function<T, Instant> column) throws SQLException {
    return binary(
        "_timestamptz",
        Oid.TIMESTAMPTZ,
        Long.BYTES,
        column,
        (bytes, time) -> bytes.putLong(EPOCH.until(time, ChronoUnit.MICROS)));
  }

  /** Whole numbers that may be missing. */
  public Columns<T> integers(Function<T, Integer> column) throws SQLException {
    return binary("_int4", Oid.INT4, Integer.BYTES, column, ByteBuffer::putInt);
  }

  public Columns<T> bools(Function<T, Boolean> column) throws SQLException {
    return binary("_bool", Oid.BOOL, 1, column, (bytes, b) -> bytes.put((byte) (b ? 1 : 0)));
  }

  /** One instant for all rows. */
  public Columns<T> time(Instant time) throws SQLException {
    statement.setObject(parameter++, time.atOffset(ZoneOffset.UTC));
    return this;
  }

  /** Values of a fixed size. */
  private <V> Columns<T> binary(
      String type, int elementOid, int size, Function<T, V> column, BiConsumer<ByteBuffer, V> put)
      throws SQLException {
    var array = new BinaryArray(type, elementOid, size, rows.size());
    for (T row : rows) {
      var value = column.apply(row);
      if (value == null) {
        array.addNull();
      } else {
        put.accept(array.next(), value);
      }
    }
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
