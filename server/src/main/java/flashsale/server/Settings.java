package flashsale.server;

import flashsale.catalog.Catalogue;
import flashsale.inventory.Ledger;
import flashsale.payments.PaymentDesk;
import flashsale.payments.SandboxGateway;
import flashsale.platform.http.Prefer;
import flashsale.platform.http.Proxies;
import flashsale.platform.http.RateLimits;
import flashsale.platform.http.RouteClass;
import flashsale.platform.messaging.Relay;
import flashsale.platform.metrics.Meters;
import flashsale.platform.ratelimit.Permits;
import flashsale.platform.ratelimit.Permits.Limit;
import flashsale.reservations.ReservationApi;
import flashsale.users.Guesses;
import flashsale.users.UsersSettings;
import io.micrometer.core.instrument.Counter;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** Turns what operators set into what each role takes. */
final class Settings {
  private static final int LOOKUPS_WAITING_MAX = 4_096;

  private Settings() {}

  static UsersSettings users(Config.Users users) {
    var defaults = UsersSettings.defaults();
    var hashing = defaults.hashing();
    var remembering = defaults.remembering();
    return new UsersSettings(
        users.tokenTtl(),
        users.refreshTtl(),
        new UsersSettings.Hashing(
            hashing.memoryKib(),
            hashing.iterations(),
            hashing.parallelism(),
            users.hashesAtATime() == 0 ? hashing.runningMax() : users.hashesAtATime(),
            users.hashQueueMax(),
            users.hashWaitMax()),
        new UsersSettings.Remembering(
            users.verifiedMax(),
            users.verifiedTtl(),
            users.tokensCachedMax(),
            remembering.revokedMax()),
        defaults.opening(),
        defaults.purging());
  }

  /** How often customers and addresses may ask. */
  static RateLimits limits(Config config, Permits permits, Meters meters) {
    var limits = config.limits();
    if (!limits.enabled()) {
      return RateLimits.NONE;
    }
    var customers =
        limits(
            "customer",
            limits.window(),
            Map.of(
                RouteClass.READ, limits.customerReads(),
                RouteClass.WRITE, limits.customerWrites(),
                RouteClass.PURCHASE, limits.customerPurchases()));
    var addresses =
        limits(
            "address",
            limits.window(),
            Map.of(
                RouteClass.READ, limits.addressReads(),
                RouteClass.WRITE, limits.addressWrites(),
                RouteClass.PURCHASE, limits.addressPurchases(),
                RouteClass.SIGN_IN, limits.addressSignIns()));
    var refused = new HashMap<String, Counter>();
    for (var limit :
        Stream.concat(customers.values().stream(), addresses.values().stream()).toList()) {
      refused.put(
          limit.name(),
          meters.counter(
              "flashsale.limits.refused", "Requests that were too many", "limit", limit.name()));
    }
    return new RateLimits(
        permits,
        Proxies.parse(config.http().trustedProxies()),
        customers,
        addresses,
        limit -> refused.get(limit.name()).increment());
  }

  private static Map<RouteClass, Limit> limits(
      String whose, Duration window, Map<RouteClass, Integer> permits) {
    return permits.entrySet().stream()
        .filter(entry -> entry.getValue() > 0)
        .collect(
            Collectors.toMap(
                Map.Entry::getKey,
                entry -> new Limit(whose + "-" + entry.getKey().text(), entry.getValue(), window)));
  }

  /** How often the password of one account may be tried. */
  static Guesses guesses(Config.Limits limits, Permits permits) {
    return limits.enabled() && limits.passwordsPerMinute() > 0
        ? new Guesses(permits, limits.passwordsPerMinute())
        : Guesses.ANY;
  }

  static Catalogue.Settings catalogue(Config config) {
    var defaults = Catalogue.Settings.defaults();
    return new Catalogue.Settings(
        config.inventory().gaugeRefresh(),
        defaults.rowsRefresh(),
        defaults.closedKept(),
        config.catalog().liveSalesMax(),
        defaults.liveOffersMax(),
        defaults.offersPerSaleMax(),
        defaults.productCacheMaxBytes());
  }

  static Ledger.Settings ledger(Config.Inventory inventory) {
    var defaults = Ledger.Settings.DEFAULT;
    return new Ledger.Settings(
        inventory.chargeWindow(),
        defaults.releaseGrace(),
        inventory.sweepEvery(),
        inventory.sweepMax(),
        inventory.gaugeRefresh());
  }

  static SandboxGateway.Settings sandbox(Config.Payments payments) {
    var defaults = SandboxGateway.Settings.defaults();
    return new SandboxGateway.Settings(
        payments.sandboxLatency(),
        payments.gatewayTimeout().dividedBy(2),
        payments.gatewayTimeout().plus(defaults.slowness()),
        payments.sandboxFailureRate());
  }

  static PaymentDesk.Settings payments(Config config) {
    var defaults = PaymentDesk.Settings.defaults();
    var deadline = config.checkout().deadline();
    return new PaymentDesk.Settings(
        config.payments().gatewayTimeout(),
        defaults.gatewayCallsMax(),
        config.payments().breakerDelay(),
        defaults.paymentsPerOrderMax(),
        config.checkout().queueMax(),
        config.checkout().batchMax(),
        deadline,
        deadline.multipliedBy(2),
        deadline.multipliedBy(3),
        deadline.multipliedBy(2),
        defaults.lookEvery(),
        defaults.looksMax(),
        defaults.backoffFirst(),
        defaults.backoffMax());
  }

  static ReservationApi.Settings reservations(Config config) {
    var reservations = config.reservations();
    return new ReservationApi.Settings(
        reservations.linesMax(),
        reservations.quantityMax(),
        reservations.refusalsMax(),
        reservations.refusalTtl(),
        LOOKUPS_WAITING_MAX,
        config.checkout().deadline(),
        prefer(config.checkout()));
  }

  static Prefer.Policy prefer(Config.Checkout checkout) {
    return new Prefer.Policy(checkout.async(), checkout.waitMax());
  }

  /**
   * Longer than it takes until a purchase stands still again whose process was killed: its lease at
   * the relay that had just taken it, a walk, and one round of recovery.
   */
  static Duration auditPatience(Config config) {
    return config.checkout().deadline().multipliedBy(2).plus(Relay.LEASE).plusSeconds(5);
  }
}
