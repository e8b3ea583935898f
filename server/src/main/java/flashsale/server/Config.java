package flashsale.server;

import com.fasterxml.jackson.annotation.JsonProperty;
import java.net.URI;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Set;

/**
 * The settings of a process, sealed once it has started. What each one means, its default and its
 * bounds are said in {@link ConfigKeys}, and nowhere else; {@link ConfigReader} makes this.
 */
public record Config(
    ProcessRoles process,
    Http http,
    Limits limits,
    Doors doors,
    Peers peers,
    Database database,
    Checkout checkout,
    Messaging messaging,
    Redis redis,
    Inventory inventory,
    Catalog catalog,
    Users users,
    Payments payments,
    Reservations reservations,
    Log log) {

  /** {@code roles} is {@code all}, or the names of some. */
  public record ProcessRoles(String roles) {
    /** What this process is. */
    Set<Role> here() {
      return Role.parse(roles);
    }

    /** Whether nobody else is needed. */
    boolean whole() {
      return here().size() == Role.values().length;
    }
  }

  /** What other processes of the same shop are answered. */
  public record Doors(String host, int port, String token, long bodyMax, int requestsMax) {
    /** Without the token. */
    @Override
    public String toString() {
      return "doors at " + host + ":" + port;
    }
  }

  /** Where the roles are that are not here: addresses separated by commas, or nothing. */
  public record Peers(
      @JsonProperty("users.url") String usersUrl,
      @JsonProperty("catalog.url") String catalogUrl,
      @JsonProperty("inventory.url") String inventoryUrl,
      @JsonProperty("reservations.url") String reservationsUrl,
      @JsonProperty("orders.url") String ordersUrl,
      @JsonProperty("payments.url") String paymentsUrl,
      Duration timeout,
      Duration auditTimeout,
      int attemptsMax,
      int concurrencyMax,
      Duration breakerDelay,
      Duration quoteTtl) {

    /**
     * A role's addresses; none if it has none.
     *
     * @throws IllegalArgumentException if one is no address
     */
    List<URI> urls(Role role) {
      var text =
          switch (role) {
            case USERS -> usersUrl;
            case CATALOG -> catalogUrl;
            case INVENTORY -> inventoryUrl;
            case RESERVATIONS -> reservationsUrl;
            case ORDERS -> ordersUrl;
            case PAYMENTS -> paymentsUrl;
          };
      return Arrays.stream(text.split(","))
          .map(String::strip)
          .filter(url -> !url.isEmpty())
          .map(Peers::url)
          .toList();
    }

    private static URI url(String text) {
      var url = URI.create(text);
      boolean http = "http".equals(url.getScheme()) || "https".equals(url.getScheme());
      if (!http || url.getHost() == null) {
        throw new IllegalArgumentException(text + " is no address like http://host:port");
      }
      return url;
    }
  }

  public record Http(
      String host,
      int port,
      long bodyMax,
      int connectionsMax,
      int requestsMax,
      Duration notReadyPause,
      Duration drain,
      String trustedProxies) {}

  /**
   * How often one customer and one address may ask in a window, by class of request; 0: as they
   * like.
   */
  public record Limits(
      boolean enabled,
      Duration window,
      int customerReads,
      int customerWrites,
      int customerPurchases,
      int addressReads,
      int addressWrites,
      int addressPurchases,
      int addressSignIns,
      int passwordsPerMinute,
      int keysMax) {}

  /** Where the roles' databases are, and how many connections each gets. */
  public record Database(
      String url,
      String readUrl,
      String user,
      String password,
      int connectionsMax,
      int usersPoolMax,
      int catalogPoolMax,
      int inventoryPoolMax,
      int reservationsPoolMax,
      int ordersPoolMax,
      int paymentsPoolMax,
      int gatewayPoolMax,
      int waitingMax,
      Duration waitMax) {

    /** Whether the server brings its own PostgreSQL. */
    public boolean embedded() {
      return url.isEmpty();
    }

    /** The address of a role's own database at the external PostgreSQL. */
    public String url(String role) {
      return url.replace(ROLE, role);
    }

    /** The address of that database's replica; empty if there is none. */
    public String readUrl(String role) {
      return readUrl.replace(ROLE, role);
    }

    /** The login of a role at the external PostgreSQL. */
    public String user(String role) {
      return user.replace(ROLE, role);
    }

    /** Connections of a role's pool at most. */
    public int poolMax(String role) {
      return switch (role) {
        case "users" -> usersPoolMax;
        case "catalog" -> catalogPoolMax;
        case "inventory" -> inventoryPoolMax;
        case "reservations" -> reservationsPoolMax;
        case "orders" -> ordersPoolMax;
        case "payments" -> paymentsPoolMax;
        case "gateway" -> gatewayPoolMax;
        default -> throw new IllegalArgumentException("no role " + role);
      };
    }

    /** All pools' connections together. */
    int poolsMax() {
      return RoleDatabases.ROLES.stream().mapToInt(this::poolMax).sum();
    }

    @Override
    public String toString() {
      return embedded() ? "embedded PostgreSQL" : "PostgreSQL at " + url;
    }
  }

  /**
   * {@code architecture} is {@code sync} or {@code async}: what a request gets that says nothing.
   */
  public record Checkout(
      Duration deadline,
      int batchMax,
      int queueMax,
      String architecture,
      Duration waitMax,
      int watchesMax,
      int acceptedMax,
      Duration pendingMax) {
    boolean async() {
      return architecture.equals("async");
    }
  }

  /** {@code url} is empty, or RabbitMQ's address with its password. */
  public record Messaging(String url, Duration replayEvery) {
    boolean rabbit() {
      return !url.isEmpty();
    }

    /** Without the address, because its password does not belong into logs. */
    @Override
    public String toString() {
      return rabbit() ? "RabbitMQ" : "no broker";
    }
  }

  /** {@code url} is empty, or Redis's address with its password; several of a cluster. */
  public record Redis(String url, boolean cluster, Duration budget, int shares) {
    boolean there() {
      return !url.isEmpty();
    }

    /** Without the address, because its password does not belong into logs. */
    @Override
    public String toString() {
      return there() ? "Redis" : "no Redis";
    }
  }

  public record Inventory(
      Duration sweepEvery, int sweepMax, Duration chargeWindow, Duration gaugeRefresh) {}

  public record Catalog(int liveSalesMax) {}

  public record Users(
      String keysDir,
      Duration tokenTtl,
      Duration refreshTtl,
      int hashesAtATime,
      int hashQueueMax,
      Duration hashWaitMax,
      Duration verifiedTtl,
      int verifiedMax,
      int tokensCachedMax) {}

  public record Payments(
      String gateway,
      Duration gatewayTimeout,
      Duration breakerDelay,
      Duration sandboxLatency,
      double sandboxFailureRate) {}

  public record Reservations(int linesMax, int quantityMax, int refusalsMax, Duration refusalTtl) {}

  public record Log(String level, boolean access, long fileMax, int filesMax) {}

  /** Stands in {@code database.url} for the name of a role. */
  static final String ROLE = "{role}";
}
