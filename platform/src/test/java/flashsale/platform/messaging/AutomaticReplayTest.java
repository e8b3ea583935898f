package flashsale.platform.messaging;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.tuple;
import static org.awaitility.Awaitility.await;

import flashsale.platform.batching.Late;
import flashsale.platform.ids.Ids;
import flashsale.platform.messaging.DeadLetter.Decision;
import flashsale.platform.messaging.DeadLetter.State;
import flashsale.platform.messaging.DeadLetter.Verdict;
import flashsale.platform.persistence.Database;
import flashsale.platform.persistence.TestPostgres;
import java.time.Duration;
import java.time.InstantSource;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** With a real outbox and its relay. */
class AutomaticReplayTest {
  private static final Duration EVERY = Duration.ofMillis(20);

  private final Database database = TestPostgres.open("platform");
  private final InstantSource clock = InstantSource.system();
  private final Outbox outbox = new Outbox(database);
  private final DeadLetters letters = new DeadLetters(database, outbox, clock);
  private final AtomicBoolean up = new AtomicBoolean(true);
  private final AtomicInteger looks = new AtomicInteger();

  @AfterEach
  void close() {
    database.close();
  }

  @Test
  void whatWasParkedForAnOutageIsDoneOnceAllIsUpAndTheRestIsLeftAlone() {
    var outage = park(new Late("away"));
    var bug = park(new IllegalStateException("a fault"));
    var unreadable = park(new Permanent("what?"));
    up.set(false);
    var recorder = new Recorder();
    try (var _ = relaying(recorder);
        var _ = replaying()) {
      awaitMoreLooks();
      assertThat(state(outage)).isEqualTo(State.PARKED);

      up.set(true);
      await().until(() -> recorder.doneIds().contains(outage));
      awaitMoreLooks();
    }
    assertThat(recorder.doneIds()).containsExactly(outage);
    assertThat(state(outage)).isEqualTo(State.REPLAYED);
    assertThat(letters.decisions(outage))
        .extracting(Decision::decision, Decision::by, Decision::forced)
        .containsExactly(tuple(Verdict.REPLAY, null, false));
    assertThat(List.of(state(bug), state(unreadable))).containsOnly(State.PARKED);
    assertThat(letters.decisions(bug)).isEmpty();
  }

  @Test
  void theLoopGuardEndsItForWhatFailsEachTime() {
    var outage = park(new Late("away"));
    var attempts = new AtomicInteger();
    Bus.Handler failing =
        _ -> {
          attempts.incrementAndGet();
          throw new Permanent("given up", new Late("away"));
        };
    try (var _ = relaying(failing);
        var _ = replaying()) {
      await().until(() -> attempts.get() == DeadLetters.REPLAYS_MAX);
      await().until(() -> state(outage) == State.PARKED);
      awaitMoreLooks();
    }
    assertThat(attempts).hasValue(DeadLetters.REPLAYS_MAX);
    var letter = letters.find(outage).orElseThrow();
    assertThat(letter.state()).isEqualTo(State.PARKED);
    assertThat(letter.category()).isEqualTo(FailureCategory.DEPENDENCY_DOWN);
    assertThat(letter.replays()).isEqualTo(DeadLetters.REPLAYS_MAX);
  }

  @Test
  void aLookThatFailsIsNotTheLast() {
    var outage = park(new Late("away"));
    var recorder = new Recorder();
    try (var _ = relaying(recorder);
        var _ =
            new AutomaticReplay(
                List.of(letters),
                () -> {
                  if (looks.incrementAndGet() < 3) {
                    throw new IllegalStateException("nobody can tell");
                  }
                  return true;
                },
                EVERY)) {
      await().until(() -> recorder.doneIds().contains(outage));
    }
  }

  private AutomaticReplay replaying() {
    return new AutomaticReplay(
        List.of(letters),
        () -> {
          looks.incrementAndGet();
          return up.get();
        },
        EVERY);
  }

  /** Longer than any letter here has to wait. */
  private void awaitMoreLooks() {
    int enough = looks.get() + 3 + (1 << DeadLetters.REPLAYS_MAX);
    await().until(() -> looks.get() >= enough);
  }

  private Bus relaying(Bus.Handler handler) {
    var bus = new DirectBus(Map.of("test", new DirectBus.Queue(outbox, letters)), 3, clock);
    bus.subscribe("test", 10, handler);
    return bus;
  }

  private UUID park(Throwable failure) {
    var id = Ids.next();
    letters.park(new Bus.Message(id, Ids.next(), "{}", 1), clock.instant(), failure);
    return id;
  }

  private State state(UUID id) {
    return letters.find(id).orElseThrow().state();
  }
}
