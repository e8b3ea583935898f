package flashsale.users;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import flashsale.platform.http.Problem;
import flashsale.platform.ids.Ids;
import flashsale.platform.security.AccessToken;
import flashsale.platform.security.Caller;
import flashsale.platform.security.TokenVerifier;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.time.temporal.ChronoUnit;
import java.util.Base64;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SigningKeysTest {
  private static final Duration TTL = Duration.ofMinutes(15);
  private static final Duration GRACE = TTL.plus(SigningKeys.LOOK_EVERY);

  @TempDir Path parent;
  private Path folder;
  private final AtomicReference<Instant> now =
      new AtomicReference<>(Instant.parse("2026-11-24T10:00:00Z"));
  private final InstantSource clock = now::get;

  @BeforeEach
  void nameTheFolder() {
    folder = parent.resolve("data/keys");
  }

  @Test
  void theFirstStartMakesAKeyThatOnlyItsOwnerCanRead() throws IOException {
    process();
    assertThat(files()).hasSize(1);
    assertThat(permissions(folder)).isEqualTo("rwx------");
    assertThat(permissions(files().getFirst())).isEqualTo("rw-------");
  }

  @Test
  void aRestartSignsWithTheSameKey() throws IOException {
    var token = process().sign(token());
    assertThat(verifies(process(), token)).isTrue();
    assertThat(kids(process())).isEqualTo(kids(process()));
    assertThat(files()).hasSize(1);
  }

  @Test
  void twoFirstStartsAtOnceUnderstandEachOther() throws Exception {
    Callable<SigningKeys> start = this::process;
    try (var threads = Executors.newFixedThreadPool(8)) {
      var started = threads.invokeAll(IntStream.range(0, 8).mapToObj(i -> start).toList());
      pass(Duration.ofSeconds(1));
      for (var one : started) {
        var token = one.get().sign(token());
        for (var other : started) {
          assertThat(verifies(other.get(), token)).isTrue();
          pass(Duration.ofSeconds(1));
        }
      }
    }
  }

  @Test
  void thePublicKeysAreShownWithoutTheirPrivateHalves() {
    var keys = process();
    keys.rotate();
    assertThat(keys.jwks().get("keys"))
        .hasSize(2)
        .allSatisfy(
            key -> {
              assertThat(key)
                  .containsEntry("kty", "OKP")
                  .containsEntry("crv", "Ed25519")
                  .containsEntry("use", "sig")
                  .containsEntry("alg", "EdDSA")
                  .containsKeys("kid", "x")
                  .doesNotContainKey("d");
            });
  }

  @Test
  void afterARotationTheNewKeySignsAndTheOldOneStillVerifies() {
    var keys = process();
    var before = keys.sign(token());
    var kid = keys.rotate();
    pass(Duration.ofMinutes(1));
    assertThat(kids(keys).getFirst()).isEqualTo(kid);
    assertThat(header(keys.sign(token()))).contains(kid);
    assertThat(verifies(keys, before)).isTrue();
  }

  @Test
  void anOldKeyRetiresWhenItsLastTokenHasExpired() throws IOException {
    var keys = process();
    var first = kids(keys).getFirst();
    pass(Duration.ofDays(1));
    keys.rotate();
    pass(GRACE.minusMillis(1));
    assertThat(keys.publicKey(first)).isPresent();
    pass(Duration.ofMillis(1));
    assertThat(keys.publicKey(first)).isEmpty();
    assertThat(kids(keys)).hasSize(1);
    assertThat(files()).hasSize(2);
    keys.rotate();
    assertThat(files()).as("the retired key's file is gone").hasSize(2);
    assertThat(files()).noneMatch(file -> file.toString().contains(first));
  }

  @Test
  void aTokenOfAnotherProcessIsUnderstoodAtOnce() {
    var server = process();
    var other = process();
    pass(Duration.ofSeconds(1));
    other.rotate();
    assertThat(verifies(server, other.sign(token()))).isTrue();
  }

  @Test
  void aRotationByAnotherProcessIsAdoptedSoon() {
    var server = process();
    var kid = process().rotate();
    assertThat(header(server.sign(token()))).doesNotContain(kid);
    pass(SigningKeys.LOOK_EVERY);
    assertThat(header(server.sign(token()))).contains(kid);
  }

  @Test
  void madeUpKeyNamesDoNotMakeTheFolderBeReadEachTime() {
    var server = process();
    var kid = process().rotate();
    assertThat(server.publicKey(kid)).as("read a moment ago").isEmpty();
    pass(SigningKeys.LOOK_GAP);
    assertThat(server.publicKey(kid)).isPresent();
  }

  @Test
  void theNewestKeySignsEvenIfTheClockStoodStill() {
    var keys = process();
    for (int i = 1; i < SigningKeys.KEYS_MAX; i++) {
      var kid = keys.rotate();
      assertThat(header(keys.sign(token()))).contains(kid);
      assertThat(kids(process())).isEqualTo(kids(keys));
    }
    assertThatThrownBy(keys::rotate)
        .isInstanceOf(SigningKeys.TooMany.class)
        .hasMessageContaining("still needed");
    pass(GRACE.plusSeconds(1));
    keys.rotate();
    assertThat(kids(keys)).hasSize(2);
  }

  @Test
  void aKeyThatOthersMayReadStopsTheStart() throws IOException {
    process();
    var file = files().getFirst();
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-r--r--"));
    assertThatThrownBy(this::process)
        .isInstanceOf(UnusableKey.class)
        .hasMessageContaining("chmod 600 " + file);
  }

  @Test
  void aDamagedKeyStopsTheStartAndSaysWhichWithoutShowingIt() throws IOException {
    process();
    var file = files().getFirst();
    var text = Files.readString(file);
    for (var damaged :
        List.of("", "{}", "null", text.substring(0, 60), text.replace("\"d\"", "\"e\""))) {
      Files.writeString(file, damaged);
      assertThatThrownBy(this::process)
          .isInstanceOf(UnusableKey.class)
          .hasMessageContaining(file.toString())
          .hasMessageContaining("damaged")
          .hasNoCause();
    }
  }

  @Test
  void aFolderThatIsDamagedLaterLeavesTheKnownKeysInUse() throws IOException {
    var keys = process();
    Files.writeString(files().getFirst(), "{");
    pass(Duration.ofHours(1));
    assertThat(verifies(keys, keys.sign(token()))).isTrue();
  }

  private SigningKeys process() {
    return new SigningKeys(folder, clock, TTL);
  }

  private boolean verifies(SigningKeys keys, String token) {
    try {
      new TokenVerifier(keys, clock, new TokenVerifier.Settings(10, 10, TTL)).verify(token);
      return true;
    } catch (Problem problem) {
      return false;
    }
  }

  private AccessToken token() {
    var issuedAt = now.get().truncatedTo(ChronoUnit.SECONDS);
    return new AccessToken(new Caller(Ids.next(), false), Ids.next(), issuedAt, issuedAt.plus(TTL));
  }

  private static List<String> kids(SigningKeys keys) {
    return keys.jwks().get("keys").stream().map(key -> (String) key.get("kid")).toList();
  }

  private static String header(String token) {
    return new String(
        Base64.getUrlDecoder().decode(token.substring(0, token.indexOf('.'))),
        StandardCharsets.UTF_8);
  }

  private void pass(Duration time) {
    now.updateAndGet(instant -> instant.plus(time));
  }

  private List<Path> files() throws IOException {
    try (var files = Files.list(folder)) {
      return files.toList();
    }
  }

  private static String permissions(Path path) throws IOException {
    return PosixFilePermissions.toString(Files.getPosixFilePermissions(path));
  }
}
