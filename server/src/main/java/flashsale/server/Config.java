package flashsale.server;

import java.time.Duration;

/**
 * The settings of a process, sealed once it has started. What each one means, its default and its
 * bounds are said in {@link ConfigKeys}, and nowhere else; {@link ConfigReader} makes this.
 */
public record Config(
    Http http,
    Database database,
    Checkout checkout,
    Messaging messaging,
    Inventory inventory,
    Catalog catalog,
    Users users,
    Payments payments,
    Reservations reservations,
    Log log) {

  public record Http(
      String host,
      int port,
      long bodyMax,
      int connectionsMax,
      int requestsMax,
      Duration notReadyPause,
      Duration drain) {}

  /** Where the roles' databases are, and how many connections each gets. */
  public record Database(
      String url,
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

  public record Inventory(
      Duration sweepEvery, int sweepMax, Duration chargeWindow, Duration gaugeRefresh) {}

  public record Catalog(int liveSalesMax) {}

  public record Users(
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
      Duration sandboxLatency,
      double sandboxFailureRate) {}

  public record Reservations(int linesMax, int quantityMax, int refusalsMax, Duration refusalTtl) {}

  public record Log(String level, boolean access, long fileMax, int filesMax) {}

  /** Stands in {@code database.url} for the name of a role. */
  static final String ROLE = "{role}";
}
