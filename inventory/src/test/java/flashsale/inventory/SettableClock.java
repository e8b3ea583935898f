package flashsale.inventory;

import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;

/** A clock that stands where the test puts it. Thread-safe. */
final class SettableClock implements InstantSource {
  private volatile Instant now = Instant.parse("2026-01-01T10:00:00Z");

  @Override
  public Instant instant() {
    return now;
  }

  void advance(Duration by) {
    now = now.plus(by);
  }
}
