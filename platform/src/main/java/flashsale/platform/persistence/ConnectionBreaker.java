package flashsale.platform.persistence;

import flashsale.platform.resilience.Breakers;
import io.helidon.faulttolerance.CircuitBreaker;
import io.helidon.faulttolerance.CircuitBreaker.State;
import io.helidon.faulttolerance.CircuitBreakerOpenException;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import javax.sql.DataSource;

/**
 * Spares everybody the wait for a connection while a database gives none. One that is only full
 * gives some, and is left to its pool's bounds. Thread-safe.
 */
final class ConnectionBreaker {
  /** So many waited one after the other, and none of them got a connection. */
  private static final int ATTEMPTS = 4;

  /** For so long nobody waits; then one does. */
  private static final Duration DELAY = Duration.ofMillis(500);

  private final String name;
  private final DataSource pool;
  private final CircuitBreaker breaker =
      CircuitBreaker.builder()
          .volume(ATTEMPTS)
          .errorRatio(100)
          .delay(DELAY)
          .successThreshold(1)
          .build();
  private volatile SQLException last = new SQLException("no connection yet");

  ConnectionBreaker(String name, DataSource pool) {
    this.name = name;
    this.pool = pool;
  }

  /** Whether nobody waits at present. */
  boolean isOpen() {
    return breaker.state() == State.OPEN;
  }

  /** Whether nobody has got a connection since nobody waited. */
  boolean isDown() {
    return breaker.state() != State.CLOSED;
  }

  /** For those who do not wait. */
  DatabaseFailure refusal() {
    return DatabaseFailure.unconnected(
        "%s is left alone for %d ms, as %d attempts to connect failed: %s"
            .formatted(name, DELAY.toMillis(), ATTEMPTS, last.getMessage()),
        last);
  }

  /**
   * A connection of the pool.
   *
   * @throws DatabaseFailure if there is none in time, or nobody waits for one at present
   */
  Connection connect() {
    try {
      return Breakers.invoke(breaker, this::await);
    } catch (CircuitBreakerOpenException e) {
      throw refusal();
    }
  }

  private Connection await() {
    try {
      return pool.getConnection();
    } catch (SQLException e) {
      last = e;
      throw DatabaseFailure.unconnected(name + ": " + e.getMessage(), e);
    }
  }
}
