package flashsale.server;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;

/** Files that only their owner may read (mode 600), and that are there whole or not at all. */
final class PrivateFile {
  private PrivateFile() {}

  /** Puts a file there, in place of the one that is there. */
  static void write(Path file, String text) throws IOException {
    var unfinished =
        Files.createTempFile(
            file.toAbsolutePath().getParent(),
            file.getFileName() + ".",
            ".unfinished",
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
    try {
      Files.writeString(unfinished, text, StandardCharsets.UTF_8);
      Files.move(unfinished, file, StandardCopyOption.ATOMIC_MOVE);
    } finally {
      Files.deleteIfExists(unfinished);
    }
  }
}
