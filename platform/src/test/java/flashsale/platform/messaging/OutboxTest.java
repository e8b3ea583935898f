package flashsale.platform.messaging;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.core.JsonProcessingException;
import flashsale.platform.batching.Overloaded;
import flashsale.platform.ids.Ids;
import flashsale.platform.json.Json;
import flashsale.platform.persistence.Database;
import flashsale.platform.persistence.TestPostgres;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.sql.Timestamp;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.TimeZone;
import java.util.UUID;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

final class OutboxTest {
  private static final Instant NOW = Instant.parse("2026-11-27T08:00:00Z");
  private static final Duration LEASE = Duration.ofSeconds(30);

  private final Database database = TestPostgres.open("platform");
  private final Outbox outbox = new Outbox(database);
  private final UUID key = Ids.next();

  @AfterEach
  void close() {
    database.close();
  }

  @Test
  void theTableIsTheOneOfTheMigration() throws IOException {
    try (var migration =
        getClass().getResourceAsStream("/db/migration/platform/V1__platform.sql")) {
      assertThat(new String(migration.readAllBytes(), StandardCharsets.UTF_8))
          .contains(Outbox.TABLE);
    }
    try (var migration =
        getClass().getResourceAsStream("/db/migration/platform/V3__outbox_lag.sql")) {
      assertThat(new String(migration.readAllBytes(), StandardCharsets.UTF_8))
          .contains(Outbox.LAG_INDEX);
    }
  }

  @Test
  void nothingMoreIsAcceptedWhileAsManyWaitAsMay() {
    var bounded = new Outbox(database, 2);
    bounded.requireRoom();
    var two = List.of(entry("one", key, NOW), entry("two", key, NOW));
    bounded.append(two);
    await()
        .untilAsserted(
            () ->
                assertThatThrownBy(bounded::requireRoom)
                    .isInstanceOf(Overloaded.class)
                    .hasMessage("platform: 2 accepted requests wait to be done"));
    bounded.done(List.of(two.getFirst().id()));
    await().ignoreException(Overloaded.class).untilAsserted(bounded::requireRoom);
  }

  @Test
  void aMessageIsThereOnlyIfItsTransactionCommits() {
    assertThatThrownBy(
            () ->
                database.inTransaction(
                    connection -> {
                      outbox.append(connection, List.of(entry("lost", key, NOW)));
                      throw new IllegalStateException("rolled back");
                    }))
        .hasMessage("rolled back");
    assertThat(outbox.size()).isZero();
    append(entry("kept", key, NOW));
    assertThat(envelopes(outbox.take(NOW, LEASE, 10))).containsExactly("kept");
  }

  @Test
  void appendingAgainChangesNothing() {
    var entry = entry("once", key, NOW);
    append(entry);
    append(entry, new Outbox.Entry(entry.id(), key, "another text", NOW));
    append();
    assertThat(outbox.size()).isEqualTo(1);
    assertThat(envelopes(outbox.take(NOW, LEASE, 10))).containsExactly("once");
  }

  @Test
  void whatIsDueIsTakenOldestFirstAndNotTwice() {
    append(
        entry("later", Ids.next(), NOW.plusSeconds(1)),
        entry("second", Ids.next(), NOW),
        entry("first", Ids.next(), NOW.minusSeconds(5)));
    assertThat(envelopes(outbox.take(NOW, LEASE, 1))).containsExactly("first");
    assertThat(envelopes(outbox.take(NOW, LEASE, 10))).containsExactly("second");
    assertThat(outbox.take(NOW, LEASE, 10)).isEmpty();
    assertThat(envelopes(outbox.take(NOW.plusSeconds(1), LEASE, 10))).containsExactly("later");
  }

  @Test
  void aTimeIsTheSameInTheHourThatTheClocksRepeat() {
    var before = TimeZone.getDefault();
    TimeZone.setDefault(TimeZone.getTimeZone("Europe/Berlin"));
    // 02:30 local time, for the first of two times.
    var first = Instant.parse("2026-10-25T00:30:00Z");
    try (var inBerlin = TestPostgres.open("platform")) {
      var box = new Outbox(inBerlin);
      inBerlin.inTransaction(
          connection -> {
            box.append(connection, List.of(entry("first", key, first)));
            return null;
          });
      assertThat(envelopes(box.take(first, LEASE, 10))).containsExactly("first");
    } finally {
      TimeZone.setDefault(before);
    }
  }

  @Test
  void textOfAnyKindComesBackAsItWas() {
    var hostile = "{\"a\":\"{},\\\"\\\\NULL'\n☔ 🦌\"}";
    append(entry(hostile, key, NOW));
    assertThat(envelopes(outbox.take(NOW, LEASE, 10))).containsExactly(hostile);
  }

  @Test
  void whatIsNotDoneComesAgainAfterItsLease() {
    append(entry("again", key, NOW));
    assertThat(outbox.take(NOW, LEASE, 10).getFirst().attempts()).isEqualTo(1);
    assertThat(outbox.take(NOW.plus(LEASE).minusMillis(1), LEASE, 10)).isEmpty();
    var again = outbox.take(NOW.plus(LEASE), LEASE, 10);
    assertThat(again.getFirst().attempts()).isEqualTo(2);
    outbox.done(List.of(again.getFirst().id()));
    assertThat(outbox.size()).isZero();
  }

