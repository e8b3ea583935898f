package flashsale.platform.persistence;

import static org.assertj.core.api.Assertions.assertThat;

import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** What is bound as columns arrives as rows: every type, with and without NULL. */
class ColumnsTest {
  private record Row(UUID id, Instant time, Integer number, Boolean flag, String text, long big) {}

  private static final String ROWS =
      """
      SELECT a.*, extract(epoch FROM a.t) * 1000000 FROM (
        SELECT unnest(?::uuid[]), unnest(?::timestamptz[]), unnest(?::int4[]), unnest(?::bool[]),
               unnest(?::text[]), unnest(?::int8[])) AS a (i, t, n, f, x, b)
      """;

  private static Database database;

  @BeforeAll
  static void open() {
    database = TestPostgres.open("platform");
  }

  @AfterAll
  static void close() {
    database.close();
  }

  private static List<Row> roundTrip(List<Row> rows) {
    return database.with(
        connection -> {
          try (var statement = connection.prepareStatement(ROWS)) {
            new Columns<>(statement, 1, rows)
                .uuids(Row::id)
                .times(Row::time)
                .integers(Row::number)
                .bools(Row::flag)
                .texts(Row::text)
                .longs(Row::big);
            return read(statement);
          }
        });
  }

  private static List<Row> read(PreparedStatement statement) throws SQLException {
    var found = new ArrayList<Row>();
    try (var result = statement.executeQuery()) {
      while (result.next()) {
        var micros = result.getBigDecimal(7);
        found.add(
            new Row(
                result.getObject(1, UUID.class),
                micros == null ? null : Instant.EPOCH.plusNanos(micros.longValueExact() * 1_000),
                result.getObject(3, Integer.class),
                result.getObject(4, Boolean.class),
                result.getString(5),
                result.getLong(6)));
      }
    }
    return found;
  }

  @Test
  void everyValueArrivesAsItWas() {
    var rows =
        List.of(
            new Row(new UUID(-1, 1), Instant.parse("2026-11-27T12:00:00.123456Z"), 1, true, "a", 1),
            new Row(
                new UUID(0, 0),
                Instant.parse("1969-07-20T20:17:40.000001Z"),
                Integer.MIN_VALUE,
                false,
                "{\"',\\é𝕏",
                Long.MIN_VALUE),
            new Row(
                UUID.fromString("00112233-4455-8677-8899-aabbccddeeff"),
                Instant.EPOCH,
                0,
                true,
                "",
                -1));
    assertThat(roundTrip(rows)).isEqualTo(rows);
  }

  @Test
  void nothingStaysNothing() {
    var rows =
        Arrays.asList(
            new Row(null, null, null, null, null, 1),
            new Row(new UUID(1, 1), Instant.EPOCH, 7, true, "x", 2),
            new Row(null, null, null, null, null, 3));
    assertThat(roundTrip(rows)).isEqualTo(rows);
  }

  @Test
  void aColumnWithoutAnyValueIsAsLongAsTheOthers() {
    var rows =
        Arrays.asList(
            new Row(null, null, null, null, null, 1), new Row(null, null, null, null, null, 2));
    assertThat(roundTrip(rows)).isEqualTo(rows);
  }

  @Test
  void noRowsAreNoRows() {
    assertThat(roundTrip(List.of())).isEmpty();
  }

  @Test
  void whatIsFinerThanMicrosecondsIsCutOff() {
    var time = Instant.parse("2026-11-27T12:00:00.123456999Z");
    var row = new Row(new UUID(1, 1), time, 1, true, "x", 1);
    assertThat(roundTrip(List.of(row)).getFirst().time())
        .isEqualTo(time.truncatedTo(ChronoUnit.MICROS));
  }
}
