package flashsale.platform.messaging;

import static org.assertj.core.api.Assertions.assertThat;

import flashsale.platform.batching.Late;
import flashsale.platform.batching.Overloaded;
import flashsale.platform.ids.Ids;
import flashsale.platform.messaging.DeadLetter.Decision;
import flashsale.platform.messaging.DeadLetter.State;
import flashsale.platform.messaging.DeadLetter.Verdict;
import flashsale.platform.messaging.DeadLetters.Filter;
import flashsale.platform.messaging.DeadLetters.Outcome;
import flashsale.platform.messaging.DeadLetters.Position;
import flashsale.platform.messaging.Envelopes.UnreadableEnvelope;
import flashsale.platform.persistence.Database;
import flashsale.platform.persistence.DatabaseFailure;
import flashsale.platform.persistence.TestPostgres;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

final class DeadLettersTest {
  private static final Instant NOON = Instant.parse("2026-11-27T12:00:00Z");
  private static final Instant FIRST = NOON.minusSeconds(60);
  private static final Set<String> TYPES = Set.of("test.happened.v1", "test.paid.v1");
  private static final String ENVELOPE = "{\"type\":\"test.happened.v1\",\"data\":{}}";

  private final Database database = TestPostgres.open("platform");
  private final Outbox outbox = new Outbox(database);
  private final DeadLetters letters = new DeadLetters(database, outbox, InstantSource.fixed(NOON));
  private final UUID operator = Ids.next();

  @AfterEach
  void close() {
    database.close();
  }

  @Test
  void theTablesAreThoseOfTheMigration() throws IOException {
    try (var sql = getClass().getResourceAsStream("/db/migration/platform/V2__dead_letters.sql")) {
      assertThat(new String(sql.readAllBytes(), StandardCharsets.UTF_8))
          .contains(DeadLetters.TABLE);
    }
    try (var sql =
        getClass().getResourceAsStream("/db/migration/platform/V4__dead_letter_key.sql")) {
      assertThat(new String(sql.readAllBytes(), StandardCharsets.UTF_8))
          .contains(DeadLetters.KEY_INDEX);
    }
  }

  @Test
  void everyFailureHasItsCategory() {
    Map.<Throwable, FailureCategory>of(
            new UnreadableEnvelope("what?"),
            FailureCategory.BAD_INPUT,
            new IllegalArgumentException("no such thing"),
            FailureCategory.BAD_INPUT,
            broken("23505"),
            FailureCategory.REFUSED_BY_RULE,
            broken("08006"),
            FailureCategory.DEPENDENCY_DOWN,
            new Overloaded("full"),
            FailureCategory.DEPENDENCY_DOWN,
            new Late("late"),
            FailureCategory.DEPENDENCY_DOWN,
            new IllegalStateException("stopped", broken("57P01")),
            FailureCategory.DEPENDENCY_DOWN,
            broken("42601"),
            FailureCategory.BUG,
            new IllegalStateException(new IllegalArgumentException()),
            FailureCategory.BUG,
            new StackOverflowError(),
            FailureCategory.BUG)
        .forEach(
            (failure, category) -> {
              var id = Ids.next();
              park(id, 1, failure);
              assertThat(letters.find(id).orElseThrow().category())
                  .as(failure.toString())
                  .isEqualTo(category);
            });
  }

  @Test
  void aLetterKeepsWhatOneNeedsToDecide() {
    var id = Ids.next();
    var key = Ids.next();
    var longText = "\0" + "x".repeat(2_000);
    letters.park(new Bus.Message(id, key, ENVELOPE, 3), FIRST, new IllegalStateException(longText));
    var letter = letters.find(id).orElseThrow();
    assertThat(letter)
        .extracting(
            DeadLetter::role,
            DeadLetter::key,
            DeadLetter::type,
            DeadLetter::envelope,
            DeadLetter::attempts,
            DeadLetter::firstAt,
            DeadLetter::lastAt,
            DeadLetter::state,
            DeadLetter::replays)
        .containsExactly(
            "platform", key, "test.happened.v1", ENVELOPE, 3, FIRST, NOON, State.PARKED, 0);
    assertThat(letter.reason()).hasSize(500).startsWith("java.lang.IllegalStateException: ?xx");
    assertThat(letter.stack().lines()).hasSize(10).anyMatch(line -> line.contains("DeadLetters"));
    assertThat(letters.decisions(id)).isEmpty();
  }

