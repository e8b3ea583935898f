package flashsale.server;

import static org.awaitility.Awaitility.await;

import flashsale.cluster.GatewayConfig;
import flashsale.cluster.NginxNode;
import flashsale.platform.net.LoopbackPorts;
import flashsale.platform.persistence.EmbeddedPostgres;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * The shop as separate services: each role's parts talk to the others only through their doors,
 * over HTTP, and clients to all of them through an nginx. The roles share this test's process and
 * one PostgreSQL, in which each has its own database and login.
 */
public final class SplitShop implements AutoCloseable {
  private static final String TOKEN = "a service token for tests that is long enough";
  private static final int CONNECTIONS_MAX = 300;
  private static final Duration READY_MAX = Duration.ofSeconds(30);

  private final Path folder;
  private final EmbeddedPostgres postgres;
  private final Map<String, String> settings;
  private final Ways ways;
  private final Map<Role, Integer> doors = new EnumMap<>(Role.class);
  private final Map<Role, Integer> ports = new EnumMap<>(Role.class);
  private final Map<Role, ServedShop> roles = new EnumMap<>(Role.class);
  private NginxNode gateway;
  private URI url;

  /** How one role reaches the door of another. */
  @FunctionalInterface
  public interface Ways {
    URI way(String from, String to, URI door);
  }

  private SplitShop(Path folder, Map<String, String> settings, Ways ways) {
    this.folder = folder;
    this.settings = settings;
    this.ways = ways;
    this.postgres = EmbeddedPostgres.start(folder, CONNECTIONS_MAX);
  }

  /**
   * Starts all roles and the gateway.
   *
   * @param folder gets PostgreSQL, the keys, and a data directory for each role
   * @param settings of every role
   */
  public static SplitShop start(Path folder, Map<String, String> settings) {
    var shop = start(folder, settings, (from, to, door) -> door);
    try {
      // Who asked another before that one was there leaves it alone for a moment.
      await().atMost(READY_MAX).until(() -> shop.ports.values().stream().allMatch(SplitShop::up));
      return shop;
    } catch (RuntimeException e) {
      shop.close();
      throw e;
    }
  }

  /** Whether a role is ready, and so is all that it needs. */
  private static boolean up(int port) {
    try (var answer = local(port).resolve("/health/ready").toURL().openStream()) {
      return !new String(answer.readAllBytes(), StandardCharsets.UTF_8).contains("\"DOWN\"");
    } catch (IOException e) {
      return false;
    }
  }

  /** The same with detours from role to role. */
  public static SplitShop start(Path folder, Map<String, String> settings, Ways ways) {
    var shop = new SplitShop(folder, settings, ways);
    try {
      shop.begin();
      return shop;
    } catch (RuntimeException e) {
      shop.close();
      throw e;
    }
  }

  private void begin() {
    for (var role : Role.values()) {
      doors.put(role, LoopbackPorts.free());
      ports.put(role, LoopbackPorts.free());
    }
    for (var role : Role.values()) {
      startRole(role);
    }
    copy(
        folder.resolve(Role.USERS.text()).resolve("operator.json"),
        folder.resolve("operator.json"));
    int port = LoopbackPorts.free();
    gateway = NginxNode.start(gatewayConfig("127.0.0.1:" + port));
    url = local(port);
  }

  private GatewayConfig gatewayConfig(String listen) {
    var urls =
        GatewayConfig.ROLES.stream()
            .collect(Collectors.toMap(role -> role, role -> List.of(direct(role))));
    return new GatewayConfig(
        listen,
        urls,
        Set.of(),
        folder.resolve("gateway"),
        0,
        GatewayConfig.BODY_MAX_BYTES,
        Optional.empty(),
        Optional.empty());
  }

  private void startRole(Role role) {
    var given = new HashMap<>(settings);
    given.put("process.roles", role.text());
    given.put("http.port", Integer.toString(ports.get(role)));
    given.put("doors.token", TOKEN);
    given.put("doors.port", Integer.toString(doors.get(role)));
    given.put("users.keysDir", folder.resolve("keys").toString());
    given.putAll(database(role));
    doors.forEach(
        (peer, port) ->
            given.put(
                "peers." + peer.text() + ".url",
                ways.way(role.text(), peer.text(), local(port)).toString()));
    roles.put(role, ServedShop.start(folder.resolve(role.text()), given));
  }

  private Map<String, String> database(Role role) {
    var own = postgres.database(role.text());
    if (role == Role.PAYMENTS) {
      postgres.database("gateway", "payments");
    }
    return Map.of(
        "database.url", own.url().replace("/" + role.text(), "/{role}"),
        "database.user", "{role}",
        "database.password", own.password());
  }

  private static void copy(Path from, Path to) {
    try {
      Files.copy(from, to);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The gateway's. */
  public URI url() {
    return url;
  }

  /** Where a role answers the others. */
  public URI doors(String role) {
    return local(doors.get(role(role)));
  }

  /** Where a role serves its part of the API. */
  public URI direct(String role) {
    return local(ports.get(role(role)));
  }

  /** Stops a role's process, as it were. */
  public void stop(String role) {
    roles.remove(role(role)).close();
  }

  private static Role role(String name) {
    return Role.valueOf(name.toUpperCase(Locale.ROOT));
  }

  private static URI local(int port) {
    return URI.create("http://127.0.0.1:" + port);
  }

  /** Starts a role that was stopped, where it was. */
  public void startAgain(String role) {
    startRole(role(role));
  }

  @Override
  public void close() {
    var closing = new ArrayList<AutoCloseable>();
    if (gateway != null) {
      closing.add(gateway);
    }
    // Those who ask before those who are asked.
    for (var role :
        List.of(
            Role.CATALOG,
            Role.PAYMENTS,
            Role.RESERVATIONS,
            Role.INVENTORY,
            Role.ORDERS,
            Role.USERS)) {
      if (roles.containsKey(role)) {
        closing.add(roles.get(role));
      }
    }
    closing.add(postgres);
    for (var one : closing) {
      try {
        one.close();
      } catch (Exception e) {
        throw new IllegalStateException("cannot stop " + one, e);
      }
    }
  }
}
