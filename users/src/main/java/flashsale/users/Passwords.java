package flashsale.users;

import de.mkammerer.argon2.Argon2Advanced;
import de.mkammerer.argon2.Argon2Factory;
import flashsale.platform.http.Problem;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.LongAdder;

/**
 * Hashes passwords with Argon2id, a bounded number at a time. Thread-safe.
 *
 * <p>The hashes are done by threads of their own: a native call pins the virtual thread that makes
 * it, so that a few of them on the server's threads would hold up every other request.
 */
final class Passwords implements AutoCloseable {
  private static final int SALT_BYTES = 16;
  private static final int HASH_BYTES = 32;
  private static final Duration RETRY_AFTER = Duration.ofSeconds(2);

  private final Argon2Advanced argon2 =
      Argon2Factory.createAdvanced(Argon2Factory.Argon2Types.ARGON2id, SALT_BYTES, HASH_BYTES);
  private final UsersSettings.Hashing settings;
  private final ThreadPoolExecutor threads;
  private final LongAdder made = new LongAdder();
  private final LongAdder refused = new LongAdder();

  /** The hash of no password, for users that do not exist. */
  private final String nobody;

  Passwords(UsersSettings.Hashing settings) {
    this.settings = settings;
    this.threads =
        new ThreadPoolExecutor(
            settings.runningMax(),
            settings.runningMax(),
            0,
            TimeUnit.SECONDS,
            settings.waitingMax() == 0
                ? new SynchronousQueue<>()
                : new ArrayBlockingQueue<>(settings.waitingMax()),
            Thread.ofPlatform().daemon().name("argon2-", 1).factory());
    // Done here, so that a machine where the native library does not load stops the start.
    this.nobody = argon2(new Password(RefreshToken.next().text()));
  }

  /**
   * A new hash, with its salt and parameters: {@code $argon2id$v=19$m=…,t=…,p=…$salt$hash}.
   *
   * @throws Problem 503 with {@code Retry-After} if too many wait already or it takes too long
   */
  String hash(Password password) {
    return run(() -> argon2(password));
  }

  /**
   * Whether this is the password behind the hash. Without a hash the answer is no, after the same
   * work, so that the time does not tell whether there is such a user.
   *
   * @throws Problem as {@link #hash}
   */
  boolean matches(Optional<String> hash, Password password) {
    return run(
        () -> {
          boolean same = argon2.verify(hash.orElse(nobody), password.bytes());
          return same && hash.isPresent();
        });
  }

  /** Whether a hash was made with other parameters than the present ones. */
  boolean isOutdated(String hash) {
    return !hash.startsWith(
        "$argon2id$v=19$m=%d,t=%d,p=%d$"
            .formatted(settings.memoryKib(), settings.iterations(), settings.parallelism()));
  }

  /** Hashes being made now. */
  int running() {
    return threads.getActiveCount();
  }

  /** Hashes waiting to be made. */
  int waiting() {
    return threads.getQueue().size();
  }

  /** Hashes made for somebody so far. */
  long made() {
    return made.sum();
  }

  /** Requests that were refused because too many waited, or waited too long. */
  long refused() {
    return refused.sum();
  }

  private String argon2(Password password) {
    return argon2.hash(
        settings.iterations(), settings.memoryKib(), settings.parallelism(), password.bytes());
  }

  private <T> T run(Callable<T> work) {
    Future<T> result;
    try {
      result = threads.submit(work);
    } catch (RejectedExecutionException e) {
      throw busy();
    }
    try {
      var done = result.get(settings.waitMax().toMillis(), TimeUnit.MILLISECONDS);
      made.increment();
      return done;
    } catch (TimeoutException e) {
      result.cancel(false);
      throw busy();
    } catch (InterruptedException e) {
      result.cancel(false);
      Thread.currentThread().interrupt();
      throw busy();
    } catch (ExecutionException e) {
      throw new IllegalStateException("a password could not be hashed", e.getCause());
    }
  }

  private Problem busy() {
    refused.increment();
    return Problem.unavailable(
        "OVERLOADED",
        "Too many people are signing in at this moment (hashing=%d, waiting=%d); try again."
            .formatted(running(), waiting()),
        RETRY_AFTER);
  }

  /** Refuses new hashes and finishes those that wait. */
  @Override
  public void close() {
    threads.close();
  }
}
