package flashsale.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ConfigReaderTest {
  @TempDir private Path folder;

  @Test
  void laterSourcesWinAndAreNamed() throws IOException {
    var file = file("http:", "  port: 1001", "  host: localhost", "checkout.deadline: 4s");
    var environment =
        Map.of("FLASHSALE_HTTP_PORT", "1002", "FLASHSALE_CHECKOUT_BATCH_MAX", "64", "PATH", "x");

    var effective =
        new ConfigReader()
            .file(file)
            .environment(environment)
            .flag("http.port", "1003", "--port")
            .read();

    assertThat(effective.config().http().port()).isEqualTo(1003);
    assertThat(effective.config().http().host()).isEqualTo("localhost");
    assertThat(effective.config().checkout().batchMax()).isEqualTo(64);
    assertThat(effective.config().checkout().deadline()).isEqualTo(Duration.ofSeconds(4));
    assertThat(ConfigText.yaml(effective, true))
        .isEqualTo(
            """
            http:
              host: localhost  # from %1$s:3; default 127.0.0.1
              port: 1003  # from --port; default 8080
            checkout:
              deadline: 4s  # from %1$s:4; default 5s
              batchMax: 64  # from environment FLASHSALE_CHECKOUT_BATCH_MAX; default 256
            """
                .formatted(file));
  }

  @ParameterizedTest
  @CsvSource({
    "http.prot, http.port",
    "htpp.port, http.port",
    "http.body-max, http.bodyMax",
    "http.body_max, http.bodyMax",
    "port, http.port",
    "server.port, http.port",
    "checkout.batchmx, checkout.batchMax",
    "inventory.chargewindow, inventory.chargeWindow"
  })
  void anUnknownNameStopsTheStartAndSaysWhatWasMeant(String given, String meant) {
    var refused = refused(new ConfigReader().flag(given, "1", "--set " + given));

    assertThat(refused.problems())
        .containsExactly(
            new ConfigProblem(
                "--set " + given,
                "There is no setting " + given + ". Did you mean " + meant + "?"));
  }

  @Test
  void aNameLikeNothingKnownLeadsToTheList() {
    assertThat(refused(new ConfigReader().flag("frobnicate", "1", "--set")))
        .hasMessageContaining("flashsale config --defaults");
  }

  @Test
  void anUnknownVariableStopsTheStartAndSaysWhatWasMeant() {
    var refused = refused(new ConfigReader().environment(Map.of("FLASHSALE_HTTP_PROT", "1")));

    assertThat(refused)
        .hasMessageContaining("environment FLASHSALE_HTTP_PROT")
        .hasMessageContaining("Did you mean FLASHSALE_HTTP_PORT?");
  }

  @Test
  void variablesOfTheScriptAndOfKubernetesAreNoSettings() {
    var environment =
        Map.of(
            "FLASHSALE_JAVA_OPTS", "-Xmx1g",
            "FLASHSALE_DATA_DIR", "/data",
            "FLASHSALE_SERVICE_HOST", "10.0.0.1",
            "FLASHSALE_PORT", "tcp://10.0.0.1:80",
            "FLASHSALE_PORT_80_TCP_ADDR", "10.0.0.1");

    assertThat(new ConfigReader().environment(environment).read().config().http().port())
        .isEqualTo(8080);
  }

  @Test
  void aSettingThatKubernetesOverwroteIsExplained() {
    var environment = Map.of("FLASHSALE_HTTP_PORT", "tcp://10.0.0.1:80");

    assertThat(refused(new ConfigReader().environment(environment)))
        .hasMessageContaining("enableServiceLinks");
  }

  @ParameterizedTest
  @CsvSource({
    "http.port, 80800, a whole number from 0 to 65535",
    "http.port, -1, a whole number from 0 to 65535",
    "http.port, 99999999999999, a whole number from 0 to 65535",
    "http.port, '', a whole number from 0 to 65535",
    "http.port, '8 080', Did you mean 8080?",
    "checkout.deadline, 5, Did you mean 5s?",
    "checkout.deadline, 5 sec, Did you mean 5s?",
    "checkout.deadline, PT5S, Did you mean 5s?",
    "checkout.deadline, 2h, a time from 500ms to 1m",
    "checkout.deadline, soon, a time from 500ms to 1m",
    "http.bodyMax, 1MB, Did you mean 1MiB?",
    "http.bodyMax, 64k, Did you mean 64KiB?",
    "http.bodyMax, 1GiB, a size from 4KiB to 8MiB",
    "log.access, yes, Did you mean true?",
    "log.level, info, Did you mean INFO?",
    "log.level, TRACE, 'one of ERROR, WARN, INFO, DEBUG'",
    "payments.gateway, sandbx, Did you mean sandbox?",
    "payments.sandboxFailureRate, 5%, Did you mean 0.05?",
    "payments.sandboxFailureRate, 1.5, a share from 0 to 1"
  })
  void aValueOfTheWrongKindOrOutOfBoundsSaysWhatIsAllowedAndWhatWasMeant(
      String name, String value, String said) {
    var refused = refused(new ConfigReader().flag(name, value, "--set"));

    assertThat(refused).hasMessageContaining(said).hasMessageContaining(name);
    assertThat(refused.problems()).hasSize(1);
  }

  @Test
  void everythingThatIsWrongIsToldAtOnceWithItsPlace() throws IOException {
    var file =
        file(
            "http:",
            "  port: [8080]",
            "  hots: localhost",
            "checkout: 5s",
            "users:",
            "  tokenTtl:",
            "log:",
            "  - INFO");

    var refused =
        refused(
            new ConfigReader()
                .file(file)
                .environment(Map.of("FLASHSALE_HTTP_REQUESTS_MAX", "0"))
                .flag("inventory.chargeWindow", "6s", "--set inventory.chargeWindow"));

    assertThat(refused.problems())
        .extracting(ConfigProblem::where)
        .contains(
            file + ":2",
            file + ":3",
            file + ":4",
            file + ":6",
            file + ":7",
            "environment FLASHSALE_HTTP_REQUESTS_MAX");
    assertThat(refused)
        .hasMessageContaining("hold must outlive the charge")
        .hasMessageContaining("inventory.chargeWindow = 6s (--set inventory.chargeWindow)")
        .hasMessageContaining("checkout.deadline = 5s (default)");
  }

  @ParameterizedTest
  @CsvSource({
    "checkout.deadline, 2s, longer than payments.gatewayTimeout",
    "payments.sandboxLatency, 1s, shorter than half of payments.gatewayTimeout",
    "inventory.chargeWindow, 22s, longer than 4 times checkout.deadline",
    "checkout.queueMax, 100, at least checkout.batchMax",
    "messaging.url, localhost:5672, amqp://user:password@host:port/vhost",
    "messaging.url, amqp://:5672, amqp://user:password@host:port/vhost",
    "messaging.url, amqp://me:se:cret@host, are written %3A %2F",
    "messaging.url, amqp://me:secret@host/a/b, are written %3A %2F",
    "database.waitMax, 5s, shorter than checkout.deadline",
    "http.drain, 1s, at least checkout.deadline",
    "database.ordersPoolMax, 500, pools together",
    "database.url, jdbc:postgresql://db/shop, Each role has a database of its own",
    "database.url, jdbc:mysql://db/{role}, Only PostgreSQL",
    "database.url, jdbc:postgresql://db/{role}, needs a login",
    "database.user, me, makes its own logins",
    "users.refreshTtl, 1h, longer than users.tokenTtl",
    "reservations.linesMax, 100, largest cart"
  })
  void settingsThatCannotWorkTogetherSayWhy(String name, String value, String why) {
    var reader = new ConfigReader().flag(name, value, "--set");
    switch (name) {
      case "users.refreshTtl" -> reader.flag("users.tokenTtl", "2h", "--set");
      case "reservations.linesMax" -> reader.flag("http.bodyMax", "4KiB", "--set");
      default -> {}
    }

    assertThat(refused(reader)).hasMessageContaining(why).hasMessageContaining(name + " = ");
  }

  @Test
  void aServerMayStopWithoutWaiting() {
    var config = new ConfigReader().flag("http.drain", "0", "--set").read().config();

    assertThat(config.http().drain()).isEqualTo(Duration.ZERO);
  }

  @Test
  void anExternalDatabaseHasAnAddressForEachRole() {
    var config =
        new ConfigReader()
            .flag("database.url", "jdbc:postgresql://db/flashsale_{role}", "--set")
            .flag("database.user", "shop", "--set")
            .flag("database.password", "secret", "--set")
            .read()
            .config();

    assertThat(config.database().url("orders")).isEqualTo("jdbc:postgresql://db/flashsale_orders");
    assertThat(config.database())
        .hasToString("PostgreSQL at jdbc:postgresql://db/flashsale_{role}");
  }

  @Test
  void aSecretIsNeverTold() {
    var reader =
        new ConfigReader()
            .flag("database.password", "hunter2", "--set database.password")
            .flag("database.url", "jdbc:postgresql://db/{role}", "--set")
            .flag("database.user", "shop", "--set");
    var effective = reader.read();

    assertThat(ConfigText.yaml(effective, false) + ConfigText.json(effective))
        .doesNotContain("hunter2")
        .contains("***");
    assertThat(refused(new ConfigReader().flag("database.password", "hunter2", "--set")))
        .hasMessageContaining("***")
        .hasMessageNotContaining("hunter2");
    assertThat(refused(new ConfigReader().flag("database.password", "hunter2\0", "--set")))
        .hasMessageNotContaining("hunter2");
  }

  @Test
  void aFileThatIsNoYamlSaysWhere() throws IOException {
    var file = file("http:", "  port: 80", " host: [");

    assertThat(refused(new ConfigReader().file(file))).hasMessageContaining(file + ":3");
  }

  @Test
  void aNameThatIsSaidTwiceIsRefused() throws IOException {
    var file = file("http.port: 80", "http:", "  port: 81");

    assertThat(refused(new ConfigReader().file(file)))
        .hasMessageContaining(file + ":3 says http.port again, after line 1");
  }

  @Test
  void anEmptyFileChangesNothing() throws IOException {
    var effective = new ConfigReader().file(file("# nothing", "http:")).read();

    assertThat(effective.settings()).allMatch(EffectiveConfig.Setting::isDefault);
  }

  @Test
  void aMissingFileIsSaid() {
    assertThat(refused(new ConfigReader().file(folder.resolve("none.yaml"))))
        .hasMessageContaining("there is no such file");
  }

  private Path file(String... lines) throws IOException {
    return Files.write(folder.resolve("application.yaml"), java.util.List.of(lines));
  }

  private static ConfigRefused refused(ConfigReader reader) {
    var refused = catchThrowableOfType(ConfigRefused.class, reader::read);
    assertThat(refused).as("the configuration is refused").isNotNull();
    return refused;
  }
}
