package flashsale.platform.persistence;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.SecureRandom;
import java.util.Base64;

/** A generated password in a file that only its owner may read (mode 600). */
final class PasswordFile {
  private static final int RANDOM_BYTES = 24;
  private static final SecureRandom RANDOM = new SecureRandom();

  private PasswordFile() {}

  /** What the file says; a missing file is made first, whole or not at all. */
  static String read(Path file) throws IOException {
    if (!Files.exists(file)) {
      var bytes = new byte[RANDOM_BYTES];
      RANDOM.nextBytes(bytes);
      var unfinished = file.resolveSibling(file.getFileName() + ".unfinished");
      Files.deleteIfExists(unfinished);
      Files.createFile(
          unfinished,
          PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
      Files.writeString(unfinished, Base64.getUrlEncoder().withoutPadding().encodeToString(bytes));
      Files.move(unfinished, file, StandardCopyOption.ATOMIC_MOVE);
    }
    return Files.readString(file).strip();
  }

  /** Gives another file the same password. */
  static void copy(Path from, Path to) throws IOException {
    var unfinished = to.resolveSibling(to.getFileName() + ".unfinished");
    Files.copy(
        from, unfinished, StandardCopyOption.REPLACE_EXISTING, StandardCopyOption.COPY_ATTRIBUTES);
    Files.move(unfinished, to, StandardCopyOption.ATOMIC_MOVE);
  }
}
