package flashsale.users;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;

/** Everybody signs in at the same moment, over HTTP. */
class SignInStormTest {
  private static final String PASSWORD = "correct horse";

  private record Timed(UsersServer.Reply reply, Duration took) {}

  @Test
  void aStormIsAnsweredOrToldToComeBackAndHoldsUpNobodyElse() throws Exception {
    var bounds = new UsersSettings.Hashing(19_456, 2, 1, 2, 16, Duration.ofSeconds(2));
    try (var server = new UsersServer(UsersFixture.settings(bounds));
        var threads = Executors.newVirtualThreadPerTaskExecutor()) {
      var users = server.fixture.users;
      users.signUp("ann@shop.example", PASSWORD, null);
      var token = users.signIn("ann@shop.example", PASSWORD).accessToken();
      var start = new CountDownLatch(1);
      var storm = new ArrayList<Future<Timed>>();
      for (int i = 0; i < 200; i++) {
        // Nobody in the storm has an account: each of them needs a hash.
        var body = Map.of("email", i + "@nowhere.example", "password", PASSWORD);
        storm.add(
            threads.submit(
                () -> {
                  start.await();
                  return timed(() -> server.post("/api/v1/sessions", body));
                }));
      }
      start.countDown();
      var others = new ArrayList<Timed>();
      do {
        others.add(timed(() -> server.call("GET", "/api/v1/users/me", token, null)));
        others.add(
            timed(
                () ->
                    server.post(
                        "/api/v1/sessions",
                        Map.of("email", "ann@shop.example", "password", PASSWORD))));
      } while (!storm.stream().allMatch(Future::isDone));
      check(storm, bounds);
      assertThat(others).allSatisfy(one -> assertThat(one.reply().status()).isLessThan(300));
    }
  }

  private static void check(List<Future<Timed>> storm, UsersSettings.Hashing bounds)
      throws Exception {
    int answered = 0;
    for (var one : storm) {
      var reply = one.get().reply();
      if (reply.status() == 401) {
        answered++;
      } else {
        assertThat(reply.status()).isEqualTo(503);
        assertThat(reply.code()).isEqualTo("OVERLOADED");
        assertThat(Integer.parseInt(reply.header("Retry-After"))).isPositive();
      }
      // The named wait, and what the machine is busy with besides.
      assertThat(one.get().took()).isLessThan(bounds.waitMax().plusSeconds(5));
    }
    assertThat(answered).isBetween(bounds.runningMax(), storm.size() - 1);
  }

  private interface Call {
    UsersServer.Reply reply();
  }

  private static Timed timed(Call call) {
    long from = System.nanoTime();
    var reply = call.reply();
    return new Timed(reply, Duration.ofNanos(System.nanoTime() - from));
  }
}
