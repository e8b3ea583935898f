package flashsale.platform.time;

import java.time.Instant;
import java.time.InstantSource;
import java.time.temporal.ChronoUnit;
import java.util.function.LongSupplier;

/**
 * A wall clock that never runs backwards: it follows the system's clock forwards; when that steps
 * back, it goes on counting elapsed time from the latest instant it has told. So no hold lives
 * twice and no closed sale opens again because the machine's time was corrected. Instants have
 * microseconds, as PostgreSQL keeps them. Thread-safe.
 */
public final class SteadyClock implements InstantSource {
  private static final long NANOS_PER_MICRO = 1_000;

  private final InstantSource wall;
  private final LongSupplier nanoTime;
  private long latestMicros = Long.MIN_VALUE;
  private long latestNanoTime;

  public SteadyClock() {
    this(InstantSource.system(), System::nanoTime);
  }

  /** With other sources, for tests of a clock that jumps. */
  public SteadyClock(InstantSource wall, LongSupplier nanoTime) {
    this.wall = wall;
    this.nanoTime = nanoTime;
  }

  @Override
  public synchronized Instant instant() {
    long nanos = nanoTime.getAsLong();
    long wallMicros = ChronoUnit.MICROS.between(Instant.EPOCH, wall.instant());
    if (latestMicros == Long.MIN_VALUE) {
      latestMicros = wallMicros;
      latestNanoTime = nanos;
    }
    long elapsedMicros = Math.max(0, (nanos - latestNanoTime) / NANOS_PER_MICRO);
    latestMicros = Math.max(wallMicros, latestMicros + elapsedMicros);
    latestNanoTime += elapsedMicros * NANOS_PER_MICRO;
    if (latestMicros == wallMicros) {
      latestNanoTime = nanos;
    }
    return Instant.EPOCH.plus(latestMicros, ChronoUnit.MICROS);
  }
}
