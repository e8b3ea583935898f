package flashsale.server;

import static java.util.Map.entry;

import flashsale.audit.Audit;
import flashsale.catalog.CatalogAdminApi;
import flashsale.catalog.CatalogApi;
import flashsale.catalog.Catalogue;
import flashsale.checkout.Flow.Next;
import flashsale.checkout.Recovery;
import flashsale.contracts.Catalog;
import flashsale.contracts.Fact;
import flashsale.contracts.Inventory;
import flashsale.contracts.Orders;
import flashsale.contracts.Payments;
import flashsale.contracts.Reservations;
import flashsale.contracts.Step;
import flashsale.contracts.TokenAuthority;
import flashsale.doors.DoorRoutes;
import flashsale.doors.RemoteKeys;
import flashsale.doors.Revocations;
import flashsale.doors.ServiceToken;
import flashsale.doors.SharedFigures;
import flashsale.inventory.Ledger;
import flashsale.orders.OrderApi;
import flashsale.orders.OrderBook;
import flashsale.payments.PaymentAdminApi;
import flashsale.payments.PaymentApi;
import flashsale.payments.PaymentDesk;
import flashsale.payments.SandboxGateway;
import flashsale.platform.http.HttpServer;
import flashsale.platform.http.Routes;
import flashsale.platform.lifecycle.Lifecycle;
import flashsale.platform.messaging.AutomaticReplay;
import flashsale.platform.messaging.Changes;
import flashsale.platform.messaging.DeadLetterOffice;
import flashsale.platform.messaging.Envelopes;
import flashsale.platform.metrics.Meters;
import flashsale.platform.persistence.Database.Flush;
import flashsale.platform.security.TokenVerifier;
import flashsale.platform.time.SteadyClock;
import flashsale.reservations.CartApi;
import flashsale.reservations.Carts;
import flashsale.reservations.ReservationApi;
import flashsale.reservations.ReservationBook;
import flashsale.users.Users;
import flashsale.users.UsersApi;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;

/**
 * The shop, or the roles of it that this process has: makes each part and hands it what it needs,
 * by plain constructors. Which part needs which is said in {@link Part#NEEDS}. A role that is
 * elsewhere is reached at its door, by the same interface.
 */
public final class Shop implements AutoCloseable {
  private static final Duration RECOVER_EVERY = Duration.ofSeconds(5);

  private final Config config;
  private final Set<Role> here;

  private final ShopFolder dataDirectory;

  private final HttpServer.Observer accessLog;
  private final boolean benchEndpoints;
  private final InstantSource clock = new SteadyClock();
  private final Meters meters = new Meters();
  private final Envelopes<Fact> envelopes = new Envelopes<>(Fact.TYPES);
  private final Outboxes outboxes;
  private final Routes routes = new Routes();
  private final Routes doorRoutes = new Routes();

