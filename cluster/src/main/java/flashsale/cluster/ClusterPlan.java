package flashsale.cluster;

import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.IntSupplier;
import java.util.function.ToIntFunction;
import java.util.stream.Collectors;

/**
 * Which processes a cluster has, and what each is told. Immutable.
 *
 * @param members in the order in which they are started
 * @param async how requests are answered that do not say
 * @param token the doors' secret
 * @param silenceMax what says nothing for so long hangs
 */
public record ClusterPlan(
    List<Member> members,
    boolean async,
    String token,
    Map<String, String> settings,
    Duration silenceMax) {
  /** Those whom others need come first. */
  public static final List<String> ROLES =
      List.of("users", "inventory", "orders", "catalog", "payments", "reservations");

  /** What the roles stand on, by the names that commands know. */
  public static final List<String> SERVERS = List.of("postgres", "rabbitmq", "redis", "nginx");

  public static final int REPLICAS_MAX = 8;

  /** Kubernetes' liveness probes by default bear as much. */
  private static final Duration SILENCE_MAX = Duration.ofSeconds(15);

  /** Connections of one process to its role's database. */
  private static final Map<String, Integer> POOLS =
      Map.of(
          "users",
          4,
          "inventory",
          6,
          "orders",
          6,
          "catalog",
          4,
          "payments",
          8,
          "reservations",
          10,
          "gateway",
          4);

  /** For commands, audits and migrations. */
  private static final int CONNECTIONS_SPARE = 40;

  /** The sandbox gateway's database is used by the payments. */
  static final String SANDBOX = "gateway";

  /**
   * So many processes of each role.
   *
   * @param freePort finds a port that nobody listens on
   */
  public static ClusterPlan of(int replicas, boolean async, String token, IntSupplier freePort) {
    return of(role -> replicas, async, token, freePort);
  }

  /** The same with more of some roles. */
  public static ClusterPlan of(
      ToIntFunction<String> replicas, boolean async, String token, IntSupplier freePort) {
    var members = new ArrayList<Member>();
    for (var role : ROLES) {
      for (int number = 1; number <= replicas.applyAsInt(role); number++) {
        members.add(new Member(role, number, freePort.getAsInt(), freePort.getAsInt()));
      }
    }
    return new ClusterPlan(List.copyOf(members), async, token, Map.of(), SILENCE_MAX);
  }

  /** The same with more settings for every process, by the names of their environment variables. */
  public ClusterPlan with(Map<String, String> more) {
    return new ClusterPlan(members, async, token, Map.copyOf(more), silenceMax);
  }

  /** The same with more or less patience. */
  public ClusterPlan with(Duration otherSilenceMax) {
    return new ClusterPlan(members, async, token, settings, otherSilenceMax);
  }

  /** The processes of a role. */
  public List<Member> of(String role) {
    return members.stream().filter(member -> member.role().equals(role)).toList();
  }

  /** What PostgreSQL must allow for all of their pools. */
  int connectionsMax() {
    int pools =
        members.stream()
            .mapToInt(
                member ->
                    POOLS.get(member.role())
                        + (member.role().equals("payments") ? POOLS.get(SANDBOX) : 0))
            .sum();
    return pools + CONNECTIONS_SPARE;
  }

  /** The gateway before them. */
  GatewayConfig gateway(String listen, Path folder) {
    var urls =
        GatewayConfig.ROLES.stream()
            .collect(Collectors.toMap(role -> role, role -> urls(of(role))));
    return new GatewayConfig(
        listen,
        urls,
        Set.of(),
        folder,
        0,
        GatewayConfig.BODY_MAX_BYTES,
        Optional.empty(),
        Optional.empty());
  }

  /**
   * The processes that customers reach, each of which counts the limits by itself without Redis.
   */
  private long limiting() {
    return members.stream().filter(member -> GatewayConfig.ROLES.contains(member.role())).count();
  }

  private static List<URI> urls(List<Member> members) {
    return members.stream().map(Member::url).toList();
  }

  /**
   * A member's settings as environment variables; not as flags, because they hold secrets and every
   * user can read command lines.
   *
   * @param broker RabbitMQ's address; empty without one
   */
  Map<String, String> environment(Member member, Database database, Optional<String> broker) {
    var told = new HashMap<String, String>();
    told.put("PROCESS_ROLES", member.role());
    told.put("HTTP_PORT", Integer.toString(member.httpPort()));
    told.put("DOORS_PORT", Integer.toString(member.doorsPort()));
    told.put("DOORS_TOKEN", token);
    told.put("CHECKOUT_ARCHITECTURE", async ? "async" : "sync");
    told.put("DATABASE_URL", database.url());
    told.put("DATABASE_USER", "{role}");
    told.put("DATABASE_PASSWORD", database.password());
    told.put("USERS_KEYS_DIR", database.keys().toString());
    POOLS.forEach(
        (role, pool) ->
            told.put(
                "DATABASE_" + role.toUpperCase(Locale.ROOT) + "_POOL_MAX", Integer.toString(pool)));
    told.put("REDIS_SHARES", Long.toString(limiting()));
    broker.ifPresent(url -> told.put("MESSAGING_URL", url));
    for (var role : ROLES) {
      told.put(
          "PEERS_" + role.toUpperCase(Locale.ROOT) + "_URL",
          of(role).stream().map(peer -> peer.doors().toString()).collect(Collectors.joining(",")));
    }
    var environment = new LinkedHashMap<String, String>();
    told.forEach((name, value) -> environment.put("FLASHSALE_" + name, value));
    environment.putAll(settings);
    return environment;
  }

  /** Without the secret. */
  @Override
  public String toString() {
    return members.stream().map(Member::name).collect(Collectors.joining(", "));
  }

  /**
   * Where a member's database is.
   *
   * @param url JDBC address with {@code {role}} for its name
   * @param keys the folder that all processes of the users role share
   */
  record Database(String url, String password, Path keys) {
    @Override
    public String toString() {
      return url;
    }
  }
}
