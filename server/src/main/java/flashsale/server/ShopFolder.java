package flashsale.server;

import com.fasterxml.jackson.core.JsonProcessingException;
import flashsale.platform.json.Json;
import flashsale.platform.persistence.FolderLock;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The folder in which everything lies that must outlive the process: the embedded PostgreSQL, the
 * signing keys, the operator's account, the logs. One process at a time owns it; the operating
 * system ends the ownership when the process dies, however it dies. Whoever can read it is trusted
 * like the server itself, so it has mode 700. Thread-safe.
 */
public final class ShopFolder implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(ShopFolder.class);

  /** Says that a folder is one of ours, and how it is laid out. */
  private static final String LAYOUT_FILE = "layout";

  private static final String LAYOUT = "1";
  static final String KEYS = "keys";
  private static final String SERVER_FILE = "server.json";

  /** What may lie in a folder that is to become one of ours. */
  private static final Set<String> HARMLESS =
      Set.of(LAYOUT_FILE, "lock", ConfigOptions.FILE, OperatorAccount.FILE, "lost+found");

  /** A command that looks whether a server runs holds the lock for a moment. */
  private static final int LOCK_ATTEMPTS_MAX = 10;

  private static final Duration LOCK_ATTEMPT_EVERY = Duration.ofMillis(20);

  /**
   * The server that owns a data directory.
   *
   * @param doors where it answers other processes of the shop; null if it does not
   */
  public record Server(long pid, URI url, Instant startedAt, URI doors) {}

  private final Path folder;
  private final FolderLock lock;

  private ShopFolder(Path folder, FolderLock lock) {
    this.folder = folder;
    this.lock = lock;
  }

  /**
   * Takes a data directory into ownership; makes it if it is missing.
   *
   * @throws CommandFailure ALREADY_RUNNING if another process owns it, USAGE if it is somebody
   *     else's folder, ENVIRONMENT if it cannot be made or written
   */
  public static ShopFolder open(Path folder) {
    try {
      refuseForeign(folder);
      boolean made = make(folder);
      var lock = lock(folder).orElseThrow(() -> inUse(folder));
      try {
        var directory = new ShopFolder(folder.toRealPath(), lock);
        directory.settle(made);
        return directory;
      } catch (IOException | RuntimeException e) {
        lock.close();
        throw e;
      }
    } catch (IOException | UncheckedIOException e) {
      throw new CommandFailure(
          ExitCode.ENVIRONMENT,
          "The data directory %s cannot be used: %s.".formatted(folder, reason(e)),
          e);
    }
  }

  private static void refuseForeign(Path folder) throws IOException {
    if (!Files.exists(folder) || Files.exists(folder.resolve(LAYOUT_FILE))) {
      return;
    }
    if (!Files.isDirectory(folder)) {
      throw new CommandFailure(ExitCode.USAGE, "--data-dir " + folder + " is not a folder.");
    }
    try (var files = Files.list(folder)) {
      var foreign = files.filter(f -> !HARMLESS.contains(f.getFileName().toString())).findFirst();
      if (foreign.isPresent()) {
        throw new CommandFailure(
            ExitCode.USAGE,
            "--data-dir %s holds other things (%s) and no flash sale; name an empty or new folder."
                .formatted(folder, foreign.get().getFileName()));
      }
    }
  }

  private static boolean make(Path folder) throws IOException {
    if (Files.isDirectory(folder)) {
      return false;
    }
    Files.createDirectories(folder.toAbsolutePath().getParent());
    try {
      Files.createDirectory(
          folder,
          PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
      return true;
    } catch (FileAlreadyExistsException e) {
      return false; // Another process was a moment faster; the lock decides between the two.
    }
  }

  private static Optional<FolderLock> lock(Path folder) throws IOException {
    for (int attempt = 1; ; attempt++) {
      var lock = FolderLock.tryLock(folder);
      if (lock.isPresent() || attempt >= LOCK_ATTEMPTS_MAX) {
        return lock;
      }
      try {
        Thread.sleep(LOCK_ATTEMPT_EVERY);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        return Optional.empty();
      }
    }
  }

  private static CommandFailure inUse(Path folder) {
    var holder = FolderLock.holder(folder);
    var server = read(folder).filter(s -> holder.contains(Long.toString(s.pid())));
    return new CommandFailure(
        ExitCode.ALREADY_RUNNING,
        "The data directory %s is in use by %s. Stop it first, or choose another --data-dir."
            .formatted(
                folder,
                server
                    .map(
                        s ->
                            "the server at %s (process %d, since %s)"
                                .formatted(s.url(), s.pid(), s.startedAt()))
                    .orElse(holder)));
  }

  private void settle(boolean made) throws IOException {
    Files.deleteIfExists(folder.resolve(SERVER_FILE)); // Of a server that was killed.
    var layoutFile = folder.resolve(LAYOUT_FILE);
    if (!Files.exists(layoutFile)) {
      PrivateFile.write(layoutFile, LAYOUT + "\n");
    }
    var layout = Files.readString(layoutFile).strip();
    if (!layout.equals(LAYOUT)) {
      throw new CommandFailure(
          ExitCode.ENVIRONMENT,
          "The data directory %s has layout %s, and this version knows only %s."
              .formatted(folder, layout, LAYOUT));
    }
    if (!made) {
      closeToOthers();
    }
  }

  private void closeToOthers() {
    try {
      Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwx------"));
    } catch (IOException e) {
      LOG.warn("{} may be read by others, and that cannot be changed: {}", folder, e.getMessage());
    }
  }

  /** The folder itself, absolute. */
  public Path folder() {
    return folder;
  }

  /** Where the keys lie that sign access tokens. */
  public Path keys() {
    return folder.resolve(KEYS);
  }

  /** Where the log files lie. */
  public Path logs() {
    return folder.resolve("logs");
  }

  /** The same for a server that has no doors of its own. */
  public void announce(URI url) {
    announce(url, Optional.empty());
  }

  /** Tells commands on this machine where the server listens; until it is closed. */
  public void announce(URI url, Optional<URI> doors) {
    var server = new Server(ProcessHandle.current().pid(), url, Instant.now(), doors.orElse(null));
    try {
      PrivateFile.write(folder.resolve(SERVER_FILE), Json.text(server) + "\n");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The server that runs on a data directory at this moment and has told where it listens. */
  public static Optional<Server> server(Path folder) {
    if (!Files.exists(folder.resolve(SERVER_FILE))) {
      return Optional.empty();
    }
    var lock = FolderLock.tryLock(folder);
    lock.ifPresent(FolderLock::close);
    return lock.isPresent() ? Optional.empty() : read(folder);
  }

  private static Optional<Server> read(Path folder) {
    try {
      var text = Files.readString(folder.resolve(SERVER_FILE));
      return Optional.of(Json.tolerant().readValue(text, Server.class));
    } catch (JsonProcessingException e) {
      throw new UncheckedIOException(e);
    } catch (IOException e) {
      return Optional.empty(); // There is none, or it has just stopped.
    }
  }

  /** The exceptions' own messages are often only the file's name. */
  private static String reason(Exception e) {
    return switch (e) {
      case UncheckedIOException u -> reason(u.getCause());
      case AccessDeniedException denied -> "no permission for " + denied.getFile();
      case NoSuchFileException missing -> missing.getFile() + " cannot be made";
      case FileAlreadyExistsException other -> other.getFile() + " is no folder";
      default -> e.getMessage() == null ? e.toString() : e.getMessage();
    };
  }

  /** Ends the ownership. */
  @Override
  public void close() {
    try {
      Files.deleteIfExists(folder.resolve(SERVER_FILE));
    } catch (IOException e) {
      LOG.warn("{} stays: {}", folder.resolve(SERVER_FILE), e.getMessage());
    } finally {
      lock.close();
    }
  }
}