  private Sharing sharing;
  private Databases databases;
  private Elsewhere elsewhere;
  private TokenVerifier verifier;
  private Inventory inventory;
  private Catalog catalog;
  private Orders orders;
  private Payments payments;
  private Reservations reservations;
  private Walks walks;
  private HttpServer doors;
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
    this.here = config.process().here();
    this.outboxes = new Outboxes(config.checkout().acceptedMax(), clock, meters);
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
    dataDirectory.announce(shop.url(), shop.doorsUrl());
    return shop;
  }

  /** Where it answers. */
  public URI url() {
    return HttpServer.url(config.http().host(), http.port());
  }

  /** Where it answers other processes of the shop; empty if all of it is here. */
  public Optional<URI> doorsUrl() {
    return Optional.ofNullable(doors)
        .map(server -> HttpServer.url(config.doors().host(), server.port()));
  }

  private Map<Part, Lifecycle.Start> starts() {
    return new EnumMap<>(
        Map.ofEntries(
            entry(Part.DATABASES, this::startDatabases),
            entry(Part.ELSEWHERE, this::startElsewhere),
            entry(Part.USERS, this::startUsers),
            entry(Part.INVENTORY, this::startInventory),
            entry(Part.CATALOG, this::startCatalog),
            entry(Part.ORDERS, this::startOrders),
            entry(Part.PAYMENTS, this::startPayments),
            entry(Part.RESERVATIONS, this::startReservations),
            entry(Part.DOORS, this::startDoors),
            entry(Part.CHECKOUT, this::startCheckout),
            entry(Part.BACKGROUND, this::startBackground),
            entry(Part.HTTP, this::startHttp)));
  }

  private AutoCloseable startDatabases() {
    databases = new Databases(RoleDatabases.start(config.database(), dataDirectory), meters);
    if (benchEndpoints) {
      databases.make(BenchedProduct.NAIVE);
    }
    return databases;
  }

  private AutoCloseable startElsewhere() {
    sharing = new Sharing(config, meters);
    elsewhere = new Elsewhere(config, sharing, clock, meters);
    return elsewhere;
  }

  // --- the roles -------------------------------------------------------------------------------

  private AutoCloseable startUsers() {
    var settings = Settings.users(config.users());
    if (!here.contains(Role.USERS)) {
      var authority = elsewhere.users();
      verifier = new TokenVerifier(new RemoteKeys(authority), clock, settings.verifying());
      sharing.sessions(verifier);
      return new Revocations(authority, verifier, clock, settings.accessTtl());
    }
    var keys = config.users().keysDir();
    var users =
        new Users(
            databases.open("users"),
            keys.isEmpty() ? dataDirectory.keys() : Path.of(keys),
            clock,
            settings,
            Settings.guesses(config.limits(), sharing.permits()));
    users.watch(meters);
    OperatorAccount.ensure(dataDirectory, users);
    verifier = users.verifier();
    sharing.sessions(verifier);
    new UsersApi(users).routes(routes);
    door(Role.USERS, TokenAuthority.class, users);
    if (config.process().whole()) {
      return users;
    }
    // There may be other processes of this role.
    var revocations = new Revocations(users, verifier, clock, settings.accessTtl());
    return () -> {
      revocations.close();
      users.close();
    };
  }

  /**
   * For the roles in the middle of a walk. Nobody is told of what they did before the role at its
   * end has committed, and that flushes what they committed too; unless a broker is told, or
   * another process.
   */
  private Flush inWalks() {
    return config.messaging().rabbit() || !config.process().whole() ? Flush.AT_COMMIT : Flush.LATER;
  }

  private AutoCloseable startInventory() {
    if (!here.contains(Role.INVENTORY)) {
      inventory = elsewhere.inventory();
      return Shop::nothing;
    }
    var database = databases.open("inventory", inWalks());
    var settings = Settings.ledger(config.inventory());
    inventory = new Ledger(database, outboxes.of(database), clock, settings);
    door(Role.INVENTORY, Inventory.class, inventory);
    return Shop::nothing;
  }

  private AutoCloseable startCatalog() {
    if (!here.contains(Role.CATALOG)) {
      catalog = elsewhere.catalog();
      return Shop::nothing;
    }
    var database = databases.open("catalog");
    var outbox = outboxes.of(database);
    var settings = Settings.catalogue(config);
    var catalogue =
        new Catalogue(
            database, sharing.memory(), outbox, envelopes, inventory, this::carry, clock, settings);
    new CatalogApi(catalogue).routes(routes);
    new CatalogAdminApi(catalogue).routes(routes);
    catalog = catalogue;
    door(Role.CATALOG, Catalog.class, catalogue);
    return catalogue;
  }

  private AutoCloseable startOrders() {
    if (!here.contains(Role.ORDERS)) {
      orders = elsewhere.orders();
      return Shop::nothing;
    }
    var database = databases.open("orders", inWalks());
    outboxes.of(database); // The step writes none yet; what operators replay to it goes there.
    var book = new OrderBook(database, clock);
    new OrderApi(book).routes(routes);
    orders = book;
    door(Role.ORDERS, Orders.class, book);
    return Shop::nothing;
  }

  private AutoCloseable startPayments() {
    if (!here.contains(Role.PAYMENTS)) {
      payments = elsewhere.payments();
      return Shop::nothing;
    }
    var database = databases.open("payments");
    var changes = new Changes(config.checkout().watchesMax());
    var sandbox = Settings.sandbox(config.payments());
    var desk =
        new PaymentDesk(
            database,
            outboxes.of(database),
            envelopes,
            new SandboxGateway(databases.open("gateway"), clock, sandbox),
            changes,
            clock,
            Settings.payments(config),
            meters);
    var prefer = Settings.prefer(config.checkout());
    var api = new PaymentApi(desk, orders, this::carry, clock, changes, prefer, meters);
    api.routes(routes);
    new PaymentAdminApi(desk, orders, this::carry).routes(routes);
    payments = desk;
    door(Role.PAYMENTS, Payments.class, desk);
    return api;
  }

  private AutoCloseable startReservations() {
    if (!here.contains(Role.RESERVATIONS)) {
      reservations = elsewhere.reservations();
      return Shop::nothing;
    }
    var database = databases.open("reservations");
    var changes = new Changes(config.checkout().watchesMax());
    var book = new ReservationBook(database, outboxes.of(database), changes, clock);
    var carts = new Carts(database, clock, config.reservations().linesMax());
    var api =
        new ReservationApi(
            book,
            carts,
            catalog,
            inventory,
            this::carry,
            clock,
            changes,
            Settings.reservations(config),
            meters);
    api.routes(routes);
    new CartApi(carts, catalog, config.reservations().quantityMax()).routes(routes);
    reservations = book;
    door(Role.RESERVATIONS, Reservations.class, book);
    return api;
  }

  /** How a part stops that has nothing to stop. */
  private static void nothing() {}

  // --- what they have in common ----------------------------------------------------------------

  private <D> void door(Role role, Class<D> door, D implementation) {
    DoorRoutes.add(doorRoutes, role.text(), door, implementation);
  }

  /** For other processes of the shop, who know its secret, and nobody else. */
  private AutoCloseable startDoors() {
    if (config.process().whole()) {
      return Shop::nothing;
    }
    outboxes
        .letters()
        .forEach(
            (role, letters) -> DoorRoutes.add(doorRoutes, role, DeadLetterOffice.class, letters));
    var settings = config.doors();
    doors =
        new HttpServer(
            new HttpServer.Settings(
                settings.host(),
                settings.port(),
                settings.bodyMax(),
                config.http().connectionsMax(),
                settings.requestsMax()),
            doorRoutes,
            new ServiceToken(settings.token()),
            (method, route, path, status, nanos, id) -> meters.served(method, route, status, nanos),
            new Outages()::problem);
    return () -> doors.drain(config.http().drain());
  }

  private AutoCloseable startCheckout() {
    Map<Next, Step> steps =
        Map.of(
            Next.INVENTORY, inventory,
            Next.ORDERS, orders,
            Next.PAYMENTS, payments,
            Next.RESERVATIONS, reservations,
            Next.CATALOG, catalog);
    var mine =
        steps.keySet().stream()
            .filter(next -> here.contains(Role.valueOf(next.name())))
            .collect(Collectors.toSet());
    walks = new Walks(config, steps, mine, outboxes, this::walked, this::drivenOn, clock, meters);
    return walks;
  }

  private boolean drivenOn(Fact fact) {
    return payments instanceof PaymentDesk desk && desk.driveOn(fact);
  }

  private void walked(Fact first, Fact end) {
    if (payments instanceof PaymentDesk desk) {
      desk.walked(first, end);
    }
  }

  /** The parts that are made before the driver reach it through here. */
  private Fact carry(Fact fact) {
    return walks.carry(fact);
  }

  /** A walk may need every role. */
  private boolean allUp() {
    return databases.all().stream().allMatch(OpsApi::answers)
        && walks.broker().orElse("UP").equals("UP")
        && gatewayState().filter("DOWN"::equals).isEmpty()
        && elsewhere.allUp();
  }

  /** Where the payments are here. */
  private Optional<String> gatewayState() {
    return payments instanceof PaymentDesk desk
        ? Optional.of(desk.gatewayState())
        : Optional.empty();
  }

  /** For {@code /health}: who is asked outside of this process, and how they are. */
  private Map<String, String> neighbours() {
    var states = new LinkedHashMap<String, String>();
    gatewayState().ifPresent(state -> states.put("payment gateway", state));
    states.putAll(elsewhere.states());
    return states;
  }

  private AutoCloseable startBackground() {
    var running = new ArrayList<AutoCloseable>();
    running.add(walks.driveOutboxes());
    var letters = outboxes.letters().values();
    running.add(new AutomaticReplay(letters, this::allUp, config.messaging().replayEvery()));
    if (inventory instanceof Ledger ledger) {
      ledger.start();
      running.add(ledger);
      if (sharing.state().isPresent()) {
        var every = config.inventory().gaugeRefresh().dividedBy(2);
        running.add(SharedFigures.keepTelling(sharing.memory(), ledger, every));
      }
    }
    if (payments instanceof PaymentDesk desk) {
      running.add(desk.keepAsking());
      var dead = outboxes.ofWalks("payments", "inventory", "orders", "reservations");
      running.add(accepted("accepted-payments", desk::pending, dead));
    }
    if (reservations instanceof ReservationBook book) {
      var dead = outboxes.ofWalks("reservations", "inventory", "orders");
      running.add(accepted("accepted-reservations", book::pending, dead));
      var untouched = config.checkout().deadline().plusSeconds(1);
      running.add(Recovery.ofHolds(inventory, book, walks, dead, clock, untouched, RECOVER_EVERY));
    }
    return () -> {
      for (var one : running.reversed()) {
        one.close();
      }
    };
  }

  private <F extends Fact> Recovery<F> accepted(
      String name, Recovery.Source<F> source, Recovery.Letters dead) {
    return Recovery.ofAccepted(
        name, source, walks::walk, dead, clock, config.checkout().pendingMax(), RECOVER_EVERY);
  }

  // --- what is served --------------------------------------------------------------------------

  private AutoCloseable startHttp() {
    var settings = config.http();
    ops =
        new OpsApi(
            databases.all(),
            outboxes.letters(),
            walks::broker,
            this::neighbours,
            meters,
            this::refreshMeters);
    serveWhatIsCommon();
    http =
        new HttpServer(
            new HttpServer.Settings(
                settings.host(),
                settings.port(),
                settings.bodyMax(),
                settings.connectionsMax(),
                settings.requestsMax()),
            routes,
            verifier,
            Settings.limits(config, sharing.permits(), meters),
            (method, route, path, status, nanos, requestId) -> {
              meters.served(method, route, status, nanos);
              accessLog.answered(method, route, path, status, nanos, requestId);
            },
            new Outages()::problem);
    shopMeters = new ShopMeters(meters, catalog, inventory, http, accessLog);
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
    http.leave();
    if (ops.stopAccepting()) {
      Thread.sleep(config.http().notReadyPause());
    }
    http.drain(config.http().drain());
  }

  /** Everything that is served; the OpenAPI document tells the same. */
  Routes routes() {
    return routes;
  }

  /** What concerns several roles is served beside the reservations, where walks begin. */
  private void serveWhatIsCommon() {
    if (here.contains(Role.RESERVATIONS)) {
      new DeadLetterApi(deadLetters()).routes(routes);
      var audit = new Audit(inventory, reservations, orders, payments, clock);
      new AuditApi(audit, Settings.auditPatience(config)).routes(routes);
    }
    ops.routes(routes);
    if (benchEndpoints) {
      new BenchApi().routes(routes);
    }
  }

  /** Of all roles that have an outbox, wherever they are. */
  private Map<String, DeadLetterOffice> deadLetters() {
    var all = new TreeMap<String, DeadLetterOffice>(outboxes.letters());
    for (var role : Role.values()) {
      if (role != Role.USERS && !here.contains(role)) {
        all.put(role.text(), elsewhere.deadLetters(role));
      }
    }
    return all;
  }

  /** Not ready, drains, finishes the batches, closes; the reverse of the start. */
  @Override
  public void close() {
    lifecycle.close();
    meters.close();
  }
}
