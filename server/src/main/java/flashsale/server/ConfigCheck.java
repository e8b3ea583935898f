package flashsale.server;

import flashsale.doors.ServiceToken;
import flashsale.platform.http.Proxies;
import flashsale.platform.messaging.RabbitSettings;
import flashsale.redis.RedisSettings;
import java.time.Duration;
import java.util.EnumSet;
import java.util.List;
import java.util.function.Predicate;

/**
 * What several settings have to do with each other.
 *
 * @param keys the settings it compares, for the message
 * @param fails whether a configuration cannot work
 * @param why the reason, and what to change
 */
record ConfigCheck(List<String> keys, Predicate<Config> fails, String why) {
  /** Connections that operators, an audit and the server's own start need beside the pools. */
  private static final int CONNECTIONS_SPARE = 10;

  /** What one line of a reservation's JSON takes: an id, a number, names, punctuation. */
  private static final int LINE_BYTES = 128;

  /** An interrupted payment is looked at after three walks' time, and then walked to its end. */
  private static final int WALKS_TO_RESOLVE = 4;

  private static final List<String> PEERS =
      List.of(
          "process.roles",
          "peers.users.url",
          "peers.catalog.url",
          "peers.inventory.url",
          "peers.reservations.url",
          "peers.orders.url",
          "peers.payments.url");

