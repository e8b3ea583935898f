package flashsale.server;

import java.nio.file.Files;
import java.nio.file.Path;

/** Where the project's own files lie. */
final class Project {
  private Project() {}

  static Path root() {
    var folder = Path.of("").toAbsolutePath();
    while (!Files.exists(folder.resolve("flashsale"))) {
      folder = folder.getParent();
    }
    return folder;
  }
}
