package flashsale.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What stops a start that its owner can mend: said in words, with exit code 3. */
class LockedOutTest {
  @TempDir private static Path folder;

  private final StringWriter err = new StringWriter();

  @BeforeEach
  void startedBefore() {
    if (!Files.exists(operator())) {
      start();
    }
  }

  @Test
  void aLostOperatorIsSaidAndTheWayOutWorks() throws IOException {
    var kept = Files.readString(operator());

    Files.delete(operator());
    assertThat(serve()).isEqualTo(ExitCode.ENVIRONMENT.code());
    assertThat(err.toString())
        .contains("operator.json is missing", "flashsale user create --operator")
        .doesNotContain("\tat ");
    assertThat(operator()).as("no password that nobody has").doesNotExist();

    Files.writeString(operator(), kept.replaceAll("(\"password\":\").", "$1another"));
    assertThat(serve()).isEqualTo(ExitCode.ENVIRONMENT.code());
    assertThat(err.toString()).contains("has not the password of operator@flashsale.localhost");

    var password = Files.writeString(folder.resolve("password"), "a long password\n");
    var email = "boss@shop.example.com";
    assertThat(
            run("user", "create", "--operator", "--email", email, "--password-file", "" + password))
        .isZero();
    Files.writeString(
        operator(), "{\"email\":\"%s\",\"password\":\"a long password\"}".formatted(email));
    start();
  }

  @Test
  void aKeyThatOthersMayReadIsSaid() throws IOException {
    Path key;
    try (var keys = Files.list(data().resolve("keys"))) {
      key = keys.findFirst().orElseThrow();
    }
    var before = Files.getPosixFilePermissions(key);
    Files.setPosixFilePermissions(key, PosixFilePermissions.fromString("rw-r--r--"));
    try {
      assertThat(serve()).isEqualTo(ExitCode.ENVIRONMENT.code());
      assertThat(err.toString()).contains("chmod 600 ").doesNotContain("\tat ");
      assertThat(run("keys", "list")).isEqualTo(ExitCode.ENVIRONMENT.code());
    } finally {
      Files.setPosixFilePermissions(key, before);
    }
  }

  private static Path data() {
    return folder.resolve("data");
  }

  private static Path operator() {
    return data().resolve("operator.json");
  }

  /** Starts and stops a shop. */
  private static void start() {
    var config = new ConfigReader().flag("http.port", "0", "--port").read().config();
    try (var directory = ShopFolder.open(data())) {
      Shop.start(config, directory, (m, r, p, s, nanos, id) -> {}, false).close();
    }
  }

  /** To be called where it must not start, as it would go on. */
  private int serve() {
    return run("serve", "--port", "0", "--set", "log.access=false");
  }

  private int run(String... arguments) {
    err.getBuffer().setLength(0);
    var all = new ArrayList<>(List.of(arguments));
    all.addAll(List.of("--data-dir", data().toString()));
    return Main.commandLine()
        .setOut(new PrintWriter(new StringWriter(), true))
        .setErr(new PrintWriter(err, true))
        .execute(all.toArray(String[]::new));
  }
}