  @Test
  void oneThatIsToldTwiceIsKeptOnce() {
    var id = Ids.next();
    park(id, 4, new Late("late"));
    letters.park(
        new Bus.Message(id, Ids.next(), ENVELOPE, 5), NOON, new IllegalStateException("later"));
    assertThat(letters.count()).isEqualTo(1);
    var letter = letters.find(id).orElseThrow();
    assertThat(letter.attempts()).isEqualTo(5);
    assertThat(letter.firstAt()).isEqualTo(FIRST);
    assertThat(letter.reason()).contains("later");
    assertThat(letter.category()).isEqualTo(FailureCategory.BUG);
  }

  @Test
  void parkingTakesTheMessageOutOfTheOutbox() {
    var entry = new Outbox.Entry(Ids.next(), Ids.next(), ENVELOPE, FIRST);
    append(entry);
    outbox.take(FIRST, Duration.ZERO, 1);
    var taken = outbox.take(FIRST.plusSeconds(1), Duration.ZERO, 1).getFirst();

    letters.park(taken, new UnreadableEnvelope("what?"));

    assertThat(outbox.size()).isZero();
    var letter = letters.find(entry.id()).orElseThrow();
    assertThat(letter.role()).isEqualTo("platform");
    assertThat(letter.type()).isEqualTo("test.happened.v1");
    assertThat(letter.attempts()).isEqualTo(2);
    assertThat(letter.firstAt()).isEqualTo(FIRST);
  }

  @Test
  void aReplayGoesToTheRolesOutboxAndWakesItsRelay() {
    var wakes = new AtomicInteger();
    outbox.drivenBy(
        new Outbox.Driver() {
          @Override
          public void wake() {
            wakes.incrementAndGet();
          }

          @Override
          public Optional<Duration> wouldTake(int messages) {
            throw new AssertionError("nothing is new here");
          }

          @Override
          public void take(List<Outbox.Taken> messages) {
            throw new AssertionError("nothing is new here");
          }
        });
    var id = Ids.next();
    park(id, 10, new IllegalStateException("a fault"));

    assertThat(letters.replay(id, operator, false)).isEqualTo(Outcome.DONE);

    assertThat(wakes).hasValue(1);
    var letter = letters.find(id).orElseThrow();
    assertThat(letter.state()).isEqualTo(State.REPLAYED);
    assertThat(letter.replays()).isEqualTo(1);
    assertThat(letter.decidedBy()).isEqualTo(operator);
    assertThat(letter.decidedAt()).isEqualTo(NOON);
    assertThat(letters.count()).isZero();
    assertThat(letters.replay(id, operator, false)).isEqualTo(Outcome.NOT_PARKED);
    var taken = outbox.take(NOON, Duration.ZERO, 10).getFirst();
    assertThat(taken.id()).isEqualTo(id);
    assertThat(taken.key()).isEqualTo(letter.key());
    assertThat(taken.envelope()).isEqualTo(ENVELOPE);
    assertThat(taken.attempts()).isEqualTo(1);

    letters.park(taken, new IllegalStateException("the same fault"));

    var again = letters.find(id).orElseThrow();
    assertThat(again.state()).isEqualTo(State.PARKED);
    assertThat(again.attempts()).isEqualTo(11);
    assertThat(again.firstAt()).isEqualTo(FIRST);
  }

  @Test
  void whatFailsAfterEveryReplayHasToBeForced() {
    var id = Ids.next();
    park(id, 1, new UnreadableEnvelope("what?"));
    for (int replay = 0; replay < DeadLetters.REPLAYS_MAX; replay++) {
      assertThat(letters.replay(id, operator, false)).isEqualTo(Outcome.DONE);
      failAgain();
    }

    assertThat(letters.replay(id, operator, false)).isEqualTo(Outcome.REPLAYED_TOO_OFTEN);
    assertThat(letters.replayAll(FailureCategory.BAD_INPUT, operator)).isZero();
    assertThat(outbox.size()).isZero();
    assertThat(letters.replay(id, operator, true)).isEqualTo(Outcome.DONE);
    assertThat(outbox.size()).isEqualTo(1);
    assertThat(letters.decisions(id)).hasSize(DeadLetters.REPLAYS_MAX + 1);
    assertThat(letters.decisions(id).getLast())
        .isEqualTo(new Decision(Verdict.REPLAY, true, operator, NOON));
  }

