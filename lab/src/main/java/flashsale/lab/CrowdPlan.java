package flashsale.lab;

import java.net.URI;
import java.time.Duration;
import java.util.UUID;
import java.util.function.Supplier;

/**
 * Who comes to which sale, and how.
 *
 * @param server the base address; asked at each connecting, as a server that was killed may come
 *     back under another port
 * @param saleId the sale they come for
 * @param customers how many
 * @param seed decides what each of them is like; also part of their names
 * @param rampUp the time over which they arrive, evenly
 * @param thinkTime the mean time between two calls of one customer
 * @param timeMax when it is over in any case, sign-up not counted
 * @param signUpsAtOnce accounts that are made at the same time
 * @param async whether reservations and payments ask to be answered with 202, and are then followed
 *     to their final state
 * @param finalMax what was accepted and has no final state after this time is a failure
 * @param untilStopped each customer buys again and again, and bears any failure, until {@link
 *     Crowd#stop} or the end of the time: for tests that kill the server
 */
public record CrowdPlan(
    Supplier<URI> server,
    UUID saleId,
    int customers,
    long seed,
    Duration rampUp,
    Duration thinkTime,
    Duration timeMax,
    int signUpsAtOnce,
    boolean async,
    Duration finalMax,
    boolean untilStopped) {
  /** Customers at most: each is a connection. */
  public static final int CUSTOMERS_MAX = 20_000;

  static final int SIGN_UPS_AT_ONCE_MAX = 64;
  static final Duration TIME_MAX = Duration.ofHours(1);

  public CrowdPlan {
    Loopback.address(server.get());
    if (customers < 1 || customers > CUSTOMERS_MAX) {
      throw new IllegalArgumentException(
          "A crowd has 1 to " + CUSTOMERS_MAX + " customers, not " + customers + ".");
    }
    if (signUpsAtOnce < 1 || signUpsAtOnce > SIGN_UPS_AT_ONCE_MAX) {
      throw new IllegalArgumentException(
          "1 to " + SIGN_UPS_AT_ONCE_MAX + " accounts can be made at once, not " + signUpsAtOnce);
    }
    if (rampUp.isNegative() || thinkTime.isNegative() || timeMax.compareTo(TIME_MAX) > 0) {
      throw new IllegalArgumentException(
          "Times must not be negative, and a crowd stays for " + TIME_MAX + " at most.");
    }
  }

  /**
   * A crowd that comes within ten seconds, thinks 300 ms at a time, and stays 3 minutes at most.
   */
  public static CrowdPlan of(URI server, UUID saleId, int customers, long seed) {
    return new CrowdPlan(
        () -> server,
        saleId,
        customers,
        seed,
        Duration.ofSeconds(10),
        Duration.ofMillis(300),
        Duration.ofMinutes(3),
        4,
        false,
        Duration.ofMinutes(1),
        false);
  }

  /** The same crowd with another rhythm. */
  public CrowdPlan paced(Duration newRampUp, Duration newThinkTime, Duration newTimeMax) {
    return new CrowdPlan(
        server,
        saleId,
        customers,
        seed,
        newRampUp,
        newThinkTime,
        newTimeMax,
        signUpsAtOnce,
        async,
        finalMax,
        untilStopped);
  }

  /** The same crowd with this architecture, and this patience with what was accepted. */
  public CrowdPlan async(boolean newAsync, Duration newFinalMax) {
    return new CrowdPlan(
        server,
        saleId,
        customers,
        seed,
        rampUp,
        thinkTime,
        timeMax,
        signUpsAtOnce,
        newAsync,
        newFinalMax,
        untilStopped);
  }

  /** The same crowd, buying until it is stopped, from a server that may come and go. */
  public CrowdPlan untilStopped(Supplier<URI> comingAndGoing) {
    return new CrowdPlan(
        comingAndGoing,
        saleId,
        customers,
        seed,
        rampUp,
        thinkTime,
        timeMax,
        signUpsAtOnce,
        async,
        finalMax,
        true);
  }
}
