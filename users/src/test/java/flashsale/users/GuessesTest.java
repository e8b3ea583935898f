package flashsale.users;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import flashsale.platform.http.Problem;
import flashsale.platform.ratelimit.LocalPermits;
import java.time.Duration;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

final class GuessesTest {
  private static final String EMAIL = "customer@example.com";
  private static final String PASSWORD = "a password that is long";
  private static final int A_MINUTE = 3;

  private final UsersFixture fixture = new UsersFixture();
  private final Users users =
      new Users(
          fixture.database,
          fixture.keysDir,
          fixture.clock,
          UsersFixture.settings(UsersFixture.CHEAP),
          new Guesses(new LocalPermits(1_000), A_MINUTE));

  @AfterEach
  void close() {
    users.close();
    fixture.close();
  }

  private Problem refusal(String email, String password) {
    return catchThrowableOfType(Problem.class, () -> users.signIn(email, password));
  }

  @Test
  void aPasswordIsTriedSoOftenAndThenNobodyIsToldWhetherItIsRight() {
    fixture.users.signUp(EMAIL, PASSWORD, null);
    for (int i = 0; i < A_MINUTE; i++) {
      assertThat(refusal(EMAIL, "wrong password " + i).code()).isEqualTo("BAD_CREDENTIALS");
    }
    var refused = refusal(EMAIL, PASSWORD);
    assertThat(refused.status()).isEqualTo(429);
    assertThat(refused.code()).isEqualTo("TOO_MANY_ATTEMPTS");
    assertThat(refused.retryAfter().orElseThrow())
        .isBetween(Duration.ofSeconds(1), Duration.ofSeconds(20));
    assertThat(refusal("CUSTOMER@example.com", PASSWORD).status()).isEqualTo(429);
  }

  @Test
  void itIsTheSameForAnAccountThatIsNotThere() {
    for (int i = 0; i < A_MINUTE; i++) {
      assertThat(refusal("nobody@example.com", PASSWORD).code()).isEqualTo("BAD_CREDENTIALS");
    }
    assertThat(refusal("nobody@example.com", PASSWORD).code()).isEqualTo("TOO_MANY_ATTEMPTS");
    assertThat(refusal("somebody@example.com", PASSWORD).code()).isEqualTo("BAD_CREDENTIALS");
  }

  @Test
  void whoSignsInAgainAndAgainIsNoGuesser() {
    users.signUp(EMAIL, PASSWORD, null);
    for (int i = 0; i < 5 * A_MINUTE; i++) {
      assertThat(users.signIn(EMAIL, PASSWORD).accessToken()).isNotEmpty();
    }
  }
}
