package flashsale.users;

import flashsale.platform.http.Access;
import flashsale.platform.http.Answer;
import flashsale.platform.http.Call;
import flashsale.platform.http.Problem;
import flashsale.platform.http.Routes;
import flashsale.platform.json.Json;
import flashsale.platform.security.AccessToken;

/** The users role over HTTP. */
public final class UsersApi {
  private record SignUp(String email, String password, String displayName) {}

  private record SignIn(String email, String password) {}

  private record Refresh(String refreshToken) {}

  private record ChangePassword(String oldPassword, String newPassword) {}

  private static final String USERS = "/api/v1/users";
  private static final String ME = USERS + "/me";
  private static final String SESSIONS = "/api/v1/sessions";

  private final Users users;

  public UsersApi(Users users) {
    this.users = users;
  }

  public void routes(Routes routes) {
    routes
        .post(USERS, Access.PUBLIC, this::signUp)
        .get(ME, Access.CUSTOMER, this::me)
        .put(ME + "/password", Access.CUSTOMER, this::changePassword)
        .post(SESSIONS, Access.PUBLIC, this::signIn)
        .post(SESSIONS + "/refresh", Access.PUBLIC, this::refresh)
        .delete(SESSIONS, Access.CUSTOMER, this::signOut)
        .get("/.well-known/jwks.json", Access.PUBLIC, this::jwks);
  }

  private Answer signUp(Call call) {
    var body = call.body(SignUp.class);
    return Answer.created(ME, users.signUp(body.email(), body.password(), body.displayName()));
  }

  private Answer me(Call call) {
    return Answer.ok(
        users.find(call.caller().userId()).orElseThrow(() -> Problem.notFound("user")));
  }

  private Answer changePassword(Call call) {
    var body = call.body(ChangePassword.class);
    users.changePassword(
        call.caller().userId(),
        given("oldPassword", body.oldPassword()),
        given("newPassword", body.newPassword()));
    return Answer.noContent();
  }

  private Answer signIn(Call call) {
    var body = call.body(SignIn.class);
    return tokens(users.signIn(given("email", body.email()), given("password", body.password())));
  }

  private Answer refresh(Call call) {
    var body = call.body(Refresh.class);
    return tokens(users.refresh(given("refreshToken", body.refreshToken())));
  }

  private Answer signOut(Call call) {
    users.signOut(token(call).sessionId());
    return Answer.noContent();
  }

  private Answer jwks(Call call) {
    return Answer.bytes("application/jwk-set+json", Json.bytes(users.keys().jwks()))
        .header("Cache-Control", "public, max-age=60");
  }

  /** Tokens must not lie in anybody's cache (RFC 6749, 5.1). */
  private static Answer tokens(SignedIn signedIn) {
    return Answer.json(201, signedIn).header("Cache-Control", "no-store");
  }

  private static String given(String field, String value) {
    if (value == null) {
      throw Problem.badRequest("MALFORMED_BODY", "Wrong or missing value at '" + field + "'.");
    }
    return value;
  }

  /** The token that the server let this call pass for; it has a session, the caller has not. */
  private AccessToken token(Call call) {
    var header = call.header("Authorization").orElseThrow();
    return users.verifier().verify(header.substring("Bearer ".length()).strip());
  }
}