  static final List<ConfigCheck> ALL =
      List.of(
          new ConfigCheck(
              List.of("process.roles"),
              c -> !isRoles(c.process().roles()),
              "process.roles must be all, or some of users, catalog, inventory, reservations, orders"
                  + " and payments, separated by commas."),
          new ConfigCheck(
              List.of("process.roles", "doors.token"),
              c ->
                  isRoles(c.process().roles())
                      && !c.process().whole()
                      && !isToken(c.doors().token()),
              "Where not all roles are in one process, the processes need a secret by which they know"
                  + " each other: doors.token must have at least 32 characters."),
          new ConfigCheck(
              PEERS,
              c -> !arePeersKnown(c),
              "A role that is not in this process must have its address, http://host:port, in"
                  + " peers.ROLE.url."),
          new ConfigCheck(
              List.of("http.trustedProxies"),
              c -> !areProxies(c.http().trustedProxies()),
              "http.trustedProxies must be addresses and networks, separated by commas, such as"
                  + " 10.0.0.0/8, 2001:db8::/32."),
          new ConfigCheck(
              List.of("messaging.url"),
              c -> c.messaging().rabbit() && !isRabbit(c.messaging().url()),
              "messaging.url must be RabbitMQ's address, amqp://user:password@host:port/vhost or"
                  + " amqps://…, or empty; within user, password and vhost : / ? # @ are written"
                  + " %3A %2F %3F %23 %40."),
          new ConfigCheck(
              List.of("redis.url", "redis.cluster"),
              c -> c.redis().there() && !isRedis(c.redis()),
              "redis.url must be Redis's address, redis://user:password@host:port or rediss://…;"
                  + " several, separated by commas, only with redis.cluster."),
          new ConfigCheck(
              List.of("inventory.chargeWindow", "checkout.deadline", "payments.gatewayTimeout"),
              c ->
                  c.inventory()
                          .chargeWindow()
                          .compareTo(
                              c.checkout()
                                  .deadline()
                                  .multipliedBy(WALKS_TO_RESOLVE)
                                  .plus(c.payments().gatewayTimeout()))
                      <= 0,
              "A hold must outlive the charge for it, also when the charge was interrupted and is"
                  + " resolved later, or the money goes back instead: inventory.chargeWindow must be"
                  + " longer than "
                  + WALKS_TO_RESOLVE
                  + " times checkout.deadline and payments.gatewayTimeout together."),
          new ConfigCheck(
              List.of("checkout.deadline", "payments.gatewayTimeout"),
              c -> c.checkout().deadline().compareTo(c.payments().gatewayTimeout()) <= 0,
              "A payment whose gateway answers late but in time could never finish:"
                  + " checkout.deadline must be longer than payments.gatewayTimeout."),
          new ConfigCheck(
              List.of("payments.sandboxLatency", "payments.gatewayTimeout"),
              c ->
                  c.payments()
                          .sandboxLatency()
                          .multipliedBy(2)
                          .compareTo(c.payments().gatewayTimeout())
                      >= 0,
              "The card that answers late but in time would time out:"
                  + " payments.sandboxLatency must be shorter than half of"
                  + " payments.gatewayTimeout."),
          new ConfigCheck(
              List.of("checkout.batchMax", "checkout.queueMax"),
              c -> c.checkout().queueMax() < c.checkout().batchMax(),
              "No batch could ever get full: checkout.queueMax must be at least checkout.batchMax."),
          new ConfigCheck(
              List.of("database.waitMax", "checkout.deadline"),
              c -> c.database().waitMax().compareTo(c.checkout().deadline()) >= 0,
              "A request would be given up before it learns that the pool is exhausted:"
                  + " database.waitMax must be shorter than checkout.deadline."),
          new ConfigCheck(
              List.of("http.drain", "checkout.deadline"),
              c ->
                  !c.http().drain().equals(Duration.ZERO)
                      && c.http().drain().compareTo(c.checkout().deadline()) < 0,
              "A stopping server would cut off reservations and payments that it has accepted:"
                  + " http.drain must be at least checkout.deadline (or 0 to stop without waiting)."),
          new ConfigCheck(
              List.of(
                  "database.connectionsMax",
                  "database.usersPoolMax",
                  "database.catalogPoolMax",
                  "database.inventoryPoolMax",
                  "database.reservationsPoolMax",
                  "database.ordersPoolMax",
                  "database.paymentsPoolMax",
                  "database.gatewayPoolMax"),
              c -> c.database().poolsMax() + CONNECTIONS_SPARE > c.database().connectionsMax(),
              "PostgreSQL would refuse connections under load: the pools together must leave "
                  + CONNECTIONS_SPARE
                  + " of database.connectionsMax free."),
          new ConfigCheck(
              List.of("database.url"),
              c -> !c.database().embedded() && !c.database().url().contains(Config.ROLE),
              "Each role has a database of its own: write {role} where its name goes, such as"
                  + " jdbc:postgresql://db.example.com/flashsale_{role}"),
          new ConfigCheck(
              List.of("database.url"),
              c -> !c.database().embedded() && !c.database().url().startsWith("jdbc:postgresql://"),
              "Only PostgreSQL is supported: the address begins with jdbc:postgresql://"),
          new ConfigCheck(
              List.of("database.url", "database.readUrl"),
              c ->
                  !c.database().readUrl().isEmpty()
                      && (c.database().embedded()
                          || !c.database().readUrl().startsWith("jdbc:postgresql://")
                          || !c.database().readUrl().contains(Config.ROLE)),
              "database.readUrl is for replicas of an external PostgreSQL, such as"
                  + " jdbc:postgresql://replica.example.com/flashsale_{role}"),
          new ConfigCheck(
              List.of("database.url", "database.user"),
              c -> !c.database().embedded() && c.database().user().isEmpty(),
              "The external PostgreSQL needs a login: set database.user and database.password."),
          new ConfigCheck(
              List.of("database.url", "database.user", "database.password"),
              c ->
                  c.database().embedded()
                      && !(c.database().user().isEmpty() && c.database().password().isEmpty()),
              "The embedded PostgreSQL makes its own logins, so this would be ignored: set"
                  + " database.url as well, or neither."),
          new ConfigCheck(
              List.of("users.tokenTtl", "users.refreshTtl"),
              c -> c.users().refreshTtl().compareTo(c.users().tokenTtl()) <= 0,
              "A session would end before its first access token: users.refreshTtl must be longer"
                  + " than users.tokenTtl."),
          new ConfigCheck(
              List.of("http.bodyMax", "reservations.linesMax"),
              c -> c.http().bodyMax() < (long) LINE_BYTES * c.reservations().linesMax(),
              "The largest cart would be refused as too large a body: http.bodyMax must be "
                  + LINE_BYTES
                  + " bytes for each of reservations.linesMax."));

  private static boolean areProxies(String text) {
    try {
      Proxies.parse(text);
      return true;
    } catch (IllegalArgumentException e) {
      return false;
    }
  }

  private static boolean isRoles(String text) {
    try {
      return !Role.parse(text).isEmpty();
    } catch (IllegalArgumentException e) {
      return false;
    }
  }

  private static boolean isToken(String text) {
    try {
      new ServiceToken(text);
      return true;
    } catch (IllegalArgumentException e) {
      return false;
    }
  }

  private static boolean arePeersKnown(Config config) {
    if (!isRoles(config.process().roles())) {
      return true; // Said already.
    }
    try {
      return EnumSet.allOf(Role.class).stream()
          .filter(role -> !config.process().here().contains(role))
          .noneMatch(role -> config.peers().urls(role).isEmpty());
    } catch (IllegalArgumentException e) {
      return false;
    }
  }

  private static boolean isRedis(Config.Redis redis) {
    try {
      RedisSettings.of(redis.url(), redis.cluster(), redis.budget());
      return true;
    } catch (IllegalArgumentException e) {
      return false;
    }
  }

  private static boolean isRabbit(String url) {
    try {
      RabbitSettings.of(url);
      return true;
    } catch (IllegalArgumentException e) {
      return false;
    }
  }
}
