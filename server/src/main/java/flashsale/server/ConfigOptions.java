package flashsale.server;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Consumer;
import picocli.CommandLine.Option;

/** Options of every command that needs the settings. */
class ConfigOptions {
  /** The configuration file of a data directory. */
  static final String FILE = "application.yaml";

  @Option(
      names = "--data-dir",
      paramLabel = "DIR",
      defaultValue = "${env:" + Variables.DATA_DIR + ":-data}",
      description = "Where everything is kept (default: data, or $" + Variables.DATA_DIR + ").")
  private Path dataDir;

  @Option(
      names = "--config",
      paramLabel = "FILE",
      description = "Configuration file (default: DIR/" + FILE + " if it is there).")
  private Path file;

  @Option(
      names = "--set",
      paramLabel = "KEY=VALUE",
      description = "One setting, e.g. --set checkout.deadline=3s; may be repeated.")
  private Map<String, String> set = new LinkedHashMap<>();

  Path dataDir() {
    return dataDir;
  }

  /**
   * The settings from all sources.
   *
   * @throws ConfigRefused with everything that is wrong with them
   */
  EffectiveConfig read() {
    return read(reader -> {});
  }

  /** The same, with settings that a command adds. */
  EffectiveConfig read(Consumer<ConfigReader> added) {
    var reader = new ConfigReader();
    var dataDirFile = dataDir.resolve(FILE);
    if (file != null) {
      reader.file(file);
    } else if (Files.exists(dataDirFile)) {
      reader.file(dataDirFile);
    }
    reader.environment(System.getenv());
    set.forEach((name, value) -> reader.flag(name, value, "--set " + name));
    flags(reader);
    added.accept(reader);
    return reader.read();
  }

  /** Adds the settings that have a flag of their own. */
  void flags(ConfigReader reader) {}
}
