package flashsale.server;

import flashsale.contracts.Payments;
import flashsale.contracts.Reservations;
import flashsale.contracts.TokenAuthority;
import flashsale.doors.Peer;
import flashsale.doors.RemoteCatalog;
import flashsale.doors.RemoteDoors;
import flashsale.doors.RemoteInventory;
import flashsale.doors.RemoteOrders;
import flashsale.doors.ServiceToken;
import flashsale.doors.SharedFigures;
import flashsale.platform.messaging.DeadLetterOffice;
import flashsale.platform.metrics.Meters;
import java.net.http.HttpClient;
import java.time.Duration;
import java.time.InstantSource;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/** The doors of the roles that are in other processes. Thread-safe. */
final class Elsewhere implements AutoCloseable {
  private static final Duration CONNECT_MAX = Duration.ofSeconds(1);
  private static final int QUOTES_MAX = 100_000;
  private static final int QUESTIONS_BATCH_MAX = 256;
  private static final int QUESTIONS_MAX = 4_096;

  private final Config config;
  private final Sharing sharing;
  private final InstantSource clock;
  private final Meters meters;
  private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
  private final HttpClient http =
      HttpClient.newBuilder()
          .version(HttpClient.Version.HTTP_1_1)
          .connectTimeout(CONNECT_MAX)
          .executor(threads)
          .build();
  private final Map<Role, Peer> peers = new EnumMap<>(Role.class);
  private final List<AutoCloseable> open = new CopyOnWriteArrayList<>();

  /** Connects to nobody yet. */
  Elsewhere(Config config, Sharing sharing, InstantSource clock, Meters meters) {
    this.config = config;
    this.sharing = sharing;
    this.clock = clock;
    this.meters = meters;
    for (var role : Role.values()) {
      if (!config.process().here().contains(role) && !config.peers().urls(role).isEmpty()) {
        peers.put(role, peer(role));
      }
    }
  }

  private Peer peer(Role role) {
    var settings = config.peers();
    return new Peer(
        role.text(),
        settings.urls(role),
        new ServiceToken(config.doors().token()),
        new Peer.Settings(
            settings.timeout(),
            settings.auditTimeout(),
            settings.attemptsMax(),
            settings.concurrencyMax(),
            settings.breakerDelay()),
        http,
        meters);
  }

  RemoteInventory inventory() {
    return kept(
        new RemoteInventory(
            peers.get(Role.INVENTORY),
            new SharedFigures(sharing.memory()),
            clock,
            config.inventory().gaugeRefresh()));
  }

  RemoteCatalog catalog() {
    return kept(
        new RemoteCatalog(
            peers.get(Role.CATALOG),
            new RemoteCatalog.Settings(
                config.peers().quoteTtl(), QUOTES_MAX, QUESTIONS_BATCH_MAX, QUESTIONS_MAX),
            meters));
  }

  RemoteOrders orders() {
    return kept(
        new RemoteOrders(peers.get(Role.ORDERS), QUESTIONS_BATCH_MAX, QUESTIONS_MAX, meters));
  }

  Payments payments() {
    return RemoteDoors.of(Payments.class, peers.get(Role.PAYMENTS));
  }

  Reservations reservations() {
    return RemoteDoors.of(Reservations.class, peers.get(Role.RESERVATIONS));
  }

  TokenAuthority users() {
    return RemoteDoors.of(TokenAuthority.class, peers.get(Role.USERS));
  }

  /** The dead letters of a role that has an outbox. */
  DeadLetterOffice deadLetters(Role role) {
    return RemoteDoors.of(DeadLetterOffice.class, peers.get(role));
  }

  /** For {@code /health}: each role and how it can be reached. */
  Map<String, String> states() {
    var states = new LinkedHashMap<String, String>();
    peers.forEach((role, peer) -> states.put("peer " + role.text(), peer.state()));
    sharing.state().ifPresent(state -> states.put("Redis", state));
    return states;
  }

  /** Whether each role has an address that answers. */
  boolean allUp() {
    return peers.values().stream().noneMatch(peer -> peer.state().equals("DOWN"));
  }

  private <C extends AutoCloseable> C kept(C one) {
    open.add(one);
    return one;
  }

  @Override
  public void close() throws Exception {
    for (var one : open.reversed()) {
      one.close();
    }
    sharing.close();
    http.close();
    threads.close();
  }
}