  private void failAgain() {
    letters.park(outbox.take(NOON, Duration.ZERO, 1).getFirst(), new UnreadableEnvelope("what?"));
  }

  /** Its row's end would otherwise be the replay's end. */
  @Test
  void aMessageThatIsStillInTheOutboxIsNotReplayed() {
    var id = Ids.next();
    append(new Outbox.Entry(id, Ids.next(), ENVELOPE, NOON));
    park(id, 1, new IllegalStateException("told by a queue"));
    assertThat(letters.replay(id, operator, false)).isEqualTo(Outcome.STILL_UNDER_WAY);
    outbox.done(List.of(id));
    assertThat(letters.replay(id, operator, false)).isEqualTo(Outcome.DONE);
  }

  @Test
  void aCategoryIsReplayedWithoutTheOthers() {
    var late = List.of(Ids.next(), Ids.next());
    late.forEach(id -> park(id, 1, new Late("late")));
    var bug = Ids.next();
    park(bug, 1, new IllegalStateException("a fault"));

    assertThat(letters.replayAll(FailureCategory.DEPENDENCY_DOWN, null)).isEqualTo(2);

    assertThat(outbox.take(NOON, Duration.ZERO, 10))
        .extracting(Outbox.Taken::id)
        .containsExactlyInAnyOrderElementsOf(late);
    assertThat(letters.find(bug).orElseThrow().state()).isEqualTo(State.PARKED);
    assertThat(letters.decisions(late.getFirst()))
        .containsExactly(new Decision(Verdict.REPLAY, false, null, NOON));
  }

  @Test
  void anOutagesLetterWaitsTwiceAsLongAfterEachReplay() {
    var minute = Duration.ofMinutes(1);
    var id = Ids.next();
    var bug = Ids.next();
    park(id, 1, new Late("late"));
    park(bug, 1, bug());
    var now = NOON;
    for (int replays = 0; replays < DeadLetters.REPLAYS_MAX; replays++) {
      var wait = minute.multipliedBy(1L << replays);
      assertThat(at(now.plus(wait).minusMillis(1)).replayOutages(minute)).isZero();
      now = now.plus(wait);
      assertThat(at(now).replayOutages(minute)).isOne();
      at(now).park(outbox.take(now, Duration.ZERO, 1).getFirst(), new Late("again"));
    }
    assertThat(at(now.plus(Duration.ofDays(1))).replayOutages(minute)).isZero();
    assertThat(letters.find(id).orElseThrow().state()).isEqualTo(State.PARKED);
    assertThat(letters.decisions(id))
        .hasSize(DeadLetters.REPLAYS_MAX)
        .allMatch(decision -> decision.by() == null && !decision.forced());
    assertThat(letters.decisions(bug)).isEmpty();
  }

  private DeadLetters at(Instant now) {
    return new DeadLetters(database, outbox, InstantSource.fixed(now));
  }

  @Test
  void whatIsDiscardedStaysToBeSeenAndGoesNowhere() {
    var id = Ids.next();
    park(id, 1, new UnreadableEnvelope("what?"));

    assertThat(letters.discard(id, operator)).isEqualTo(Outcome.DONE);

    assertThat(letters.discard(id, operator)).isEqualTo(Outcome.NOT_PARKED);
    assertThat(letters.replay(id, operator, true)).isEqualTo(Outcome.NOT_PARKED);
    assertThat(letters.discard(Ids.next(), operator)).isEqualTo(Outcome.UNKNOWN);
    assertThat(letters.replay(Ids.next(), operator, false)).isEqualTo(Outcome.UNKNOWN);
    assertThat(letters.find(id).orElseThrow().state()).isEqualTo(State.DISCARDED);
    assertThat(outbox.size()).isZero();
    assertThat(letters.decisions(id))
        .containsExactly(new Decision(Verdict.DISCARD, false, operator, NOON));
  }

  @Test
  void aListIsFilteredAndReadInPagesTheLatestFirst() {
    var bugs = new UUID[5];
    for (int i = 0; i < bugs.length; i++) {
      bugs[i] = Ids.next();
      var message = new Bus.Message(bugs[i], Ids.next(), ENVELOPE, 1);
      letters.park(message, FIRST.plusSeconds(i / 2), bug());
    }
    park(Ids.next(), 1, new Late("late"));
    letters.discard(bugs[4], operator);
    var parkedBugs = new Filter(FailureCategory.BUG, State.PARKED);

    assertThat(letters.list(Filter.ALL, Optional.empty(), 100)).hasSize(6);
    var page = letters.list(parkedBugs, Optional.empty(), 3);
    assertThat(page).extracting(DeadLetter::id).containsExactly(bugs[3], bugs[2], bugs[1]);
    var after = new Position(page.getLast().firstAt(), page.getLast().id());
    assertThat(letters.list(parkedBugs, Optional.of(after), 3))
        .extracting(DeadLetter::id)
        .containsExactly(bugs[0]);
  }

