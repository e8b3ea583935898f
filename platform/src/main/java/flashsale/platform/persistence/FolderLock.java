package flashsale.platform.persistence;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.HashSet;
import java.util.Optional;
import java.util.Set;

/**
 * Says that one holder works on a folder, across processes and within this one. The operating
 * system gives it back when the process dies, however it dies, so a lock never becomes stale.
 * Thread-safe.
 */
public final class FolderLock implements AutoCloseable {
  private static final String FILE = "lock";
  private static final Duration LOOK_EVERY = Duration.ofMillis(20);

  /**
   * Folders locked by this process. They are asked first because POSIX drops all of a process's
   * locks on a file as soon as any descriptor of that file is closed: a second attempt that opened
   * the file and closed it again would silently unlock the first.
   */
  private static final Set<Path> HELD = new HashSet<>();

  private final Path folder;
  private final FileChannel channel;

  private FolderLock(Path folder, FileChannel channel) {
    this.folder = folder;
    this.channel = channel;
  }

  /** Locks an existing folder, or answers empty if somebody has locked it. */
  public static Optional<FolderLock> tryLock(Path folder) {
    try {
      var real = folder.toRealPath();
      synchronized (HELD) {
        if (HELD.contains(real)) {
          return Optional.empty();
        }
        var locked = open(real);
        locked.ifPresent(l -> HELD.add(real));
        return locked;
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /**
   * Locks an existing folder as soon as nobody else does.
   *
   * @throws PostgresFailure if that takes longer than {@code most}
   */
  static FolderLock await(Path folder, Duration most) {
    long deadline = System.nanoTime() + most.toNanos();
    while (true) {
      var locked = tryLock(folder);
      if (locked.isPresent()) {
        return locked.get();
      }
      if (System.nanoTime() > deadline) {
        throw new PostgresFailure(
            folder + " is locked by " + holder(folder) + " for " + most.toSeconds() + " s already");
      }
      Pause.of(LOOK_EVERY);
    }
  }

  /** Who has it, for messages. */
  public static String holder(Path folder) {
    synchronized (HELD) {
      try {
        if (HELD.contains(folder.toRealPath())) {
          return "this process (" + ProcessHandle.current().pid() + ")";
        }
        return "process " + Files.readString(folder.resolve(FILE)).strip();
      } catch (IOException e) {
        return "another process";
      }
    }
  }

  private static Optional<FolderLock> open(Path folder) throws IOException {
    var channel =
        FileChannel.open(folder.resolve(FILE), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
    FileLock lock = null;
    try {
      lock = channel.tryLock();
      if (lock == null) {
        return Optional.empty();
      }
      var pid = Long.toString(ProcessHandle.current().pid());
      channel.truncate(0).write(ByteBuffer.wrap(pid.getBytes(StandardCharsets.US_ASCII)));
      return Optional.of(new FolderLock(folder, channel));
    } finally {
      if (lock == null) {
        channel.close();
      }
    }
  }

  @Override
  public void close() {
    synchronized (HELD) {
      if (HELD.remove(folder)) {
        try {
          channel.close();
        } catch (IOException e) {
          throw new UncheckedIOException(e);
        }
      }
    }
  }
}
