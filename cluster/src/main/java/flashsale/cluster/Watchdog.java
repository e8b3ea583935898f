package flashsale.cluster;

import flashsale.platform.lifecycle.Periodic;
import java.time.Duration;
import java.util.function.BooleanSupplier;
import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Asks a process again and again whether it answers, and kills it when it hangs: that is no better
 * than having ended. Who starts it again is somebody else.
 */
final class Watchdog implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Watchdog.class);
  private static final Duration ASK_EVERY = Duration.ofSeconds(1);

  private final Periodic rounds;

  /**
   * Begins to ask.
   *
   * @param pid 0 while it is not there
   * @param answers comes back within a few seconds
   */
  Watchdog(String name, LongSupplier pid, BooleanSupplier answers, Runnable kill, Silence silence) {
    this.rounds =
        new Periodic(
            "watch-" + name,
            ASK_EVERY,
            () -> {
              long asked = pid.getAsLong();
              boolean answered = asked != 0 && answers.getAsBoolean();
              if (silence.isTooLong(asked, answered, System.nanoTime())) {
                LOG.warn("{} does not answer any more and is killed", name);
                kill.run();
              }
            });
  }

  @Override
  public void close() {
    rounds.close();
  }
}
