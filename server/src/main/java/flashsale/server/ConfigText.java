package flashsale.server;

import flashsale.platform.json.Json;
import flashsale.server.EffectiveConfig.Setting;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/** The settings in the forms in which people and programs read them. */
final class ConfigText {
  private ConfigText() {}

  /** What holds, as an application.yaml; with sources where it is no default. */
  static String yaml(EffectiveConfig effective, boolean changedOnly) {
    var shown = effective.settings().stream().filter(s -> !changedOnly || !s.isDefault()).toList();
    return sections(shown, Setting::key, ConfigText::line);
  }

  private static String line(Setting setting) {
    var line = "  " + setting.key().name().substring(setting.key().section().length() + 1);
    line += ": " + scalar(setting.key(), setting.shown());
    if (setting.isDefault()) {
      return line + "\n";
    }
    var was = setting.key().otherwise();
    return line
        + "  # from %s; default %s%n".formatted(setting.source(), was.isEmpty() ? "empty" : was);
  }

  /** The defaults with what each one means: a complete application.yaml to start from. */
  static String defaults() {
    return sections(
        ConfigKeys.ALL,
        Function.identity(),
        key ->
            "  # %s%n  # %s%n  %s: %s%n"
                .formatted(
                    key.doc(),
                    key.allowed(),
                    key.name().substring(key.section().length() + 1),
                    scalar(key, key.otherwise())));
  }

  private static <T> String sections(
      List<T> all, Function<T, ConfigKey> key, Function<T, String> line) {
    var text = new StringBuilder();
    var section = "";
    for (var one : all) {
      if (!key.apply(one).section().equals(section)) {
        section = key.apply(one).section();
        text.append(section).append(":\n");
      }
      text.append(line.apply(one));
    }
    return text.toString();
  }

  /** A JSON string is a YAML string too; plain words and figures need no quotes. */
  private static String scalar(ConfigKey key, String text) {
    boolean word = key.kind() == ConfigKind.TEXT || key.kind() == ConfigKind.SECRET;
    return word && !text.matches("[A-Za-z0-9][A-Za-z0-9._/-]*") ? Json.text(text) : text;
  }

  /** One object for each setting; a secret's value is never told. */
  static String json(EffectiveConfig effective) {
    var settings = new ArrayList<Map<String, String>>();
    for (var setting : effective.settings()) {
      settings.add(
          Map.of(
              "name", setting.key().name(),
              "value", setting.shown(),
              "default", setting.key().otherwise(),
              "source", setting.source().isEmpty() ? "default" : setting.source()));
    }
    return Json.text(settings) + "\n";
  }

  /** The page docs/configuration.md. */
  static String markdown() {
    var text =
        new StringBuilder(
            """
            # Configuration

            Made by `./flashsale config --markdown`; a test compares it with the program.

            Sources, the later ones win: the defaults below; `application.yaml` in the data directory, or
            the file of `--config`; the environment; flags (`--set http.port=9000`, and `--port`). An
            unknown name, a value out of bounds, and values that cannot work together stop the start with
            exit code 2 and a list of everything that is wrong. Nothing changes after the start.

            Times are written `250ms`, `5s`, `2m`, `12h`, `30d`; sizes `64KiB`, `20MiB` or in bytes.
            `./flashsale config` shows what holds and where it comes from; `./flashsale config --defaults`
            prints a file to start from.

            | setting | default | allowed | meaning | environment |
            | --- | --- | --- | --- | --- |
            """);
    for (var key : ConfigKeys.ALL) {
      text.append(
          "| `%s` | %s | %s | %s | `%s` |%n"
              .formatted(
                  key.name(),
                  key.otherwise().isEmpty() ? "empty" : "`" + key.otherwise() + "`",
                  key.min() == null ? key.allowed() : key.min() + " to " + key.max(),
                  key.doc(),
                  key.environmentName()));
    }
    text.append("\n## What settings have to do with each other\n\n");
    for (var check : ConfigCheck.ALL) {
      text.append("* ").append(check.why()).append('\n');
    }
    return text.toString();
  }
}
