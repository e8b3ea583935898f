package flashsale.users;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.awaitility.Awaitility.await;

import flashsale.platform.http.Problem;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.Callable;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.Executors;
import java.util.stream.IntStream;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class UsersTest {
  private static final String EMAIL = "ann@shop.example";
  private static final String PASSWORD = "correct horse";

  private final UsersFixture fixture = new UsersFixture();
  private final Users users = fixture.users;

  @AfterEach
  void close() {
    fixture.close();
  }

  // --- accounts --------------------------------------------------------------------------------

  @Test
  void whoSignsUpCanSignInAndIsACustomer() {
    var user = users.signUp(" Ann@SHOP.example", PASSWORD, "Ann");
    var signedIn = users.signIn(EMAIL, PASSWORD);
    assertThat(user.email()).isEqualTo("Ann@shop.example");
    assertThat(users.find(user.userId())).contains(user);
    assertThat(signedIn.userId()).isEqualTo(user.userId());
    assertThat(signedIn.operator()).isFalse();
    var token = users.verifier().verify(signedIn.accessToken());
    assertThat(token.caller().userId()).isEqualTo(user.userId());
    assertThat(token.caller().operator()).isFalse();
    assertThat(Duration.between(token.issuedAt(), token.expiresAt()))
        .isEqualTo(Duration.ofSeconds(signedIn.expiresInSeconds()));
  }

  @Test
  void anOperatorsTokenSaysSo() {
    users.createOperator(EMAIL, PASSWORD);
    var signedIn = users.signIn(EMAIL, PASSWORD);
    assertThat(signedIn.operator()).isTrue();
    assertThat(users.verifier().authenticate(signedIn.accessToken()).operator()).isTrue();
    assertThat(users.verifier().authenticate(users.refresh(signedIn.refreshToken()).accessToken()))
        .satisfies(caller -> assertThat(caller.operator()).isTrue());
    assertThat(code(() -> users.createOperator(EMAIL, PASSWORD))).isEqualTo("EMAIL_TAKEN");
  }

  @Test
  void anAddressHasOneAccountWhateverItsCase() {
    users.signUp(EMAIL, PASSWORD, null);
    assertThat(code(() -> users.signUp("ANN@shop.EXAMPLE", PASSWORD, null)))
        .isEqualTo("EMAIL_TAKEN");
    assertThat(users.signIn("ANN@SHOP.EXAMPLE", PASSWORD)).isNotNull();
  }

  @Test
  void ofManySignUpsWithOneAddressAtOnceOneSucceeds() throws Exception {
    var codes = atOnce(20, i -> outcome(() -> users.signUp("a" + EMAIL, PASSWORD, null)));
    assertThat(Collections.frequency(codes, "ok")).isEqualTo(1);
    assertThat(Collections.frequency(codes, "EMAIL_TAKEN")).isEqualTo(19);
    assertThat(fixture.count("SELECT count(*) FROM users")).isEqualTo(1);
  }

  @Test
  void whatCannotBeAnAccountIsRefusedAndLeavesNothing() {
    assertThat(code(() -> users.signUp("ann", PASSWORD, null))).isEqualTo("INVALID_EMAIL");
    assertThat(code(() -> users.signUp(EMAIL, "short", null))).isEqualTo("WEAK_PASSWORD");
    assertThat(code(() -> users.signUp(EMAIL, EMAIL, null))).isEqualTo("WEAK_PASSWORD");
    assertThat(code(() -> users.signUp(EMAIL, null, null))).isEqualTo("WEAK_PASSWORD");
    assertThat(code(() -> users.signUp(EMAIL, PASSWORD, "\u0000")))
        .isEqualTo("INVALID_DISPLAY_NAME");
    assertThat(fixture.count("SELECT count(*) FROM users")).isZero();
  }

  // --- sign-in ---------------------------------------------------------------------------------

  @Test
  void anUnknownAddressAndAWrongPasswordAreAnsweredAlike() {
    users.signUp(EMAIL, PASSWORD, null);
    var unknown = refusal(() -> users.signIn("bob@shop.example", PASSWORD));
    var wrong = refusal(() -> users.signIn(EMAIL, "battery staple"));
    assertThat(unknown.body()).isEqualTo(wrong.body());
    assertThat(wrong.status()).isEqualTo(401);
    assertThat(wrong.code()).isEqualTo("BAD_CREDENTIALS");
    for (var hostile : List.of("", "\u0000", "\ud800", "x".repeat(100_000), "' OR 1=1 --")) {
      assertThat(refusal(() -> users.signIn(EMAIL, hostile)).body()).isEqualTo(wrong.body());
      assertThat(refusal(() -> users.signIn(hostile, PASSWORD)).body()).isEqualTo(wrong.body());
    }
  }

  @Test
  void anUnknownAddressTakesAsLongAsAWrongPassword() {
    var real = UsersFixture.settings(UsersSettings.defaults().hashing());
    try (var slow = fixture.another(real)) {
      slow.signUp(EMAIL, PASSWORD, null);
      int rounds = 25;
      var unknown = new long[rounds];
      var wrong = new long[rounds];
      code(() -> slow.signIn(EMAIL, "battery staple"));
      for (int i = 0; i < rounds; i++) {
        unknown[i] = nanos(() -> code(() -> slow.signIn("bob@shop.example", PASSWORD)));
        wrong[i] = nanos(() -> code(() -> slow.signIn(EMAIL, "battery staple")));
      }
      // Without the hash for nobody the ratio is about 0.05.
      assertThat((double) median(unknown) / median(wrong)).isBetween(0.6, 1.6);
    }
  }

  @Test
  void aRepeatedSignInCostsNoHash() {
    users.signUp(EMAIL, PASSWORD, null);
    long after = users.hashesMade();
    for (int i = 0; i < 5; i++) {
      users.signIn(EMAIL, PASSWORD);
    }
    assertThat(users.hashesMade()).as("sign-up is enough").isEqualTo(after);
    fixture.pass(UsersSettings.defaults().remembering().credentialsTtl());
    users.signIn(EMAIL, PASSWORD);
    users.signIn(EMAIL, PASSWORD);
    assertThat(users.hashesMade()).as("forgotten, and remembered again").isEqualTo(after + 1);
    code(() -> users.signIn(EMAIL, "battery staple"));
    code(() -> users.signIn(EMAIL, "battery staple"));
    assertThat(users.hashesMade()).as("wrong ones are not remembered").isEqualTo(after + 3);
  }

  @Test
  void aChangedPasswordHoldsAtOnceAlsoWhereTheOldOneIsRemembered() {
    var user = users.signUp(EMAIL, PASSWORD, null);
    try (var other = fixture.another()) {
      other.signIn(EMAIL, PASSWORD);
      users.changePassword(user.userId(), PASSWORD, "battery staple");
      for (var process : List.of(users, other)) {
        assertThat(code(() -> process.signIn(EMAIL, PASSWORD))).isEqualTo("BAD_CREDENTIALS");
        assertThat(process.signIn(EMAIL, "battery staple")).isNotNull();
      }
    }
  }

  @Test
  void aHashOfOldParametersIsMadeAnewAtTheNextSignIn() {
    users.signUp(EMAIL, PASSWORD, null);
    var hash = "SELECT password_hash FROM users";
    assertThat(fixture.text(hash)).startsWith("$argon2id$v=19$m=64,t=1,p=1$");
    var stronger = new UsersSettings.Hashing(128, 2, 1, 2, 10, Duration.ofSeconds(10));
    try (var later = fixture.another(UsersFixture.settings(stronger))) {
      later.signIn(EMAIL, PASSWORD);
      assertThat(fixture.text(hash)).startsWith("$argon2id$v=19$m=128,t=2,p=1$");
    }
    assertThat(users.signIn(EMAIL, PASSWORD)).isNotNull();
    try (var again = fixture.another(UsersFixture.settings(stronger))) {
      assertThat(again.signIn(EMAIL, PASSWORD)).isNotNull();
    }
  }

  @Test
  void manySignInsAtOnceEachGetASessionOfTheirOwn() throws Exception {
    for (int i = 0; i < 10; i++) {
      users.signUp(i + EMAIL, PASSWORD, null);
    }
    var tokens = atOnce(300, i -> users.signIn(i % 10 + EMAIL, PASSWORD));
    assertThat(tokens.stream().map(SignedIn::refreshToken).distinct()).hasSize(300);
    var sessions =
        tokens.stream().map(t -> users.verifier().verify(t.accessToken()).sessionId()).distinct();
    assertThat(sessions).hasSize(300);
    for (int i = 0; i < 10; i++) {
      assertThat(users.refresh(tokens.get(i).refreshToken()).userId())
          .isEqualTo(tokens.get(i).userId());
    }
  }

  // --- sessions --------------------------------------------------------------------------------

  @Test
  void aRefreshGivesNewTokensOfTheSameSession() {
    var user = users.signUp(EMAIL, PASSWORD, null);
    var first = users.signIn(EMAIL, PASSWORD);
    fixture.pass(Duration.ofMinutes(20));
    assertThat(code(() -> users.verifier().verify(first.accessToken()))).isEqualTo("TOKEN_EXPIRED");
    var second = users.refresh(first.refreshToken());
    assertThat(second.userId()).isEqualTo(user.userId());
    assertThat(second.refreshToken()).isNotEqualTo(first.refreshToken());
    assertThat(users.verifier().authenticate(second.accessToken()).userId())
        .isEqualTo(user.userId());
    assertThat(users.refresh(second.refreshToken())).isNotNull();
    assertThat(fixture.count("SELECT count(*) FROM sessions")).isEqualTo(1);
  }

  @Test
  void aRefreshTokenThatIsUsedAgainEndsTheWholeSession() {
    users.signUp(EMAIL, PASSWORD, null);
    var elsewhere = users.signIn(EMAIL, PASSWORD);
    var first = users.signIn(EMAIL, PASSWORD);
    var second = users.refresh(first.refreshToken());
    assertThat(code(() -> users.refresh(first.refreshToken()))).isEqualTo("REFRESH_TOKEN_INVALID");
    assertThat(code(() -> users.refresh(second.refreshToken()))).isEqualTo("REFRESH_TOKEN_INVALID");
    assertThat(code(() -> users.verifier().verify(second.accessToken())))
        .isEqualTo("UNAUTHENTICATED");
    assertThat(users.refresh(elsewhere.refreshToken())).isNotNull();
    assertThat(fixture.text("SELECT end_reason FROM sessions WHERE end_reason IS NOT NULL"))
        .isEqualTo("REFRESH_REUSED");
  }

  @Test
  void ofManyRefreshesWithOneTokenAtOnceOneSucceedsAtMost() throws Exception {
    users.signUp(EMAIL, PASSWORD, null);
    try (var other = fixture.another()) {
      for (int round = 0; round < 20; round++) {
        var token = users.signIn(EMAIL, PASSWORD).refreshToken();
        var outcomes = atOnce(8, i -> outcome(() -> (i % 2 == 0 ? users : other).refresh(token)));
        assertThat(Collections.frequency(outcomes, "ok")).isEqualTo(1);
        assertThat(Collections.frequency(outcomes, "REFRESH_TOKEN_INVALID")).isEqualTo(7);
      }
    }
    assertThat(fixture.count("SELECT count(*) FROM sessions WHERE end_reason IS NULL")).isZero();
  }

  @Test
  void aRefreshTokenEndsAfterItsTime() {
    users.signUp(EMAIL, PASSWORD, null);
    var signedIn = users.signIn(EMAIL, PASSWORD);
    fixture.pass(Duration.ofSeconds(signedIn.refreshExpiresInSeconds()).minusMillis(1));
    var next = users.refresh(signedIn.refreshToken());
    fixture.pass(Duration.ofSeconds(next.refreshExpiresInSeconds()));
    assertThat(code(() -> users.refresh(next.refreshToken()))).isEqualTo("REFRESH_TOKEN_INVALID");
  }

  @Test
  void whatIsNoRefreshTokenIsRefused() {
    for (var text :
        Arrays.asList(
            null, "", "x", "A".repeat(43), "\u0000".repeat(43), "é".repeat(43), "A".repeat(44))) {
      assertThat(code(() -> users.refresh(text))).isEqualTo("REFRESH_TOKEN_INVALID");
    }
  }

  @Test
  void refreshTokensAndPasswordsAreNowhereInTheDatabase() {
    users.signUp(EMAIL, PASSWORD, null);
    var token = users.signIn(EMAIL, PASSWORD).refreshToken();
    var next = users.refresh(token).refreshToken();
    var everything =
        fixture.text(
            """
            SELECT concat((SELECT string_agg(u::text, ' ') FROM users u),
                          (SELECT string_agg(s::text, ' ') FROM sessions s),
                          (SELECT string_agg(encode(token_hash, 'escape') || t::text, ' ')
                           FROM refresh_tokens t))
            """);
    assertThat(everything).contains(EMAIL).doesNotContain(token, next, PASSWORD);
    assertThat(fixture.count("SELECT count(*) FROM refresh_tokens")).isEqualTo(2);
  }

  @Test
  void signOutMakesTheSessionsTokensVoidAtOnce() {
    users.signUp(EMAIL, PASSWORD, null);
    var here = users.signIn(EMAIL, PASSWORD);
    var elsewhere = users.signIn(EMAIL, PASSWORD);
    users.signOut(session(here));
    users.signOut(users.verifier().verify(elsewhere.accessToken()).sessionId());
    var third = users.signIn(EMAIL, PASSWORD);
    for (var ended : List.of(here, elsewhere)) {
      assertThat(code(() -> users.verifier().verify(ended.accessToken())))
          .isEqualTo("UNAUTHENTICATED");
      assertThat(code(() -> users.refresh(ended.refreshToken())))
          .isEqualTo("REFRESH_TOKEN_INVALID");
    }
    assertThat(users.verifier().verify(third.accessToken())).isNotNull();
  }

  @Test
  void anEndedSessionStaysEndedThroughARestart() {
    users.signUp(EMAIL, PASSWORD, null);
    var ended = users.signIn(EMAIL, PASSWORD);
    var open = users.signIn(EMAIL, PASSWORD);
    users.signOut(session(ended));
    fixture.pass(Duration.ofMinutes(14));
    try (var restarted = fixture.another()) {
      assertThat(code(() -> restarted.verifier().verify(ended.accessToken())))
          .isEqualTo("UNAUTHENTICATED");
      assertThat(restarted.verifier().verify(open.accessToken())).isNotNull();
    }
  }

  @Test
  void aPasswordChangeEndsAllSessionsOfTheUserAndOfNobodyElse() {
    var ann = users.signUp(EMAIL, PASSWORD, null);
    users.signUp("bob@shop.example", PASSWORD, null);
    var first = users.signIn(EMAIL, PASSWORD);
    var second = users.signIn(EMAIL, PASSWORD);
    var bobs = users.signIn("bob@shop.example", PASSWORD);
    users.verifier().verify(first.accessToken());
    users.changePassword(ann.userId(), PASSWORD, "battery staple");
    for (var ended : List.of(first, second)) {
      assertThat(code(() -> users.verifier().verify(ended.accessToken())))
          .isEqualTo("UNAUTHENTICATED");
      assertThat(code(() -> users.refresh(ended.refreshToken())))
          .isEqualTo("REFRESH_TOKEN_INVALID");
    }
    assertThat(users.verifier().verify(bobs.accessToken())).isNotNull();
    assertThat(users.refresh(bobs.refreshToken())).isNotNull();
  }

  @Test
  void aPasswordChangeNeedsTheOldOneAndAGoodNewOne() {
    var ann = users.signUp(EMAIL, PASSWORD, null);
    var open = users.signIn(EMAIL, PASSWORD);
    var wrong = refusal(() -> users.changePassword(ann.userId(), "battery staple", "new password"));
    assertThat(wrong.status()).isEqualTo(403);
    assertThat(wrong.code()).isEqualTo("BAD_CREDENTIALS");
    assertThat(code(() -> users.changePassword(ann.userId(), PASSWORD, "short")))
        .isEqualTo("WEAK_PASSWORD");
    assertThat(code(() -> users.changePassword(ann.userId(), PASSWORD, EMAIL)))
        .isEqualTo("WEAK_PASSWORD");
    assertThat(code(() -> users.changePassword(UUID.randomUUID(), PASSWORD, "new password")))
        .isEqualTo("NOT_FOUND");
    assertThat(users.refresh(open.refreshToken())).isNotNull();
  }

  @Test
  void noSessionOpenedWithTheOldPasswordOutlivesTheChange() throws Exception {
    var ann = users.signUp(EMAIL, PASSWORD, null);
    var old = PASSWORD;
    for (int round = 0; round < 10; round++) {
      var present = old;
      var next = "next password " + round;
      var tokens = Collections.synchronizedList(new ArrayList<SignedIn>());
      atOnce(
          9,
          i -> {
            if (i == 4) {
              users.changePassword(ann.userId(), present, next);
              return "changed";
            }
            return outcome(() -> tokens.add(users.signIn(EMAIL, present)));
          });
      for (var token : tokens) {
        assertThat(code(() -> users.refresh(token.refreshToken())))
            .isEqualTo("REFRESH_TOKEN_INVALID");
        assertThat(code(() -> users.verifier().verify(token.accessToken())))
            .isEqualTo("UNAUTHENTICATED");
      }
      old = next;
    }
  }

  @Test
  void ofTwoPasswordChangesAtOnceOneSucceeds() throws Exception {
    var ann = users.signUp(EMAIL, PASSWORD, null);
    var outcomes =
        atOnce(
            6,
            i -> outcome(() -> users.changePassword(ann.userId(), PASSWORD, "new password " + i)));
    assertThat(Collections.frequency(outcomes, "ok")).isEqualTo(1);
    assertThat(Collections.frequency(outcomes, "BAD_CREDENTIALS")).isEqualTo(5);
    assertThat(users.signIn(EMAIL, "new password " + outcomes.indexOf("ok"))).isNotNull();
  }

  @Test
  void sessionsThatAreOverLongAgoAreDeletedInTheBackground() {
    var settings = UsersFixture.settings(UsersFixture.CHEAP);
    var often =
        new UsersSettings(
            settings.accessTtl(),
            settings.refreshTtl(),
            settings.hashing(),
            settings.remembering(),
            settings.opening(),
            new UsersSettings.Purging(Duration.ofMillis(20), settings.purging().after()));
    users.signUp(EMAIL, PASSWORD, null);
    var ended = users.signIn(EMAIL, PASSWORD);
    var going = users.signIn(EMAIL, PASSWORD);
    users.signOut(session(ended));
    fixture.pass(Duration.ofDays(8));
    var next = users.refresh(going.refreshToken());
    try (var purging = fixture.another(often)) {
      await().until(() -> fixture.count("SELECT count(*) FROM sessions") == 1);
      assertThat(fixture.count("SELECT count(*) FROM refresh_tokens")).isEqualTo(2);
      // The first token of the session that goes on is forgotten after its own time.
      fixture.pass(Duration.ofDays(29).plusHours(23));
      var last = users.refresh(next.refreshToken());
      await().until(() -> fixture.count("SELECT count(*) FROM refresh_tokens") == 2);
      assertThat(purging.refresh(last.refreshToken())).isNotNull();
    }
  }

  // --- what these tests say --------------------------------------------------------------------

  private UUID session(SignedIn signedIn) {
    return users.verifier().verify(signedIn.accessToken()).sessionId();
  }

  private static Problem refusal(ThrowingCallable call) {
    return catchThrowableOfType(Problem.class, call);
  }

  private static String code(ThrowingCallable call) {
    return refusal(call).code();
  }

  /** "ok", or the code of the refusal; everything else is a failure. */
  private static String outcome(Runnable work) {
    try {
      work.run();
      return "ok";
    } catch (Problem problem) {
      return problem.code();
    }
  }

  private interface Numbered<T> {
    T run(int i) throws Exception;
  }

  private static <T> List<T> atOnce(int threads, Numbered<T> work) throws Exception {
    var barrier = new CyclicBarrier(threads);
    try (var executor = Executors.newVirtualThreadPerTaskExecutor()) {
      var calls =
          IntStream.range(0, threads)
              .<Callable<T>>mapToObj(
                  i ->
                      () -> {
                        barrier.await();
                        return work.run(i);
                      })
              .toList();
      var results = new ArrayList<T>();
      for (var future : executor.invokeAll(calls)) {
        results.add(future.get());
      }
      return results;
    }
  }

  private static long nanos(Runnable work) {
    long from = System.nanoTime();
    work.run();
    return System.nanoTime() - from;
  }

  private static long median(long[] values) {
    var sorted = values.clone();
    Arrays.sort(sorted);
    return sorted[sorted.length / 2];
  }
}
