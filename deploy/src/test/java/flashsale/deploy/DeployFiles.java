package flashsale.deploy;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import org.yaml.snakeyaml.LoaderOptions;
import org.yaml.snakeyaml.Yaml;
import org.yaml.snakeyaml.constructor.SafeConstructor;

/** The files of deploy/, and what the program's own pages say about the names in them. */
final class DeployFiles {
  static final Path PROJECT = project();
  static final Path DEPLOY = PROJECT.resolve("deploy");
  static final List<String> ROLES =
      List.of("users", "catalog", "inventory", "reservations", "orders", "payments");

  private static final Pattern VARIABLE = Pattern.compile("FLASHSALE_[A-Z0-9_]+");
  private static final Pattern METRIC = Pattern.compile("(?<![:a-z_])flashsale_[a-z_]+");

  /** Not settings, but options of commands; see {@code flashsale --help}. */
  private static final Set<String> OTHER_VARIABLES = Set.of("FLASHSALE_DATA_DIR");

  private DeployFiles() {}

  private static Path project() {
    var folder = Path.of("").toAbsolutePath();
    while (!Files.exists(folder.resolve("flashsale"))) {
      folder = folder.getParent();
    }
    return folder;
  }

  static String text(Path file) {
    try {
      return Files.readString(file);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** All documents of a file; a name that stands twice in one map is refused. */
  static List<Map<String, Object>> yaml(Path file) {
    var options = new LoaderOptions();
    options.setAllowDuplicateKeys(false);
    var documents = new ArrayList<Map<String, Object>>();
    for (var document : new Yaml(new SafeConstructor(options)).loadAll(text(file))) {
      documents.add(map(document));
    }
    return documents;
  }

  @SuppressWarnings("unchecked") // The keys of what is read here are texts, or it is not valid.
  static Map<String, Object> map(Object node) {
    return (Map<String, Object>) node;
  }

  /** Every file below deploy/ that is not the tests' own. */
  static List<Path> all() {
    try (var files = Files.walk(DEPLOY)) {
      return files
          .filter(Files::isRegularFile)
          .filter(file -> !file.startsWith(DEPLOY.resolve("src")))
          .filter(file -> !file.startsWith(DEPLOY.resolve("target")))
          .filter(file -> !file.getFileName().toString().equals(".env"))
          .sorted()
          .toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Names of the program's variables in a text that it does not know. */
  static Set<String> unknownVariables(String text) {
    var known = text(PROJECT.resolve("docs/configuration.md"));
    var unknown = new TreeSet<String>();
    var names = VARIABLE.matcher(text);
    while (names.find()) {
      var name = names.group();
      if (!known.contains("`" + name + "`") && !OTHER_VARIABLES.contains(name)) {
        unknown.add(name);
      }
    }
    return unknown;
  }

  /** Names of the program's metrics in a text that docs/metrics.md does not know. */
  static Set<String> unknownMetrics(String text, Set<String> defined) {
    var known = text(PROJECT.resolve("docs/metrics.md"));
    var unknown = new TreeSet<String>();
    var names = METRIC.matcher(text);
    while (names.find()) {
      var name = names.group().replaceFirst("_(count|sum)$", "");
      if (!known.contains("`" + name + "`") && !defined.contains(names.group())) {
        unknown.add(names.group());
      }
    }
    return unknown;
  }
}
