package flashsale.platform.persistence;

import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.JarURLConnection;
import java.net.URL;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveInputStream;
import org.tukaani.xz.XZInputStream;

/**
 * PostgreSQL's programs, unpacked from the archive on the class path into a folder named after the
 * archive's checksum, so that another version lands beside it. It appears under its name only when
 * it is whole. Thread-safe, also across processes.
 */
final class PostgresBinaries {
  private static final String UNFINISHED = ".unfinished";
  private static final Duration UNPACK_MAX = Duration.ofMinutes(2);

  /** What only compiling against PostgreSQL needs: a third of the space. */
  private static final List<String> UNNEEDED = List.of("include/", "lib/pkgconfig/", "doc/");

  private PostgresBinaries() {}

  /**
   * Unpacks if that has not been done before.
   *
   * @param folder where binaries of any version lie; made if it is missing
   * @return the folder that has {@code bin/postgres}
   */
  static Path unpacked(Path folder) {
    try {
      var archive = archive();
      Files.createDirectories(folder);
      var target = folder.resolve(name(archive));
      if (Files.isDirectory(target)) {
        return target;
      }
      try (var _ = FolderLock.await(folder, UNPACK_MAX)) {
        if (!Files.isDirectory(target)) {
          var unfinished = folder.resolve(target.getFileName() + UNFINISHED);
          delete(unfinished);
          unpack(archive, unfinished);
          Files.move(unfinished, target, StandardCopyOption.ATOMIC_MOVE);
        }
      }
      return target;
    } catch (IOException e) {
      throw new UncheckedIOException("cannot unpack PostgreSQL into " + folder, e);
    }
  }

  /** Deletes a folder with all that is in it, if it is there; another process may do the same. */
  static void delete(Path folder) throws IOException {
    Files.walkFileTree(
        folder,
        new SimpleFileVisitor<>() {
          @Override
          public FileVisitResult visitFile(Path file, BasicFileAttributes attributes)
              throws IOException {
            Files.deleteIfExists(file);
            return FileVisitResult.CONTINUE;
          }

          @Override
          public FileVisitResult visitFileFailed(Path file, IOException e) throws IOException {
            if (e instanceof NoSuchFileException) {
              return FileVisitResult.CONTINUE;
            }
            throw e;
          }

          @Override
          public FileVisitResult postVisitDirectory(Path directory, IOException e)
              throws IOException {
            Files.deleteIfExists(directory);
            return FileVisitResult.CONTINUE;
          }
        });
  }

  private static URL archive() {
    var system =
        System.getProperty("os.name").toLowerCase(Locale.ROOT).contains("mac") ? "darwin" : "linux";
    var machine =
        switch (System.getProperty("os.arch")) {
          case "amd64", "x86_64" -> "x86_64";
          case "aarch64" -> "arm_64";
          case String other -> other;
        };
    var name = "postgres-" + system + "-" + machine + ".txz";
    var archive = PostgresBinaries.class.getResource("/" + name);
    if (archive == null) {
      throw new PostgresFailure(
          "this build has no PostgreSQL for this machine ("
              + name
              + " is not on the class path): set database.url to a server of your own");
    }
    return archive;
  }

  /** The checksum stands in the jar's directory, so nothing has to be read to know the version. */
  private static String name(URL archive) throws IOException {
    var connection = archive.openConnection();
    long mark =
        connection instanceof JarURLConnection jar
            ? jar.getJarEntry().getCrc()
            : connection.getContentLengthLong();
    var file = archive.getPath();
    var name = file.substring(file.lastIndexOf('/') + 1).replace(".txz", "");
    return name + "-" + Long.toHexString(mark);
  }

  private static void unpack(URL archive, Path target) throws IOException {
    try (var packed = new BufferedInputStream(archive.openStream(), 1 << 16);
        var tar = new TarArchiveInputStream(new XZInputStream(packed))) {
      for (var entry = tar.getNextEntry(); entry != null; entry = tar.getNextEntry()) {
        var name =
            entry.getName().startsWith("./") ? entry.getName().substring(2) : entry.getName();
        var file = target.resolve(name).normalize();
        if (!file.startsWith(target)) {
          throw new IOException("the archive has an entry outside of its folder: " + name);
        }
        if (UNNEEDED.stream().noneMatch(name::startsWith) && !name.endsWith(".a")) {
          write(tar, entry, file);
        }
      }
    }
  }

  private static void write(TarArchiveInputStream tar, TarArchiveEntry entry, Path file)
      throws IOException {
    if (entry.isDirectory()) {
      Files.createDirectories(file);
      return;
    }
    Files.createDirectories(file.getParent());
    if (entry.isSymbolicLink()) {
      Files.createSymbolicLink(file, Path.of(entry.getLinkName()));
    } else if (entry.isFile()) {
      Files.copy(tar, file);
      if ((entry.getMode() & 0100) != 0 && !file.toFile().setExecutable(true, false)) {
        throw new IOException("cannot make " + file + " executable");
      }
    } else {
      throw new IOException("the archive has an entry of an unknown kind: " + entry.getName());
    }
  }
}
