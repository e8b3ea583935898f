package flashsale.server;

import static java.util.stream.Collectors.toSet;

import flashsale.audit.Audit;
import flashsale.catalog.CatalogAdminApi;
import flashsale.catalog.CatalogApi;
import flashsale.catalog.Catalogue;
import flashsale.checkout.DirectDriver;
import flashsale.checkout.EventedDriver;
import flashsale.checkout.Flow.Next;
import flashsale.checkout.Recovery;
import flashsale.contracts.CheckoutUnavailable;
import flashsale.contracts.Fact;
import flashsale.contracts.Step;
import flashsale.inventory.Ledger;
import flashsale.orders.OrderApi;
import flashsale.orders.OrderBook;
import flashsale.payments.PaymentAdminApi;
import flashsale.payments.PaymentApi;
import flashsale.payments.PaymentDesk;
import flashsale.payments.SandboxGateway;
import flashsale.platform.batching.Late;
import flashsale.platform.http.HttpServer;
import flashsale.platform.http.Routes;
import flashsale.platform.lifecycle.Lifecycle;
import flashsale.platform.messaging.AutomaticReplay;
import flashsale.platform.messaging.Bus;
import flashsale.platform.messaging.Changes;
import flashsale.platform.messaging.DeadLetters;
import flashsale.platform.messaging.DirectBus;
import flashsale.platform.messaging.Envelopes;
import flashsale.platform.messaging.FailureCategory;
import flashsale.platform.messaging.Outbox;
import flashsale.platform.messaging.RabbitBus;
import flashsale.platform.messaging.RabbitSettings;
import flashsale.platform.messaging.Relay;
import flashsale.platform.messaging.TopologyConflict;
import flashsale.platform.metrics.Meters;
import flashsale.platform.persistence.Database;
import flashsale.platform.persistence.Database.Flush;
import flashsale.platform.time.SteadyClock;
import flashsale.reservations.CartApi;
import flashsale.reservations.Carts;
import flashsale.reservations.ReservationApi;
import flashsale.reservations.ReservationBook;
import flashsale.users.Users;
import flashsale.users.UsersApi;
import java.net.URI;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * The whole shop in one process: makes each part and hands it what it needs, by plain constructors.
 * Which part needs which is said in {@link Part#NEEDS}.
 */
public final class Shop implements AutoCloseable {
  private static final Duration RECOVER_EVERY = Duration.ofSeconds(5);

  private final Config config;

  /** Wakes who waits for a reservation or a payment. */
  private final Changes changes;

  private final ShopFolder dataDirectory;
  private final HttpServer.Observer accessLog;
  private final boolean benchEndpoints;
  private final InstantSource clock = new SteadyClock();
  private final Meters meters = new Meters();
  private final Envelopes<Fact> envelopes = new Envelopes<>(Fact.TYPES);

  private final Map<String, DeadLetters> deadLetters = new ConcurrentHashMap<>();
  private final Map<String, DirectBus.Queue> outboxes = new ConcurrentHashMap<>();

  private Databases databases;
  private Users users;
  private Ledger ledger;
  private Catalogue catalogue;
  private OrderBook orders;
  private PaymentDesk payments;
  private PaymentApi paymentApi;
  private ReservationBook reservations;
  private Carts carts;
  private ReservationApi reservationApi;
  private DirectDriver driver;

  /** Null without a broker. */
  private EventedDriver evented;

  private RabbitBus bus;
  private OpsApi ops;
  private HttpServer http;
  private volatile ShopMeters shopMeters;
  private Lifecycle<Part> lifecycle;

  private Shop(
      Config config,
      ShopFolder dataDirectory,
      HttpServer.Observer accessLog,
      boolean benchEndpoints) {
    this.config = config;
    this.changes = new Changes(config.checkout().watchesMax());
    this.dataDirectory = dataDirectory;
    this.accessLog = accessLog;
    this.benchEndpoints = benchEndpoints;
  }

  /**
   * Starts everything and answers requests when it returns.
   *
   * @param accessLog learns of every answered request
   * @param benchEndpoints whether the benchmark's do-nothing endpoints are served too
   */
  public static Shop start(
      Config config,
      ShopFolder dataDirectory,
      HttpServer.Observer accessLog,
      boolean benchEndpoints) {
    var shop = new Shop(config, dataDirectory, accessLog, benchEndpoints);
    try {
      shop.lifecycle = Lifecycle.start(Part.class, Part.NEEDS, shop.starts());
    } catch (RuntimeException e) {
      shop.meters.close();
      throw e;
    }
    dataDirectory.announce(shop.url());
    return shop;
  }

  /** Where it answers. */
  public URI url() {
    return HttpServer.url(config.http().host(), http.port());
  }

  private Map<Part, Lifecycle.Start> starts() {
    return new EnumMap<>(
        Map.of(
            Part.DATABASES, this::startDatabases,
            Part.USERS, this::startUsers,
            Part.INVENTORY, this::startInventory,
            Part.CATALOG, this::startCatalog,
            Part.ORDERS, this::startOrders,
            Part.PAYMENTS, this::startPayments,
            Part.RESERVATIONS, this::startReservations,
            Part.CHECKOUT, this::startCheckout,
            Part.BACKGROUND, this::startBackground,
            Part.HTTP, this::startHttp));
  }

  private AutoCloseable startDatabases() {
    databases = new Databases(RoleDatabases.start(config.database(), dataDirectory), meters);
    if (benchEndpoints) {
      databases.make(BenchedProduct.NAIVE);
    }
    return databases;
  }

  private AutoCloseable startUsers() {
    var database = databases.open("users");
    users = new Users(database, dataDirectory.keys(), clock, Settings.users(config.users()));
    users.watch(meters);
    OperatorAccount.ensure(dataDirectory, users);
    return users;
  }

  /**
   * For the roles in the middle of a walk. Nobody is told of what they did before the role at its
   * end has committed, and that flushes what they committed too; unless a broker is told.
   */
  private Flush inWalks() {
    return config.messaging().rabbit() ? Flush.AT_COMMIT : Flush.LATER;
  }

  private AutoCloseable startInventory() {
    var database = databases.open("inventory", inWalks());
    ledger = new Ledger(database, outbox(database), clock, Settings.ledger(config.inventory()));
    return () -> {};
  }

  /** A role's outbox, and where its messages go that cannot be driven to their end. */
  private Outbox outbox(Database database) {
    var outbox = new Outbox(database);
    var letters = new DeadLetters(database, outbox, clock);
    deadLetters.put(database.name(), letters);
    outboxes.put(database.name(), new DirectBus.Queue(outbox, letters));
    meters.gauge(
        "flashsale.outbox.waiting",
        "Messages not driven to their end",
        "role",
        database.name(),
        outbox::size);
    meters.gauge(
        "flashsale.outbox.lag.seconds",
        "Age of the oldest message that is due and has not been driven to its end",
        "role",
        database.name(),
        () -> outbox.lag(clock.instant()).toNanos() / 1e9);
    meters.gauge(
        "flashsale.dead_letters",
        "Messages that wait for an operator's decision",
        "role",
        database.name(),
        letters::count);
    return outbox;
  }

  private AutoCloseable startCatalog() {
    var database = databases.open("catalog");
    catalogue =
        new Catalogue(
            database,
            outbox(database),
            envelopes,
            ledger,
            this::carry,
            clock,
            Settings.catalogue(config));
    return catalogue;
  }

  private AutoCloseable startOrders() {
    var database = databases.open("orders", inWalks());
    outbox(database); // The step writes none yet; what operators replay to it goes there.
    orders = new OrderBook(database, clock);
    return () -> {};
  }

  private AutoCloseable startPayments() {
    var database = databases.open("payments");
    payments =
        new PaymentDesk(
            database,
            outbox(database),
            envelopes,
            new SandboxGateway(
                databases.open("gateway"), clock, Settings.sandbox(config.payments())),
            changes,
            clock,
            Settings.payments(config));
    paymentApi =
        new PaymentApi(
            payments,
            orders,
            this::carry,
            clock,
            changes,
            Settings.prefer(config.checkout()),
            meters);
    return paymentApi;
  }

  private AutoCloseable startReservations() {
    var database = databases.open("reservations");
    reservations = new ReservationBook(database, outbox(database), changes, clock);
    carts = new Carts(database, clock, config.reservations().linesMax());
    reservationApi =
        new ReservationApi(
            reservations,
            carts,
            catalogue,
            ledger,
            this::carry,
            clock,
            changes,
            Settings.reservations(config),
            meters);
    return reservationApi;
  }

  private AutoCloseable startCheckout() {
    Map<Next, Step> steps =
        Map.of(
            Next.INVENTORY, ledger,
            Next.ORDERS, orders,
            Next.PAYMENTS, payments,
            Next.RESERVATIONS, reservations,
            Next.CATALOG, catalogue);
    driver =
        new DirectDriver(
            new DirectDriver.Settings(
                config.checkout().deadline(),
                config.checkout().batchMax(),
                config.checkout().queueMax()),
            steps,
            meters);
    if (!config.messaging().rabbit()) {
      return driver;
    }
    var queues = steps.keySet().stream().map(EventedDriver::queue).collect(toSet());
    bus = startBus(queues);
    evented =
        new EventedDriver(
            bus,
            new EventedDriver.Settings(
                config.checkout().batchMax(),
                config.checkout().queueMax(),
                config.checkout().deadline()),
            steps,
            clock,
            meters);
    return () -> {
      evented.close();
      bus.close();
      driver.close();
    };
  }

  private RabbitBus startBus(Set<String> queues) {
    try {
      return RabbitBus.start(
          RabbitSettings.of(config.messaging().url()), queues, this::park, clock, meters);
    } catch (IllegalStateException | TopologyConflict e) {
      throw new CommandFailure(ExitCode.ENVIRONMENT, "RabbitMQ: " + e.getMessage());
    }
  }

  /** A walk may need every role. */
  private boolean allUp() {
    return databases.all().stream().allMatch(OpsApi::answers)
        && (bus == null || bus.trouble().isEmpty());
  }

  private Optional<String> broker() {
    return Optional.ofNullable(bus).map(b -> b.trouble().orElse("UP"));
  }

  /** What a role could never do lies in that role's own database. */
  private void park(String queue, Bus.Message message, Instant firstAttempt, Throwable reason) {
    deadLetters.get(queue).park(message, firstAttempt, reason);
  }

  /** The parts that are made before the driver reach it through here. */
  private Fact carry(Fact fact) {
    return driver.carry(fact);
  }

  private AutoCloseable startBackground() {
    var running = new ArrayList<AutoCloseable>();
    running.add(driveOutboxes());
    ledger.start();
    running.add(ledger);
    running.add(payments.keepAsking());
    running.add(
        new AutomaticReplay(deadLetters.values(), this::allUp, config.messaging().replayEvery()));
    running.add(
        Recovery.ofHolds(
            ledger,
            reservations,
            driver,
            clock,
            config.checkout().deadline().plusSeconds(1),
            RECOVER_EVERY));
    running.add(accepted("accepted-reservations", reservations::pending));
    running.add(accepted("accepted-payments", payments::pending));
    return () -> {
      for (var one : running.reversed()) {
        one.close();
      }
    };
  }

  private <F extends Fact> Recovery<F> accepted(String name, Recovery.Source<F> source) {
    return Recovery.ofAccepted(
        name, source, this::walk, clock, config.checkout().pendingMax(), RECOVER_EVERY);
  }

  /** What lies in an outbox is handed over to the broker, or the flow is walked from it. */
  private DirectBus driveOutboxes() {
    var direct = new DirectBus(outboxes, Relay.ATTEMPTS_MAX, clock);
    for (var role : outboxes.keySet()) {
      direct.subscribe(role, Relay.TAKEN_MAX, batch -> batch.forEach(this::drive));
    }
    return direct;
  }

  /**
   * A broker gets what is found again if it loses it: requests whose row stays PENDING. Money that
   * was taken, and units that were given back, stay in the outbox until their walk has ended.
   */
  private void drive(Bus.Message message) {
    var first = envelopes.open(message.envelope()).message();
    if (evented != null
        && (first instanceof Fact.ReservationRequested || first instanceof Fact.PaymentRequested)) {
      evented.handOver(message);
    } else {
      walk(first);
    }
  }

  /** The relay knows no shop: to it, a walk that an outage stopped is late. */
  private Fact walk(Fact first) {
    try {
      var end = driver.carry(first);
      payments.walked(first, end);
      return end;
    } catch (CheckoutUnavailable e) {
      throw FailureCategory.isOutage(e) ? new Late(e.getMessage()) : e;
    }
  }

  private AutoCloseable startHttp() {
    var settings = config.http();
    ops = new OpsApi(databases.all(), deadLetters, this::broker, meters, this::refreshMeters);
    http =
        new HttpServer(
            new HttpServer.Settings(
                settings.host(),
                settings.port(),
                settings.bodyMax(),
                settings.connectionsMax(),
                settings.requestsMax()),
            routes(),
            users.verifier(),
            (method, route, path, status, nanos, requestId) -> {
              meters.served(method, route, status, nanos);
              accessLog.answered(method, route, path, status, nanos, requestId);
            },
            new Outages()::problem);
    shopMeters = new ShopMeters(meters, catalogue, ledger, http, accessLog);
    return this::stopHttp;
  }

  /** The first look may come while the server is still starting. */
  private void refreshMeters() {
    var started = shopMeters;
    if (started != null) {
      started.refresh();
    }
  }

  /** Not ready first, and only when that can have been noticed nothing new is taken any more. */
  private void stopHttp() throws InterruptedException {
    if (ops.stopAccepting()) {
      Thread.sleep(config.http().notReadyPause());
    }
    http.drain(config.http().drain());
  }

  /** Everything that is served; the OpenAPI document tells the same. */
  Routes routes() {
    var routes = new Routes();
    reservationApi.routes(routes);
    paymentApi.routes(routes);
    new CatalogApi(catalogue).routes(routes);
    new CartApi(carts, catalogue, config.reservations().quantityMax()).routes(routes);
    new OrderApi(orders).routes(routes);
    new UsersApi(users).routes(routes);
    new CatalogAdminApi(catalogue).routes(routes);
    new PaymentAdminApi(payments, orders, this::carry).routes(routes);
    new DeadLetterApi(deadLetters).routes(routes);
    new AuditApi(audit(), Settings.auditPatience(config)).routes(routes);
    ops.routes(routes);
    if (benchEndpoints) {
      new BenchApi().routes(routes);
    }
    return routes;
  }

  private Audit audit() {
    return new Audit(ledger, reservations, orders, payments, clock);
  }

  /** Not ready, drains, finishes the batches, closes; the reverse of the start. */
  @Override
  public void close() {
    lifecycle.close();
    meters.close();
  }
}
