package flashsale.users;

import flashsale.contracts.TokenAuthority;
import flashsale.platform.http.Problem;
import flashsale.platform.ids.Ids;
import flashsale.platform.json.Json;
import flashsale.platform.metrics.Meters;
import flashsale.platform.persistence.Database;
import flashsale.platform.security.AccessToken;
import flashsale.platform.security.Caller;
import flashsale.platform.security.TokenVerifier;
import java.nio.file.Path;
import java.time.Instant;
import java.time.InstantSource;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Optional;
import java.util.UUID;

/**
 * The users role: accounts, sign-in, sessions and their tokens. Expected refusals are {@link
 * Problem}s. Thread-safe; meant for blocking calls on virtual threads.
 */
public final class Users implements TokenAuthority, AutoCloseable {
  private final Database database;
  private final InstantSource clock;
  private final UsersSettings settings;
  private final Accounts accounts;
  private final Sessions sessions;
  private final Openings openings;
  private final Refreshes refreshes;
  private final Passwords passwords;
  private final VerifiedCredentials credentials;
  private final SigningKeys keys;
  private final TokenVerifier verifier;
  private final Purge purge;
  private final Guesses guesses;

  /** The role as its own process uses it, where nobody guesses. */
  public Users(Database database, Path keysDir, InstantSource clock, UsersSettings settings) {
    this(database, keysDir, clock, settings, Guesses.ANY);
  }

  /**
   * Starts the role over its database.
   *
   * @param keysDir the folder with the signing keys; created, with a first key, where needed
   * @param guesses how often the password of one account may be tried
   */
  public Users(
      Database database,
      Path keysDir,
      InstantSource clock,
      UsersSettings settings,
      Guesses guesses) {
    var remembering = settings.remembering();
    this.database = database;
    this.clock = clock;
    this.settings = settings;
    this.accounts = new Accounts(database);
    this.keys = new SigningKeys(keysDir, clock, settings.accessTtl());
    this.verifier = new TokenVerifier(keys, clock, settings.verifying());
    this.credentials =
        new VerifiedCredentials(remembering.credentialsMax(), remembering.credentialsTtl(), clock);
    this.passwords = new Passwords(settings.hashing());
    this.sessions = new Sessions(database, clock);
    this.openings = new Openings(database, clock, settings);
    this.refreshes = new Refreshes(database, clock, settings.refreshTtl());
    // A restart must not make access tokens of ended sessions valid again.
    sessions
        .endedSince(clock.instant().minus(settings.accessTtl()), remembering.revokedMax())
        .forEach(verifier::revoked);
    this.purge = new Purge(sessions, clock, settings.purging());
    this.guesses = guesses;
  }

  /** What verifies the access tokens of this role's users. */
  public TokenVerifier verifier() {
    return verifier;
  }

  @Override
  public String jwks() {
    return Json.text(keys.jwks());
  }

  @Override
  public List<UUID> endedSince(Instant since, int max) {
    return sessions.endedSince(since, max);
  }

  /** What signs them. */
  public SigningKeys keys() {
    return keys;
  }

  /**
   * Makes a customer's account.
   *
   * @param displayName null: none
   * @throws Problem 422 INVALID_EMAIL, WEAK_PASSWORD or INVALID_DISPLAY_NAME, 409 EMAIL_TAKEN, 503
   */
  public User signUp(String email, String password, String displayName) {
    var name =
        displayName == null
            ? null
            : DisplayName.parse(displayName).orElseThrow(Refusals::invalidDisplayName).text();
    return create(email, password, name, false);
  }

  /**
   * Makes an operator's account.
   *
   * @throws Problem as {@link #signUp}; 409 EMAIL_TAKEN also if it is this very operator's
   */
  public User createOperator(String email, String password) {
    return create(email, password, null, true);
  }

  /**
   * Whether somebody has this address and this password. Opens no session.
   *
   * @throws Problem 503 when too many hash at this moment
   */
  public boolean knows(String rawEmail, String rawPassword) {
    var password = Password.parse(rawPassword);
    var hash =
        Email.parse(rawEmail)
            .flatMap(accounts::credentials)
            .map(Accounts.Credentials::passwordHash);
    return password.isPresent() && passwords.matches(hash, password.get());
  }

  private User create(String rawEmail, String rawPassword, String displayName, boolean operator) {
    var email = Email.parse(rawEmail).orElseThrow(Refusals::invalidEmail);
    var password = chosen(rawPassword, email);
    // Looked at before the hash too, so that a sign-up that must fail costs no hash.
    if (accounts.credentials(email).isPresent()) {
      throw Refusals.emailTaken();
    }
    var hash = passwords.hash(password);
    var user = new User(Ids.next(), email.text(), displayName, operator);
    if (!accounts.add(user, hash, clock.instant().truncatedTo(ChronoUnit.MICROS))) {
      throw Refusals.emailTaken();
    }
    credentials.remember(email, password, new VerifiedCredentials.Known(user.userId(), 1));
    return user;
  }

  private static Password chosen(String raw, Email email) {
    return Password.parse(raw)
        .filter(password -> password.isStrongFor(email))
        .orElseThrow(Refusals::weakPassword);
  }

  /** The account with this id. */
  public Optional<User> find(UUID userId) {
    return accounts.find(userId);
  }

