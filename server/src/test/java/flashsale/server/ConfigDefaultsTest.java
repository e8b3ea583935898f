package flashsale.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import org.junit.jupiter.api.Test;

class ConfigDefaultsTest {
  /** A changed default changes running systems: it is to be changed here too, on purpose. */
  @Test
  void theDefaultsAreFrozen() throws IOException {
    assertThat(ConfigText.defaults()).isEqualTo(resource("config-defaults.yaml"));
  }

  @Test
  void theDefaultsWorkTogether() {
    var effective = new ConfigReader().read();

    assertThat(effective.settings()).allMatch(EffectiveConfig.Setting::isDefault);
    assertThat(effective.config().http().port()).isEqualTo(8080);
    assertThat(effective.config().database().embedded()).isTrue();
  }

  @Test
  void eachDefaultIsWithinItsOwnBounds() {
    for (var key : ConfigKeys.ALL) {
      assertThat(key.parse(key.otherwise())).as(key.name()).isEqualTo(key.defaultValue());
      assertThat(key.kind().show(key.defaultValue())).as(key.name()).isEqualTo(key.otherwise());
    }
  }

  @Test
  void eachSettingHasANameAndAVariableOfItsOwn() {
    assertThat(ConfigKeys.ALL).extracting(ConfigKey::name).doesNotHaveDuplicates();
    assertThat(ConfigKeys.ALL)
        .extracting(ConfigKey::environmentName)
        .doesNotHaveDuplicates()
        .contains("FLASHSALE_USERS_HASHES_AT_A_TIME", "FLASHSALE_HTTP_BODY_MAX");
  }

  @Test
  void eachCheckNamesSettingsThatExist() {
    var names = ConfigKeys.ALL.stream().map(ConfigKey::name).toList();

    assertThat(ConfigCheck.ALL).allSatisfy(check -> assertThat(names).containsAll(check.keys()));
  }

  @Test
  void theDefaultsReadBackAsAFileAreTheDefaults() throws IOException {
    var file = Files.createTempFile("defaults", ".yaml");
    try {
      Files.writeString(file, ConfigText.defaults());

      var effective = new ConfigReader().file(file).read();

      assertThat(effective.config()).isEqualTo(new ConfigReader().read().config());
    } finally {
      Files.delete(file);
    }
  }

  /** If this fails: {@code ./flashsale config --markdown > docs/configuration.md}. */
  @Test
  void theDocumentationTellsTheSettings() throws IOException {
    assertThat(ConfigText.markdown())
        .isEqualTo(Files.readString(Project.root().resolve("docs/configuration.md")));
  }

  private static String resource(String name) throws IOException {
    try (var in = ConfigDefaultsTest.class.getResourceAsStream(name)) {
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    }
  }
}
