package flashsale.platform.persistence;

import java.time.Duration;

/** A short wait between two looks at something that tells nobody when it changes. */
final class Pause {
  private Pause() {}

  static void of(Duration time) {
    try {
      Thread.sleep(time);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new PostgresFailure("interrupted while waiting for PostgreSQL", e);
    }
  }
}
