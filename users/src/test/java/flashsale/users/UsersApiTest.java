package flashsale.users;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import flashsale.platform.json.Json;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class UsersApiTest {
  private static final String USERS = "/api/v1/users";
  private static final String ME = "/api/v1/users/me";
  private static final String PASSWORD_OF_ME = "/api/v1/users/me/password";
  private static final String SESSIONS = "/api/v1/sessions";
  private static final String REFRESH = "/api/v1/sessions/refresh";
  private static final String PASSWORD = "correct horse";

  private UsersServer server;
  private int number;

  @BeforeAll
  void start() {
    server = new UsersServer(UsersFixture.settings(UsersFixture.CHEAP));
  }

  @AfterAll
  void stop() {
    server.close();
  }

  @Test
  void signUpAnswersWithTheAccount() {
    var email = email();
    var reply =
        server.post(USERS, Map.of("email", email, "password", PASSWORD, "displayName", "Ann"));
    assertThat(reply.status()).isEqualTo(201);
    assertThat(reply.header("Location")).isEqualTo(ME);
    assertThat(names(reply.body())).isEqualTo(Set.of("userId", "email", "displayName", "operator"));
    assertThat(reply.text("email")).isEqualTo(email);
    assertThat(reply.text("displayName")).isEqualTo("Ann");
    assertThat(reply.body().path("operator").booleanValue()).isFalse();
    var again = server.post(USERS, Map.of("email", email, "password", PASSWORD));
    assertThat(again.status()).isEqualTo(409);
    assertThat(again.code()).isEqualTo("EMAIL_TAKEN");
  }

  @Test
  void signInAnswersWithTokensThatNobodyCaches() {
    var userId = signUp("ann" + email()).text("userId");
    var reply = signIn(lastEmail("ann"));
    assertThat(reply.status()).isEqualTo(201);
    assertThat(reply.header("Cache-Control")).isEqualTo("no-store");
    assertThat(names(reply.body()))
        .isEqualTo(
            Set.of(
                "accessToken",
                "tokenType",
                "expiresInSeconds",
                "refreshToken",
                "refreshExpiresInSeconds",
                "userId",
                "operator"));
    assertThat(reply.text("tokenType")).isEqualTo("Bearer");
    assertThat(reply.body().path("expiresInSeconds").longValue()).isEqualTo(900);
    assertThat(reply.body().path("refreshExpiresInSeconds").longValue()).isEqualTo(2_592_000);
    assertThat(reply.text("userId")).isEqualTo(userId);
    var me = server.call("GET", ME, reply.text("accessToken"), null);
    assertThat(me.status()).isEqualTo(200);
    assertThat(me.text("userId")).isEqualTo(userId);
    assertThat(me.body().path("displayName").isNull()).isTrue();
  }

  @Test
  void badCredentialsAreAnsweredAlike() {
    signUp(email());
    var wrong = server.post(SESSIONS, Map.of("email", lastEmail(""), "password", "battery staple"));
    var unknown = server.post(SESSIONS, Map.of("email", "x" + lastEmail(""), "password", PASSWORD));
    assertThat(wrong.status()).isEqualTo(401);
    assertThat(wrong.code()).isEqualTo("BAD_CREDENTIALS");
    assertThat(unknown.body()).isEqualTo(wrong.body());
    assertThat(unknown.whole().headers().map().keySet())
        .isEqualTo(wrong.whole().headers().map().keySet());
  }

  @Test
  void refreshRotatesAndReuseEndsTheSession() {
    signUp(email());
    var first = signIn(lastEmail(""));
    var second = server.post(REFRESH, Map.of("refreshToken", first.text("refreshToken")));
    assertThat(second.status()).isEqualTo(201);
    assertThat(names(second.body())).isEqualTo(names(first.body()));
    assertThat(server.call("GET", ME, second.text("accessToken"), null).status()).isEqualTo(200);
    var reuse = server.post(REFRESH, Map.of("refreshToken", first.text("refreshToken")));
    assertThat(reuse.status()).isEqualTo(401);
    assertThat(reuse.code()).isEqualTo("REFRESH_TOKEN_INVALID");
    assertThat(server.post(REFRESH, Map.of("refreshToken", second.text("refreshToken"))).code())
        .isEqualTo("REFRESH_TOKEN_INVALID");
    assertThat(server.call("GET", ME, second.text("accessToken"), null).status()).isEqualTo(401);
  }

  @Test
  void signOutEndsTheCallersSessionAtOnce() {
    signUp(email());
    var here = signIn(lastEmail(""));
    var elsewhere = signIn(lastEmail(""));
    var reply = server.call("DELETE", SESSIONS, here.text("accessToken"), null);
    assertThat(reply.status()).isEqualTo(204);
    assertThat(server.call("DELETE", SESSIONS, here.text("accessToken"), null).code())
        .isEqualTo("UNAUTHENTICATED");
    assertThat(server.post(REFRESH, Map.of("refreshToken", here.text("refreshToken"))).status())
        .isEqualTo(401);
    assertThat(server.call("GET", ME, elsewhere.text("accessToken"), null).status()).isEqualTo(200);
  }

  @Test
  void aPasswordChangeSignsOutEverywhere() {
    signUp(email());
    var token = signIn(lastEmail("")).text("accessToken");
    var wrong = Json.text(Map.of("oldPassword", "nonsense", "newPassword", "battery staple"));
    var right = Json.text(Map.of("oldPassword", PASSWORD, "newPassword", "battery staple"));
    var refused = server.call("PUT", PASSWORD_OF_ME, token, wrong);
    assertThat(refused.status()).isEqualTo(403);
    assertThat(refused.code()).isEqualTo("BAD_CREDENTIALS");
    assertThat(server.call("PUT", PASSWORD_OF_ME, token, right).status()).isEqualTo(204);
    assertThat(server.call("GET", ME, token, null).status()).isEqualTo(401);
    assertThat(signIn(lastEmail("")).status()).isEqualTo(401);
  }

  @Test
  void theKeysThatVerifyTokensArePublic() {
    var keys = server.call("GET", "/.well-known/jwks.json", null, null);
    assertThat(keys.status()).isEqualTo(200);
    assertThat(keys.body().path("keys")).isNotEmpty();
    for (var key : keys.body().path("keys")) {
      assertThat(names(key)).contains("kty", "crv", "x", "kid").doesNotContain("d");
    }
  }

  @Test
  void anExpiredTokenSaysThatItIs() {
    signUp(email());
    var token = signIn(lastEmail("")).text("accessToken");
    server.fixture.pass(Duration.ofMinutes(15));
    var reply = server.call("GET", ME, token, null);
    assertThat(reply.status()).isEqualTo(401);
    assertThat(reply.code()).isEqualTo("TOKEN_EXPIRED");
    assertThat(reply.header("WWW-Authenticate")).startsWith("Bearer");
  }

  static Stream<Arguments> badInput() {
    return Stream.of(USERS, SESSIONS, REFRESH, PASSWORD_OF_ME)
        .flatMap(
            path ->
                Stream.concat(
                        Stream.of(
                            "",
                            "null",
                            "[]",
                            "7",
                            "\"text\"",
                            "{",
                            "{}",
                            "{}{}",
                            "{\"unknown\":1}",
                            "{\"email\":7,\"password\":8}",
                            "{\"email\":{},\"password\":[]}",
                            "{\"email\":null,\"password\":null}",
                            "{\"oldPassword\":null,\"newPassword\":null}",
                            "{\"oldPassword\":\"correct horse\",\"newPassword\":\"\\u0000\"}",
                            "{\"refreshToken\":null}",
                            "{\"refreshToken\":7}",
                            "{\"refreshToken\":\"\\u0000\"}",
                            "{\"refreshToken\":\"' OR 1=1; --\"}",
                            "[".repeat(10_000)),
                        hostile()
                            .flatMap(
                                text ->
                                    Stream.of(
                                        "{\"email\":" + text + ",\"password\":\"correct horse\"}",
                                        "{\"email\":\"b@shop.example\",\"password\":" + text + "}",
                                        "{\"email\":\"c@shop.example\",\"password\":\"12345678\","
                                            + "\"displayName\":"
                                            + text
                                            + "}")))
                    .map(body -> Arguments.of(path, body)));
  }

  private static Stream<String> hostile() {
    return Stream.of(
        "\"\"",
        "\"\\u0000\"",
        "\"\\ud800\"",
        "\"a\\u0000b@shop.example\"",
        "\"\\ud800\\u0041\\udc00abcdef\"",
        "\"\\u202eabcdefgh\\u0007\"",
        "\"" + "x".repeat(2_000) + "\"",
        "\"" + "é".repeat(20_000) + "\"",
        "-1",
        "1e400",
        "true");
  }

  @ParameterizedTest(name = "{0} {index}")
  @MethodSource("badInput")
  void badInputIsRefusedAsAProblemAndChangesNothing(String path, String body) {
    var method = path.equals(PASSWORD_OF_ME) ? "PUT" : "POST";
    var token = path.equals(PASSWORD_OF_ME) ? tokenForBadInput() : null;
    long before = rows();
    var reply = server.call(method, path, token, body);
    assertThat(reply.status()).isBetween(400, 499);
    assertThat(reply.header("Content-Type")).isEqualTo("application/problem+json");
    assertThat(reply.code()).isNotEmpty();
    assertThat(rows()).isEqualTo(before);
  }

  @Test
  void anotherMediaTypeAndAnOversizedBodyAreRefused() {
    var big = server.call("POST", USERS, null, "{\"email\":\"" + "x".repeat(70_000) + "\"}");
    assertThat(big.status()).isEqualTo(413);
    assertThat(server.call("POST", USERS, null, null).status()).isEqualTo(415);
  }

  @Test
  void withoutAGoodTokenNothingOfTheCallersIsShown() {
    for (var call :
        List.of(List.of("GET", ME), List.of("PUT", PASSWORD_OF_ME), List.of("DELETE", SESSIONS))) {
      for (var token : List.of("", "x", "a.b.c", "e30.e30.", "é")) {
        var reply = server.call(call.get(0), call.get(1), token, null);
        assertThat(reply.status()).isEqualTo(401);
        assertThat(reply.code()).isEqualTo("UNAUTHENTICATED");
      }
      assertThat(server.call(call.get(0), call.get(1), null, null).status()).isEqualTo(401);
    }
  }

  private String email() {
    return ++number + "@shop.example";
  }

  private String lastEmail(String prefix) {
    return prefix + number + "@shop.example";
  }

  private UsersServer.Reply signUp(String email) {
    return server.post(USERS, Map.of("email", email, "password", PASSWORD));
  }

  private UsersServer.Reply signIn(String email) {
    return server.post(SESSIONS, Map.of("email", email, "password", PASSWORD));
  }

  private String tokenForBadInput() {
    signUp("bad-input@shop.example");
    return signIn("bad-input@shop.example").text("accessToken");
  }

  private long rows() {
    return server.fixture.count(
        "SELECT (SELECT count(*) FROM users) + (SELECT count(*) FROM sessions)");
  }

  private static Set<String> names(JsonNode object) {
    var names = new TreeSet<String>();
    object.fieldNames().forEachRemaining(names::add);
    return names;
  }
}