  @Test
  void whatIsParkedOrDiscardedIsGivenUpUntilItIsReplayed() {
    var parked = letterOf(Ids.next(), ENVELOPE);
    var discarded = letterOf(Ids.next(), ENVELOPE);
    var replayed = letterOf(Ids.next(), ENVELOPE);
    letters.discard(discarded.id(), operator);
    letters.replay(replayed.id(), operator, false);
    var nobodys = Ids.next();
    var keys =
        Map.of(
            parked.key(),
            parked.key(),
            discarded.key(),
            discarded.key(),
            replayed.key(),
            replayed.key(),
            nobodys,
            nobodys);

    assertThat(letters.givenUp(keys, TYPES))
        .containsExactlyInAnyOrder(parked.key(), discarded.key());

    letters.park(outbox.take(NOON, Duration.ZERO, 1).getFirst(), bug());
    assertThat(letters.givenUp(keys, TYPES)).hasSize(3).doesNotContain(nobodys);
    assertThat(letters.givenUp(Map.of(), TYPES)).isEmpty();
    assertThat(letters.givenUp(keys, Set.of("test.other.v1"))).isEmpty();
  }

  @Test
  void oneOfSeveralWithAKeyIsGivenUpByALetterThatNamesIt() {
    var key = Ids.next();
    var first = Ids.next();
    var second = Ids.next();
    letterOf(key, "{\"type\":\"test.paid.v1\",\"data\":{\"paymentId\":\"%s\"}}".formatted(first));

    assertThat(letters.givenUp(Map.of(first, key, second, key), TYPES)).containsExactly(first);
    assertThat(letters.givenUp(Map.of(first, Ids.next()), TYPES)).isEmpty();
    assertThat(letters.givenUp(Map.of(key, key), TYPES)).containsExactly(key);
  }

  /** However many letters there are, by their key and not by their state. */
  @Test
  void whatIsGivenUpIsFoundByTheIndex() {
    var plan =
        database.inTransaction(
            connection -> {
              try (var statement = connection.createStatement()) {
                statement.execute(
                    """
                    INSERT INTO dead_letter (id, role, key, type, envelope, category, reason, stack,
                                             attempts, first_at, last_at, state)
                    SELECT gen_random_uuid(), 'platform', gen_random_uuid(), 'test', 'test', 'BUG',
                           '', '', 1, now(), now(), 'DISCARDED'
                    FROM generate_series(1, 10000)
                    """);
              }
              var lines = new ArrayList<String>();
              try (var statement =
                  connection.prepareStatement("EXPLAIN " + DeadLetterRows.GIVEN_UP)) {
                var asked = connection.createArrayOf("uuid", new UUID[] {operator});
                statement.setArray(1, asked);
                statement.setArray(2, asked);
                statement.setArray(3, connection.createArrayOf("text", TYPES.toArray()));
                try (var rows = statement.executeQuery()) {
                  while (rows.next()) {
                    lines.add(rows.getString(1));
                  }
                }
              }
              return lines;
            });
    assertThat(plan)
        .anyMatch(line -> line.contains("dead_letter_key"))
        .noneMatch(line -> line.contains("dead_letter_state"));
  }

  private Outbox.Entry letterOf(UUID key, String envelope) {
    var id = Ids.next();
    letters.park(new Bus.Message(id, key, envelope, 1), FIRST, bug());
    return new Outbox.Entry(id, key, envelope, FIRST);
  }

  private static IllegalStateException bug() {
    return new IllegalStateException("a fault");
  }

  private static DatabaseFailure broken(String sqlState) {
    return new DatabaseFailure("broken", new SQLException("broken", sqlState));
  }

  private void park(UUID id, int attempts, Throwable failure) {
    letters.park(new Bus.Message(id, Ids.next(), ENVELOPE, attempts), FIRST, failure);
  }

  private void append(Outbox.Entry entry) {
    database.inTransaction(
        connection -> {
          outbox.append(connection, List.of(entry));
          return null;
        });
  }
}
