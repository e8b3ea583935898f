package flashsale.users;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import flashsale.platform.http.Problem;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

class PasswordsTest {
  private static final Password RIGHT = new Password("correct horse");
  private static final Password WRONG = new Password("battery staple");

  @Test
  void aHashTellsItsParametersAndHasASaltOfItsOwn() {
    try (var passwords = new Passwords(UsersSettings.defaults().hashing())) {
      var hash = passwords.hash(RIGHT);
      var parts = List.of(hash.split("\\$", -1));
      assertThat(hash).startsWith("$argon2id$v=19$m=19456,t=2,p=1$");
      assertThat(Base64.getDecoder().decode(parts.get(4))).hasSize(16);
      assertThat(Base64.getDecoder().decode(parts.get(5))).hasSize(32);
      assertThat(passwords.hash(RIGHT)).isNotEqualTo(hash);
      assertThat(passwords.isOutdated(hash)).isFalse();
      assertThat(passwords.isOutdated("$argon2id$v=19$m=19456,t=1,p=1$c2FsdA$aGFzaA")).isTrue();
      assertThat(passwords.isOutdated("$argon2i$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA")).isTrue();
    }
  }

  @Test
  void onlyTheRightPasswordMatches() {
    try (var passwords = new Passwords(UsersFixture.CHEAP)) {
      var hash = Optional.of(passwords.hash(RIGHT));
      assertThat(passwords.matches(hash, RIGHT)).isTrue();
      assertThat(passwords.matches(hash, WRONG)).isFalse();
      assertThat(passwords.matches(Optional.empty(), RIGHT)).isFalse();
    }
  }

  @Test
  void aHashOfOtherParametersStillMatches() {
    try (var old = new Passwords(UsersFixture.CHEAP);
        var passwords = new Passwords(UsersSettings.defaults().hashing())) {
      assertThat(passwords.matches(Optional.of(old.hash(RIGHT)), RIGHT)).isTrue();
    }
  }

  @Test
  void aStormIsRefusedEarlyAndWhoWaitsWaitsShortly() throws Exception {
    var bounds = UsersSettings.defaults().hashing();
    int callers = 300;
    try (var passwords = new Passwords(bounds)) {
      passwords.hash(RIGHT); // The native library is loaded.
      var storm = storm(callers, () -> passwords.hash(RIGHT));
      var refused = storm.stream().filter(c -> c.refusal().isPresent()).toList();
      assertThat(refused.size()).isBetween(1, callers - bounds.runningMax());
      assertThat(passwords.refused()).isEqualTo(refused.size());
      for (var caller : refused) {
        assertThat(caller.refusal().orElseThrow().status()).isEqualTo(503);
        assertThat(caller.refusal().orElseThrow().retryAfter()).isPresent();
      }
      // Nobody waits longer than the named maximum, whatever the machine is busy with.
      assertThat(storm)
          .allSatisfy(c -> assertThat(c.took()).isLessThan(bounds.waitMax().plusSeconds(5)));
    }
  }

  @Test
  void noMoreHashesThanAllowedAreMadeAtATime() throws Exception {
    var bounds = new UsersSettings.Hashing(19_456, 2, 1, 2, 500, Duration.ofSeconds(60));
    try (var passwords = new Passwords(bounds)) {
      var most = new AtomicInteger();
      storm(
          40,
          () -> {
            most.accumulateAndGet(passwords.running(), Math::max);
            passwords.hash(RIGHT);
            return most.accumulateAndGet(passwords.running(), Math::max);
          });
      assertThat(most.get()).isBetween(1, 2);
    }
  }

  @Test
  void whoWaitsTooLongIsRefused() throws Exception {
    // One hash of this kind takes about a second; nobody behind it waits that long.
    var bounds = new UsersSettings.Hashing(19_456, 100, 1, 1, 10, Duration.ofMillis(50));
    try (var passwords = new Passwords(bounds)) {
      var storm = storm(5, () -> passwords.hash(RIGHT));
      assertThat(storm).allSatisfy(c -> assertThat(c.refusal()).isPresent());
      await().untilAsserted(() -> assertThat(passwords.running()).isZero());
    }
  }

  @Test
  void hashesWorkWithoutAQueueToo() {
    var bounds = new UsersSettings.Hashing(64, 1, 1, 1, 0, Duration.ofSeconds(30));
    try (var passwords = new Passwords(bounds)) {
      await()
          .ignoreExceptionsInstanceOf(Problem.class)
          .untilAsserted(() -> assertThat(passwords.hash(RIGHT)).startsWith("$argon2id$"));
    }
  }

  private record Caller(Optional<Problem> refusal, Duration took) {}

  private static List<Caller> storm(int callers, Callable<?> work)
      throws InterruptedException, ExecutionException {
    var start = new CountDownLatch(1);
    var results = new ArrayList<Future<Caller>>();
    try (var threads = Executors.newVirtualThreadPerTaskExecutor()) {
      for (int i = 0; i < callers; i++) {
        results.add(
            threads.submit(
                () -> {
                  start.await();
                  long from = System.nanoTime();
                  Optional<Problem> refusal = Optional.empty();
                  try {
                    work.call();
                  } catch (Problem problem) {
                    refusal = Optional.of(problem);
                  }
                  return new Caller(refusal, Duration.ofNanos(System.nanoTime() - from));
                }));
      }
      start.countDown();
      var done = new ArrayList<Caller>();
      for (var result : results) {
        done.add(result.get());
      }
      return done;
    }
  }
}
