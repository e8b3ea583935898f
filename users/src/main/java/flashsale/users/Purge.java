package flashsale.users;

import java.time.InstantSource;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Deletes sessions that were over long ago, in the background, in small transactions. */
final class Purge implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Purge.class);

  /** Sessions and tokens in one transaction. */
  private static final int BATCH_MAX = 1_000;

  /** Transactions in one run; what is left is for the next one. */
  private static final int BATCHES_MAX = 100;

  private final Sessions sessions;
  private final InstantSource clock;
  private final UsersSettings.Purging settings;
  private final ScheduledExecutorService thread =
      Executors.newSingleThreadScheduledExecutor(
          Thread.ofPlatform().daemon().name("users-purge").factory());

  Purge(Sessions sessions, InstantSource clock, UsersSettings.Purging settings) {
    this.sessions = sessions;
    this.clock = clock;
    this.settings = settings;
    long millis = settings.every().toMillis();
    var _ = thread.scheduleWithFixedDelay(this::run, millis, millis, TimeUnit.MILLISECONDS);
  }

  private void run() {
    try {
      var before = clock.instant().minus(settings.after());
      for (int batch = 0; batch < BATCHES_MAX && !thread.isShutdown(); batch++) {
        if (sessions.purge(before, BATCH_MAX) < BATCH_MAX) {
          return;
        }
      }
    } catch (RuntimeException e) {
      LOG.warn("sessions that are over could not be deleted; the next run tries again", e);
    }
  }

  /** Ends after the transaction at hand. */
  @Override
  public void close() {
    thread.close();
  }
}
