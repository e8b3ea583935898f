package flashsale.server;

import flashsale.server.EffectiveConfig.Setting;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * Reads the configuration from its sources; the later ones win: the defaults, a YAML file, the
 * environment, flags. Goes on after a problem, so that all of them are told at once. Used by one
 * thread, once.
 */
final class ConfigReader {
  private static final String ENVIRONMENT_PREFIX = "FLASHSALE_";
  private static final Map<String, ConfigKey> BY_NAME =
      ConfigKeys.ALL.stream().collect(Collectors.toMap(ConfigKey::name, Function.identity()));
  private static final Map<String, ConfigKey> BY_VARIABLE =
      ConfigKeys.ALL.stream()
          .collect(Collectors.toMap(ConfigKey::environmentName, Function.identity()));

  /** Variables that are for the start script or for commands, not settings. */
  private static final Set<String> OTHER_VARIABLES =
      Set.of(
          "FLASHSALE_JAVA_OPTS",
          "FLASHSALE_JDK_DIRS",
          "FLASHSALE_INSTALL",
          Variables.DATA_DIR,
          Variables.URL,
          Variables.OPERATOR,
          Variables.OPERATOR_PASSWORD);

  /** Kubernetes puts these beside every service of that name: they are no mistake of anybody's. */
  private static final Pattern SERVICE_LINK =
      Pattern.compile("FLASHSALE_(.+_)?(SERVICE_(HOST|PORT.*)|PORT(_\\d+_(TCP|UDP).*)?)");

  private record Given(String text, String source) {}

  private final Map<ConfigKey, Given> given = new HashMap<>();
  private final Set<ConfigKey> bad = new HashSet<>();
  private final List<ConfigProblem> problems = new ArrayList<>();

  /** Adds a file with sections and names; {@code http.port: 80} in one word will do as well. */
  ConfigReader file(Path file) {
    try {
      var yaml = YamlFile.read(file);
      for (var entry : yaml.entries()) {
        entry(yaml.where(entry), entry);
      }
    } catch (YamlFile.Malformed e) {
      problems.add(new ConfigProblem(file.toString(), e.getMessage()));
    }
    return this;
  }

  private void entry(String where, YamlFile.Entry entry) {
    var key = BY_NAME.get(entry.path());
    boolean section = ConfigKeys.ALL.stream().anyMatch(k -> k.section().equals(entry.path()));
    switch (entry.shape()) {
      case MAP, LIST -> {
        if (key != null) {
          wrong(key, where, key.name() + " must be " + key.allowed() + ", not a list or section.");
        } else if (section && entry.shape() == YamlFile.Shape.LIST) {
          problems.add(new ConfigProblem(where, entry.path() + " is a section, not a list."));
        }
      }
      case NOTHING -> {
        if (key != null) {
          wrong(key, where, key.name() + " has no value: it must be " + key.allowed() + ".");
        } else if (!section && !entry.path().isEmpty()) {
          unknown(where, entry.path());
        }
      }
      case VALUE -> {
        if (section) {
          problems.add(new ConfigProblem(where, entry.path() + " is a section, not a value."));
        } else {
          give(entry.path(), entry.text(), where);
        }
      }
    }
  }

  /** Adds the variables of an environment that are meant for this program. */
  ConfigReader environment(Map<String, String> environment) {
    environment.entrySet().stream()
        .filter(e -> e.getKey().startsWith(ENVIRONMENT_PREFIX))
        .filter(e -> !OTHER_VARIABLES.contains(e.getKey()))
        .sorted(Map.Entry.comparingByKey())
        .forEach(e -> variable(e.getKey(), e.getValue()));
    return this;
  }

  private void variable(String name, String text) {
    var where = "environment " + name;
    var key = BY_VARIABLE.get(name);
    if (key != null) {
      var link = text.startsWith("tcp://");
      give(key, text, link ? where + ", set by Kubernetes (see enableServiceLinks)" : where);
    } else if (!SERVICE_LINK.matcher(name).matches()) {
      problems.add(
          new ConfigProblem(
              where, "There is no such setting." + meant(Nearest.to(name, BY_VARIABLE.keySet()))));
    }
  }

  /** Adds a setting from a flag; {@code source} is how the flag was written. */
  ConfigReader flag(String name, String text, String source) {
    give(name, text, source);
    return this;
  }

  private void give(String name, String text, String source) {
    var key = BY_NAME.get(name);
    if (key == null) {
      unknown(source, name);
    } else {
      give(key, text, source);
    }
  }

  private void give(ConfigKey key, String text, String source) {
    given.put(key, new Given(text, source));
    try {
      key.parse(text);
    } catch (IllegalArgumentException e) {
      wrong(key, source, e.getMessage());
    }
  }

  private void wrong(ConfigKey key, String where, String what) {
    bad.add(key);
    problems.add(new ConfigProblem(where, what));
  }

  private void unknown(String where, String name) {
    problems.add(
        new ConfigProblem(where, "There is no setting " + name + "." + meant(nearest(name))));
  }

  /** The nearest whole name; else the key of another section that has this very name. */
  private static Optional<String> nearest(String name) {
    var last = name.substring(name.lastIndexOf('.') + 1);
    return BY_NAME.keySet().stream()
        .filter(k -> k.substring(k.indexOf('.') + 1).equalsIgnoreCase(last))
        .min((a, b) -> Integer.compare(Nearest.distance(a, name), Nearest.distance(b, name)))
        .or(() -> Nearest.to(name, BY_NAME.keySet()));
  }

  private static String meant(Optional<String> name) {
    return name.map(n -> " Did you mean " + n + "?")
        .orElse(" All settings: flashsale config --defaults");
  }

  /**
   * What holds now.
   *
   * @throws ConfigRefused with everything that is wrong
   */
  EffectiveConfig read() {
    var settings = ConfigKeys.ALL.stream().map(this::setting).toList();
    var effective = EffectiveConfig.of(settings);
    for (var check : ConfigCheck.ALL) {
      var involved = settings.stream().filter(s -> check.keys().contains(s.key().name())).toList();
      if (involved.stream().noneMatch(s -> bad.contains(s.key()))
          && check.fails().test(effective.config())) {
        problems.add(
            new ConfigProblem(
                involved.stream().map(Setting::told).collect(Collectors.joining(", ")),
                check.why()));
      }
    }
    if (!problems.isEmpty()) {
      throw new ConfigRefused(problems);
    }
    return effective;
  }

  private Setting setting(ConfigKey key) {
    var text = given.get(key);
    return text == null || bad.contains(key)
        ? new Setting(key, key.defaultValue(), "")
        : new Setting(key, key.parse(text.text()), text.source());
  }
}
