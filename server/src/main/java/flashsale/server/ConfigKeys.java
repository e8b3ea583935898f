package flashsale.server;

import static flashsale.server.ConfigKey.bytes;
import static flashsale.server.ConfigKey.choice;
import static flashsale.server.ConfigKey.count;
import static flashsale.server.ConfigKey.flag;
import static flashsale.server.ConfigKey.secret;
import static flashsale.server.ConfigKey.share;
import static flashsale.server.ConfigKey.text;
import static flashsale.server.ConfigKey.time;

import java.util.List;

/**
 * Every setting there is: name, default, lowest, highest, meaning. The one place that says so; the
 * reader, {@code flashsale config}, docs/configuration.md and the record {@link Config} follow it,
 * and tests compare them.
 */
final class ConfigKeys {
  private static final int LIMIT_MAX = 100_000_000;

  static final List<ConfigKey> ALL =
      List.of(
          text(
              "process.roles",
              Role.ALL,
              "what this process is: all, or some of users, catalog, inventory, reservations, orders"
                  + " and payments, separated by commas; the others are asked at their doors"),
          text("http.host", "127.0.0.1", "address to listen on; 0.0.0.0 for every network"),
          count("http.port", 8080, 0, 65_535, "port to listen on; 0: any free one, printed"),
          bytes("http.bodyMax", "64KiB", "4KiB", "8MiB", "a longer request body gets 413"),
          count(
              "http.connectionsMax",
              4096,
              8,
              100_000,
              "open connections; further ones have to wait"),
          count(
              "http.requestsMax",
              2048,
              1,
              100_000,
              "requests being answered at a time; more get 503 at once"),
          time(
              "http.notReadyPause",
              "1s",
              "0s",
              "5m",
              "how long a stopping server still takes requests once /health/ready says 503, so that"
                  + " a load balancer notices; skipped where nobody ever asked"),
          time(
              "http.drain",
              "10s",
              "0s",
              "5m",
              "how long a stopping server waits for requests that it is still answering"),
          text(
              "http.trustedProxies",
              "127.0.0.0/8, ::1",
              "addresses and networks of the proxies before this server: their X-Forwarded-For tells"
                  + " where a request comes from, and they themselves have no limit by address"),
          flag("limits.enabled", true, "whether more requests than these get 429"),
          time("limits.window", "10s", "1s", "10m", "the time for which the limits below count"),
          count(
              "limits.customerReads",
              300,
              0,
              LIMIT_MAX,
              "what one customer may read in a window, and at once; 0: any number. Operators have"
                  + " none of these limits"),
          count("limits.customerWrites", 100, 0, LIMIT_MAX, "the same for carts and the account"),
          count("limits.customerPurchases", 30, 0, LIMIT_MAX, "reservations and payments begun"),
          count(
              "limits.addressReads",
              30_000,
              0,
              LIMIT_MAX,
              "what one address, or one IPv6 /64, may read in a window; thousands of customers may be"
                  + " behind one"),
          count("limits.addressWrites", 10_000, 0, LIMIT_MAX, "the same for carts and accounts"),
          count("limits.addressPurchases", 3_000, 0, LIMIT_MAX, "reservations and payments begun"),
          count(
              "limits.addressSignIns",
              2_000,
              0,
              LIMIT_MAX,
              "sign-ups, sign-ins and refreshes, which need no token"),
          count(
              "limits.passwordsPerMinute",
              10,
              0,
              LIMIT_MAX,
              "passwords of one account that may be tried in a minute; one that was right a moment"
                  + " ago does not count; 0: any number"),
          count(
              "limits.keysMax",
              200_000,
              1_000,
              10_000_000,
              "customers and addresses that are counted at a time; of more, some begin anew"),
          text("doors.host", "127.0.0.1", "address on which other processes' calls are taken"),
          count(
              "doors.port",
              0,
              0,
              65_535,
              "port for that, where not all roles are here; 0: any free one, printed"),
          secret(
              "doors.token",
              "what the processes of one shop know each other by, at least 32 characters; several,"
                  + " separated by commas, are all accepted, and the first is sent"),
          bytes("doors.bodyMax", "16MiB", "64KiB", "256MiB", "a longer batch of facts gets 413"),
          count(
              "doors.requestsMax",
              512,
              1,
              100_000,
              "calls being answered at the doors at a time; more get 503 at once"),
          text(
              "peers.users.url",
              "",
              "where the users' doors are, such as http://users:8081; several, separated by commas,"
                  + " are asked in turn"),
          text("peers.catalog.url", "", "the same for the catalogue"),
          text("peers.inventory.url", "", "the same for the inventory"),
          text("peers.reservations.url", "", "the same for the reservations"),
          text("peers.orders.url", "", "the same for the orders"),
          text("peers.payments.url", "", "the same for the payments"),
          time(
              "peers.timeout",
              "2s",
              "50ms",
              "1m",
              "how long one call at a door may take; a walk's own deadline may be sooner"),
          time(
              "peers.auditTimeout",
              "30s",
              "1s",
              "10m",
              "how long a call may take that reads whole tables for the audit"),
          count(
              "peers.attemptsMax",
              3,
              1,
              10,
              "attempts of one call, at one address after the other; a budget allows one retry for"
                  + " five calls on the average"),
          count(
              "peers.concurrencyMax",
              64,
              1,
              10_000,
              "calls under way to one role at most; fewer while it is slow, more get 503 at once"),
          time(
              "peers.breakerDelay",
              "1s",
              "10ms",
              "1m",
              "how long an address is left alone where two of five calls did not come through"),
          time(
              "peers.quoteTtl",
              "500ms",
              "1ms",
              "1m",
              "how long a price of a catalogue in another process is remembered"),
          text(
              "database.url",
              "",
              "JDBC address of an external PostgreSQL with {role} where the name of each role's own"
                  + " database goes; empty: an embedded PostgreSQL in the data directory"),
          text(
              "database.readUrl",
              "",
              "the same for streaming replicas, which are read where they are up to date, with the"
                  + " same logins; empty: none"),
          text(
              "database.user",
              "",
              "login at the external PostgreSQL; {role} in it is replaced by the role's name"),
          secret("database.password", "password of that login"),
          count(
              "database.connectionsMax",
              200,
              10,
              10_000,
              "max_connections of the PostgreSQL server, which all pools together must leave room"
                  + " in; the embedded one is started with it"),
          count("database.usersPoolMax", 8, 2, 1000, "connections to the users' database at most"),
          count("database.catalogPoolMax", 8, 2, 1000, "connections to the catalogue's database"),
          count("database.inventoryPoolMax", 8, 2, 1000, "connections to the inventory's database"),
          count(
              "database.reservationsPoolMax",
              16,
              2,
              1000,
              "connections to the reservations' database"),
          count("database.ordersPoolMax", 8, 2, 1000, "connections to the orders' database"),
          count("database.paymentsPoolMax", 16, 2, 1000, "connections to the payments' database"),
          count(
              "database.gatewayPoolMax",
              8,
              2,
              1000,
              "connections to the sandbox gateway's database"),
          count(
              "database.waitingMax",
              512,
              1,
              100_000,
              "threads waiting for a connection of one pool; more get 503 at once"),
          time(
              "database.waitMax",
              "2s",
              "250ms",
              "1m",
              "how long a thread waits for a connection before it gets 503"),
          time(
              "checkout.deadline",
              "5s",
              "500ms",
              "1m",
              "how long one reservation or payment may take; then what was taken is given back"),
          count("checkout.batchMax", 256, 1, 4096, "requests of one step that share a transaction"),
          count(
              "checkout.queueMax",
              4096,
              1,
              1_000_000,
              "requests waiting for one step; more get 503 at once"),
          choice(
              "checkout.architecture",
              "sync",
              List.of("sync", "async"),
              "how a request is answered that says nothing: sync, the final answer; async, 202 once it"
                  + " is durable. Prefer: respond-async asks for the latter"),
          time(
              "checkout.waitMax",
              "30s",
              "0s",
              "2m",
              "how long Prefer: wait=… may hold an asynchronous request for its final answer"),
          count(
              "checkout.watchesMax",
              10_000,
              1,
              1_000_000,
              "event streams and waiting requests of reservations, and of payments; more streams get 503,"
                  + " more requests are answered without waiting"),
          count(
              "checkout.acceptedMax",
              250_000,
              1,
              10_000_000,
              "accepted requests that wait in the outbox, of reservations and of payments each; more"
                  + " get 503 until there are less"),
          time(
              "checkout.pendingMax",
              "2m",
              "1s",
              "15m",
              "how long an accepted request may be PENDING before it is walked once more: its facts"
                  + " may be lost with a queue"),
          secret(
              "messaging.url",
              "RabbitMQ's address, amqp://user:password@host:port/vhost or amqps://…: the facts of"
                  + " requests that nobody waits for go from role to role through it; empty: through"
                  + " the outbox alone, nothing to install"),
          time(
              "messaging.replayEvery",
              "1m",
              "1s",
              "1d",
              "how long a message waits that was given up because something was down, before it is"
                  + " replayed once all is up; after each replay twice as long"),
          secret(
              "redis.url",
              "Redis's address, redis://user:password@host:port or rediss://… (TLS); of a cluster"
                  + " several, separated by commas; empty: processes share nothing but their"
                  + " databases"),
          flag("redis.cluster", false, "whether that is a cluster"),
          time(
              "redis.budget",
              "2ms",
              "1ms",
              "1s",
              "how long an answer of Redis is waited for; then it is done without"),
          count(
              "redis.shares",
              2,
              1,
              1_000,
              "where Redis does not answer, each process allows one of so many shares of a limit:"
                  + " as many as there are processes that customers reach"),
          time(
              "inventory.sweepEvery",
              "250ms",
              "10ms",
              "1m",
              "how often holds whose time is up are looked for"),
          count("inventory.sweepMax", 500, 1, 10_000, "holds that one sweep lets expire at most"),
          time(
              "inventory.chargeWindow",
              "2m",
              "1s",
              "1h",
              "how long a hold is kept at least once its payment has begun"),
          time(
              "inventory.gaugeRefresh",
              "100ms",
              "10ms",
              "200ms",
              "age of the availability that is shown at most"),
          count(
              "catalog.liveSalesMax",
              1000,
              1,
              100_000,
              "sales kept in memory that are not over; more cannot be created"),
          text(
              "users.keysDir",
              "",
              "folder of the keys that sign access tokens, which all processes of the users role must"
                  + " share; empty: keys in the data directory"),
          time("users.tokenTtl", "15m", "1m", "1d", "how long an access token is valid"),
          time(
              "users.refreshTtl",
              "30d",
              "1h",
              "365d",
              "how long a session lives without being refreshed"),
          count(
              "users.hashesAtATime",
              0,
              0,
              256,
              "passwords hashed at a time, 19 MiB and one processor each; 0: one for each processor"),
          count(
              "users.hashQueueMax",
              64,
              1,
              100_000,
              "sign-ins waiting for that; more get 503 at once"),
          time("users.hashWaitMax", "2s", "100ms", "1m", "how long a sign-in waits before its 503"),
          time(
              "users.verifiedTtl",
              "5m",
              "1s",
              "15m",
              "how long a verified password is remembered, so that a repeated sign-in costs no hash"),
          count("users.verifiedMax", 50_000, 0, 10_000_000, "verified passwords remembered"),
          count(
              "users.tokensCachedMax",
              50_000,
              1,
              10_000_000,
              "verified access tokens remembered; others are verified again"),
          choice(
              "payments.gateway", "sandbox", List.of("sandbox"), "which payment gateway charges"),
          time(
              "payments.gatewayTimeout",
              "2s",
              "100ms",
              "30s",
              "how long an answer of the gateway is awaited before the payment is UNKNOWN"),
          time(
              "payments.breakerDelay",
              "1s",
              "10ms",
              "1m",
              "how long the gateway is left alone where of twenty calls fifteen got no answer"),
          time(
              "payments.sandboxLatency",
              "20ms",
              "0s",
              "30s",
              "how long the sandbox gateway takes to answer; for the card tok_slow half of"
                  + " payments.gatewayTimeout longer"),
          share(
              "payments.sandboxFailureRate",
              "0",
              "share of the sandbox's charges that break off, to show how that is dealt with"),
          count("reservations.linesMax", 20, 1, 100, "different offers in one reservation"),
          count("reservations.quantityMax", 100, 1, 10_000, "units in one line of a reservation"),
          count(
              "reservations.refusalsMax",
              100_000,
              1,
              10_000_000,
              "refusals whose Idempotency-Key is remembered"),
          time(
              "reservations.refusalTtl",
              "10m",
              "1s",
              "1d",
              "how long such a refusal is remembered"),
          choice(
              "log.level",
              "INFO",
              List.of("ERROR", "WARN", "INFO", "DEBUG"),
              "what is logged of the flash sale's own doings; of its libraries WARN and worse"),
          flag("log.access", true, "whether each request gets a line in logs/access.log"),
          bytes("log.fileMax", "20MiB", "1MiB", "1GiB", "size at which a new log file is begun"),
          count("log.filesMax", 5, 1, 20, "old files kept of each log"));

  private ConfigKeys() {}
}
