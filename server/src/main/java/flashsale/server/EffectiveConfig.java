package flashsale.server;

import com.fasterxml.jackson.core.JsonProcessingException;
import flashsale.platform.json.Json;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What holds after all sources were read.
 *
 * @param config for the program
 * @param settings for people, in the order of {@link ConfigKeys}
 */
record EffectiveConfig(Config config, List<Setting> settings) {

  /**
   * One setting's value and where it came from.
   *
   * @param source empty for the default
   */
  record Setting(ConfigKey key, Object value, String source) {
    boolean isDefault() {
      return value.equals(key.defaultValue());
    }

    /** The value's text; a secret's is never told. */
    String shown() {
      var text = key.kind().show(value);
      return key.kind() == ConfigKind.SECRET && !text.isEmpty() ? "***" : text;
    }

    /** {@code name = value}, with the source, for messages. */
    String told() {
      return "%s = %s (%s)".formatted(key.name(), shown(), source.isEmpty() ? "default" : source);
    }
  }

  static EffectiveConfig of(List<Setting> settings) {
    Map<String, Map<String, Object>> sections = new LinkedHashMap<>();
    for (var setting : settings) {
      var key = setting.key();
      sections
          .computeIfAbsent(key.section(), s -> new LinkedHashMap<>())
          .put(
              key.name().substring(key.section().length() + 1),
              setting.value() instanceof Duration d ? d.toString() : setting.value());
    }
    try {
      // Strict: a key without its place in the record fails here, and in every test.
      return new EffectiveConfig(
          Json.strict().treeToValue(Json.strict().valueToTree(sections), Config.class), settings);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("ConfigKeys and Config differ: " + e.getMessage(), e);
    }
  }
}