  @Test
  void messagesOfOneKeyComeOneByOneInOrder() {
    append(entry("1", key, NOW), entry("2", key, NOW), entry("other", Ids.next(), NOW));
    append(entry("3", key, NOW.minusSeconds(60))); // Due earlier, but appended later.
    var first = outbox.take(NOW, LEASE, 10);
    assertThat(envelopes(first)).containsExactly("1", "other");
    assertThat(outbox.take(NOW, LEASE, 10)).isEmpty();
    outbox.done(ids(first));
    var second = outbox.take(NOW, LEASE, 10);
    assertThat(envelopes(second)).containsExactly("2");
    outbox.retryAt(second.getFirst().id(), NOW.plusSeconds(5));
    assertThat(outbox.take(NOW.plusSeconds(4), LEASE, 10)).isEmpty();
    second = outbox.take(NOW.plusSeconds(5), LEASE, 10);
    assertThat(envelopes(second)).containsExactly("2");
    outbox.done(ids(second));
    assertThat(envelopes(outbox.take(NOW.plusSeconds(5), LEASE, 10))).containsExactly("3");
  }

  @Test
  void oneThatWaitsForItsFirstTimeHoldsNobodyUp() {
    append(entry("if nobody else does it", key, NOW.plusSeconds(10)), entry("now", key, NOW));
    assertThat(envelopes(outbox.take(NOW, LEASE, 10))).containsExactly("now");
  }

  @Test
  void theLagIsHowLongTheOldestHasWaited() {
    assertThat(outbox.lag(NOW)).isZero();
    append(entry("not due", Ids.next(), NOW.plusSeconds(9)));
    assertThat(outbox.lag(NOW)).isZero();
    append(entry("due", key, NOW.minusSeconds(5)), entry("due later", Ids.next(), NOW));
    assertThat(outbox.lag(NOW)).isEqualTo(Duration.ofSeconds(5));

    // While it is under way, and while it waits to be tried again, however far that is put off.
    var taken = outbox.take(NOW, LEASE, 10);
    outbox.done(List.of(taken.getLast().id()));
    assertThat(outbox.lag(NOW.plusSeconds(2))).isEqualTo(Duration.ofSeconds(2));
    outbox.retryAt(taken.getFirst().id(), NOW.plusSeconds(500));
    assertThat(outbox.lag(NOW.plusSeconds(7))).isEqualTo(Duration.ofSeconds(7));

    outbox.done(ids(taken));
    assertThat(outbox.lag(NOW)).isZero();
    assertThat(outbox.lag(NOW.plusSeconds(10))).isEqualTo(Duration.ofSeconds(1));
  }

  @Test
  void lookingAtTheLagReadsAFewPagesHoweverMuchWaits() {
    append(entry("first", key, NOW.minusSeconds(60)));
    database.with(
        connection -> {
          try (var statement = connection.createStatement()) {
            return statement.execute(
                """
                INSERT INTO outbox (id, key, envelope, due_at, attempts, first_taken_at)
                SELECT gen_random_uuid(), gen_random_uuid(), 'text',
                       '2026-11-27T08:00Z'::timestamptz + n % 60 * interval '1 s', n % 2,
                       CASE n % 2 WHEN 1 THEN '2026-11-27T08:00Z'::timestamptz END
                FROM generate_series(1, 150000) n
                """);
          }
        });
    assertThat(outbox.lag(NOW.plusSeconds(30))).isEqualTo(Duration.ofSeconds(90));
    assertThat(pagesRead(Outbox.OLDEST, Timestamp.from(NOW.plusSeconds(30)))).isLessThan(20);
    assertThat(outbox.size()).isEqualTo(Outbox.COUNTED_MAX);
  }

  private int pagesRead(String query, Object parameter) {
    return database.with(
        connection -> {
          try (var statement =
              connection.prepareStatement("EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) " + query)) {
            statement.setObject(1, parameter);
            try (var rows = statement.executeQuery()) {
              rows.next();
              var plan = Json.tolerant().readTree(rows.getString(1)).path(0).path("Plan");
              return plan.path("Shared Hit Blocks").asInt()
                  + plan.path("Shared Read Blocks").asInt();
            } catch (JsonProcessingException e) {
              throw new IllegalStateException(e);
            }
          }
        });
  }

  @Test
  void severalInstancesShareTheWorkAndKeepTheOrder() throws Exception {
    var entries = new ArrayList<Outbox.Entry>();
    for (int message = 0; message < 20; message++) {
      for (int number = 0; number < 20; number++) {
        var numbered = Ids.derive(key, "key " + number);
        entries.add(entry(number + "/" + "%02d".formatted(message), numbered, NOW));
      }
    }
    append(entries.toArray(Outbox.Entry[]::new));
    var taken = new ArrayList<String>();
    Callable<Void> instance =
        () -> {
          while (outbox.size() > 0) {
            var some = outbox.take(NOW, LEASE, 7);
            synchronized (taken) {
              taken.addAll(envelopes(some));
            }
            outbox.done(ids(some));
          }
          return null;
        };
    try (var threads = Executors.newVirtualThreadPerTaskExecutor()) {
      for (var one : threads.invokeAll(List.of(instance, instance, instance, instance))) {
        one.get();
      }
    }
    assertThat(taken).hasSize(400).doesNotHaveDuplicates();
    for (int number = 0; number < 20; number++) {
      var start = number + "/";
      assertThat(taken.stream().filter(t -> t.startsWith(start))).isSorted();
    }
  }

  private static Outbox.Entry entry(String text, UUID key, Instant dueAt) {
    return new Outbox.Entry(Ids.next(), key, text, dueAt);
  }

  private void append(Outbox.Entry... entries) {
    database.inTransaction(
        connection -> {
          outbox.append(connection, List.of(entries));
          return null;
        });
  }

  private static List<String> envelopes(List<Outbox.Taken> taken) {
    return taken.stream().map(Outbox.Taken::envelope).toList();
  }

  private static List<UUID> ids(List<Outbox.Taken> taken) {
    return taken.stream().map(Outbox.Taken::id).toList();
  }
}
