package flashsale.platform.http;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import flashsale.platform.batching.Overloaded;
import flashsale.platform.http.Watch.Seen;
import flashsale.platform.ids.Ids;
import flashsale.platform.messaging.Changes;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Function;
import org.junit.jupiter.api.Test;

/** Waiting for a row; what was accepted must be told whatever becomes of the waiting. */
class WatchTest {
  private static final Duration LONG = Duration.ofMinutes(1);
  private static final Duration SHORT = Duration.ofMillis(50);

  private final Changes changes = new Changes(1);
  private final UUID id = Ids.next();

  private Watch<String> watch(Function<UUID, Optional<String>> find) {
    return new Watch<>(
        changes, new Watch.Kind<>("thing", find, row -> row, row -> row, "DONE"::equals));
  }

  @Test
  void whoWaitsIsWokenByTheChange() {
    var row = new AtomicReference<>("OPEN");
    var watch = watch(asked -> Optional.of(row.get()));
    var waiting =
        CompletableFuture.supplyAsync(() -> watch.await(id, "OPEN", "DONE"::equals, LONG));
    await().until(() -> changes.watching() == 1);
    row.set("DONE");
    changes.changed(List.of(id));
    assertThat(waiting).succeedsWithin(LONG).isEqualTo(new Seen<>("DONE", true));
    assertThat(changes.watching()).isZero();
  }

  @Test
  void theRowIsToldAsItWasSeenWhenTheTimeIsOver() {
    var watch = watch(asked -> Optional.of("HALF"));
    assertThat(watch.await(id, "OPEN", "DONE"::equals, SHORT)).isEqualTo(new Seen<>("HALF", false));
    assertThat(watch.await(id, "OPEN", "DONE"::equals, Duration.ZERO))
        .isEqualTo(new Seen<>("OPEN", false));
    assertThat(watch.await(id, "DONE", "DONE"::equals, Duration.ZERO))
        .isEqualTo(new Seen<>("DONE", true));
  }

  @Test
  void whereAsManyWaitAsMayNobodyWaits() {
    try (var other = changes.watch(Ids.next())) {
      assertThat(other).isNotNull();
      var watch = watch(asked -> Optional.of("DONE"));
      assertThat(watch.await(id, "OPEN", "DONE"::equals, LONG))
          .isEqualTo(new Seen<>("OPEN", false));
    }
  }

  @Test
  void whatCannotBeLookedAtIsToldAsItWasSeen() {
    for (var failure : List.of(new Overloaded("full"), new IllegalStateException("a bug"))) {
      var watch =
          watch(
              asked -> {
                throw failure;
              });
      assertThat(watch.await(id, "OPEN", "DONE"::equals, LONG))
          .isEqualTo(new Seen<>("OPEN", false));
      assertThat(changes.watching()).isZero();
    }
    var watch = watch(asked -> Optional.of("HALF"));
    assertThat(
            watch.await(
                id,
                "OPEN",
                row -> {
                  throw new Overloaded("the orders are away");
                },
                LONG))
        .isEqualTo(new Seen<>("OPEN", false));
  }
}