  /**
   * Opens a session.
   *
   * @throws Problem 401 BAD_CREDENTIALS, the same and after the same time for an unknown address
   *     and for a wrong password; 429 TOO_MANY_ATTEMPTS, the same for both too; 503 when too many
   *     sign in at this moment
   */
  public SignedIn signIn(String rawEmail, String rawPassword) {
    // Nobody has an address or a password that cannot be one: this tells nothing about accounts.
    var email = Email.parse(rawEmail).orElseThrow(Refusals::badCredentials);
    var password = Password.parse(rawPassword).orElseThrow(Refusals::badCredentials);
    return credentials
        .find(email, password)
        .flatMap(known -> openings.open(known.userId(), known.passwordVersion()))
        .or(() -> openVerified(email, password))
        .map(this::signedIn)
        .orElseThrow(Refusals::badCredentials);
  }

  private Optional<Sessions.Open> openVerified(Email email, Password password) {
    guesses.oneMore(email);
    var account = accounts.credentials(email);
    if (!passwords.matches(account.map(Accounts.Credentials::passwordHash), password)) {
      return Optional.empty();
    }
    var found = account.orElseThrow();
    if (passwords.isOutdated(found.passwordHash())) {
      rehash(found, password);
    }
    var opened = openings.open(found.userId(), found.passwordVersion());
    opened.ifPresent(
        session ->
            credentials.remember(
                email,
                password,
                new VerifiedCredentials.Known(found.userId(), found.passwordVersion())));
    return opened;
  }

  private void rehash(Accounts.Credentials old, Password password) {
    try {
      accounts.rehash(old, passwords.hash(password));
    } catch (Problem busy) {
      // No reason to refuse the sign-in: the next one will do.
    }
  }

  /**
   * Goes on with a session.
   *
   * @throws Problem 401 REFRESH_TOKEN_INVALID; if the token had been used, the session has ended
   */
  public SignedIn refresh(String rawToken) {
    var token = RefreshToken.parse(rawToken).orElseThrow(Refusals::refreshTokenInvalid);
    return switch (refreshes.refresh(token)) {
      case Refreshes.Outcome.Rotated(var session) -> signedIn(session);
      case Refreshes.Outcome.Invalid() -> throw Refusals.refreshTokenInvalid();
      case Refreshes.Outcome.Reused(var sessionId) -> {
        verifier.revoked(sessionId);
        throw Refusals.refreshTokenInvalid();
      }
    };
  }

  /** Ends a session with all its tokens; a repeat changes nothing. */
  public void signOut(UUID sessionId) {
    sessions.end(sessionId, Sessions.EndReason.SIGNED_OUT);
    verifier.revoked(sessionId);
  }

  /**
   * Changes the password and ends all of the user's sessions, the caller's too.
   *
   * @throws Problem 403 BAD_CREDENTIALS if the old password is wrong, 422 WEAK_PASSWORD, 503
   */
  public void changePassword(UUID userId, String rawOld, String rawNew) {
    var user = find(userId).orElseThrow(() -> Problem.notFound("user"));
    var next = chosen(rawNew, Email.parse(user.email()).orElseThrow());
    var old = accounts.credentials(userId);
    var presented = Password.parse(rawOld);
    if (presented.isEmpty()
        || !passwords.matches(old.map(Accounts.Credentials::passwordHash), presented.get())) {
      throw Refusals.wrongOldPassword();
    }
    var hash = passwords.hash(next);
    replace(old.orElseThrow(), hash).forEach(verifier::revoked);
    credentials.forget(userId);
  }

  private List<UUID> replace(Accounts.Credentials old, String newHash) {
    return database.inTransaction(
        connection -> {
          if (!Accounts.setPassword(connection, old, newHash)) {
            throw Refusals.wrongOldPassword();
          }
          return sessions.endAll(connection, old.userId(), Sessions.EndReason.PASSWORD_CHANGED);
        });
  }

  private SignedIn signedIn(Sessions.Open session) {
    var issuedAt = clock.instant().truncatedTo(ChronoUnit.SECONDS);
    var token =
        new AccessToken(
            new Caller(session.userId(), session.operator()),
            session.sessionId(),
            issuedAt,
            issuedAt.plus(settings.accessTtl()));
    var text = keys.sign(token);
    verifier.issued(text, token);
    return new SignedIn(
        text,
        "Bearer",
        settings.accessTtl().toSeconds(),
        session.refreshToken().text(),
        settings.refreshTtl().toSeconds(),
        session.userId(),
        session.operator());
  }

  /** Password hashes made so far. */
  long hashesMade() {
    return passwords.made();
  }

  /** Shows the role's queues and caches. */
  public void watch(Meters meters) {
    var hashes = "flashsale.users.hashes";
    var about = "Password hashes being made and waiting; made and refused since the start";
    meters.gauge(hashes, about, "state", "running", passwords::running);
    meters.gauge(hashes, about, "state", "waiting", passwords::waiting);
    meters.gauge(hashes, about, "state", "made", passwords::made);
    meters.gauge(hashes, about, "state", "refused", passwords::refused);
    var entries = "flashsale.users.remembered";
    about = "Entries of the users role's caches";
    meters.gauge(entries, about, "cache", "credentials", credentials::size);
    meters.gauge(entries, about, "cache", "tokens", verifier::verifiedTokens);
    meters.gauge(entries, about, "cache", "revoked", verifier::revokedSessions);
    var signIns = "flashsale.users.signins";
    meters.gauge(signIns, "Sign-ins being written", "state", "waiting", openings::waiting);
  }

  /** Finishes what was begun and stops; the database stays open. */
  @Override
  public void close() {
    purge.close();
    passwords.close();
    openings.close();
  }
}
