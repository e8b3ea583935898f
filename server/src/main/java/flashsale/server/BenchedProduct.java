package flashsale.server;

import flashsale.cluster.NginxNode;
import flashsale.contracts.OrderIds;
import flashsale.lab.BenchEnvironment;
import flashsale.platform.ids.Ids;
import flashsale.platform.persistence.EmbeddedPostgres;
import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Queue;
import java.util.UUID;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What the benchmark needs of the product: servers as processes of their own, and full tables. For
 * one thread, beside which another may {@link #close} it.
 */
final class BenchedProduct implements BenchEnvironment, AutoCloseable {
  /** The naive peer's own database beside the roles'. */
  static final String NAIVE = "naive";

  private static final Logger LOG = LoggerFactory.getLogger(BenchedProduct.class);

  private static final Duration START_MAX = Duration.ofMinutes(1);
  private static final Duration STOP_MAX = Duration.ofSeconds(60);
  private static final Duration LOOK_EVERY = Duration.ofMillis(5);
  private static final String MESSAGING_URL = "FLASHSALE_MESSAGING_URL";
  private static final int LAST_LINES = 5;
  private static final int FILL_BATCH = 10_000;

  /** Every limit is looked at as for anybody, and none is ever used up. */
  private static final Map<String, String> ABUNDANT =
      Map.of(
          "FLASHSALE_LIMITS_CUSTOMER_READS", "100000000",
          "FLASHSALE_LIMITS_CUSTOMER_WRITES", "100000000",
          "FLASHSALE_LIMITS_CUSTOMER_PURCHASES", "100000000");

  private final int port;
  private final Consumer<URI> started;

  /** All that were ever started; those that have ended are ended once more in vain. */
  private final Queue<Runnable> ends = new ConcurrentLinkedQueue<>();

  private volatile boolean closing;

  /**
   * Starts servers on this port.
   *
   * @param port 0: any free one
   * @param started is told each server's address
   */
  BenchedProduct(int port, Consumer<URI> started) {
    this.port = port;
    this.started = started;
  }

  @Override
  public Server start(Path dataDir, List<String> jvmFlags, Optional<String> broker) {
    var arguments = new ArrayList<>(List.of("serve", "--bench-endpoints"));
    arguments.addAll(List.of("--port", Integer.toString(port)));
    arguments.addAll(List.of("--data-dir", dataDir.toString(), "--set", "log.access=false"));
    var command = JavaProgram.command(jvmFlags, arguments);
    var builder =
        new ProcessBuilder(command)
            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
            .redirectError(new File(dataDir + ".log"));
    // Nobody's real database or broker.
    builder.environment().keySet().removeIf(name -> name.startsWith("FLASHSALE_"));
    builder.environment().putAll(ABUNDANT);
    // Not as an option: it has a password, and what stands on a command line, every user can read.
    broker.ifPresent(url -> builder.environment().put(MESSAGING_URL, url));
    long spawnedAt = System.nanoTime();
    try {
      var process = builder.start();
      endLater(() -> end(process));
      var url = address(process, dataDir);
      started.accept(url);
      return new Child(process, dataDir, url, spawnedAt);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public void requireServices() {
    NginxNode.requireAvailable();
  }

  @Override
  public Services startServices(Path dataDir, int inventories) {
    var settings = new HashMap<>(ABUNDANT);
    settings.put("FLASHSALE_LOG_ACCESS", "false");
    var services = BenchedServices.start(dataDir, inventories, settings);
    endLater(services::close);
    return services;
  }

  private void endLater(Runnable end) {
    ends.add(end);
    if (closing) {
      close();
      throw new CommandFailure(ExitCode.FAILED, "The measurement was broken off.");
    }
  }

  /** Ends whatever runs, and what is started from now on, so that a measurement under way fails. */
  @Override
  public void close() {
    closing = true;
    for (var end : ends) {
      try {
        end.run();
      } catch (RuntimeException e) {
        LOG.warn("something that was measured does not end as it should", e);
      }
    }
  }

  private static void end(Process process) {
    process.destroy();
    awaitEnd(process);
  }

  private static void awaitEnd(Process process) {
    try {
      if (!process.waitFor(STOP_MAX.toSeconds(), TimeUnit.SECONDS)) {
        process.destroyForcibly().waitFor();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      process.destroyForcibly();
    }
  }

  private static URI address(Process process, Path dataDir) {
    long deadline = System.nanoTime() + START_MAX.toNanos();
    while (process.isAlive() && System.nanoTime() < deadline) {
      var server = ShopFolder.server(dataDir).filter(s -> s.pid() == process.pid());
      if (server.isPresent()) {
        return server.get().url();
      }
      LockSupport.parkNanos(LOOK_EVERY.toNanos());
    }
    process.destroyForcibly();
    throw new CommandFailure(
        ExitCode.FAILED, "The server under test did not start: " + lastWords(dataDir));
  }

  /** Its log goes with the folder. */
  private static String lastWords(Path dataDir) {
    try {
      var lines = Files.readAllLines(Path.of(dataDir + ".log"));
      return String.join("\n", lines.subList(Math.max(0, lines.size() - LAST_LINES), lines.size()));
    } catch (IOException e) {
      return "it said nothing.";
    }
  }

  /** One server as a process. */
  private record Child(Process process, Path dataDir, URI url, long spawnedAtNanoTime)
      implements Server {
    @Override
    public long pid() {
      return process.pid();
    }

    @Override
    public Login operator() {
      var account = OperatorAccount.find(dataDir).orElseThrow();
      return new Login(account.email(), account.password());
    }

    @Override
    public Database database() {
      return naive(dataDir);
    }

    @Override
    public Map<String, Long> reservations(UUID from, UUID to) {
      return BenchedProduct.reservations(dataDir, from, to);
    }

    @Override
    public void kill() {
      process.destroyForcibly();
      awaitEnd(process);
    }

    @Override
    public void close() {
      end(process);
    }
  }

  /**
   * Holds that expired, their cancelled orders and their expired reservations: what is left of a
   * sale that is over, and consistent for the audit.
   */
  @Override
  public void fill(Server server, int reservations) {
    var dataDir = ((Child) server).dataDir();
    try (var inventory = connect(dataDir, "inventory");
        var orders = connect(dataDir, "orders");
        var rows = connect(dataDir, "reservations")) {
      for (int done = 0; done < reservations; done += FILL_BATCH) {
        var ids = new UUID[Math.min(FILL_BATCH, reservations - done)];
        var orderIds = new UUID[ids.length];
        for (int i = 0; i < ids.length; i++) {
          ids[i] = Ids.next();
          orderIds[i] = OrderIds.of(ids[i]);
        }
        insert(inventory, HOLDS, ids);
        insert(orders, ORDERS, ids);
        insert(rows, RESERVATIONS, ids, orderIds);
      }
      for (var connection : List.of(inventory, orders, rows)) {
        try (var statement = connection.createStatement()) {
          statement.execute("VACUUM ANALYZE");
        }
      }
    } catch (SQLException e) {
      throw new CommandFailure(ExitCode.FAILED, "Filling failed: " + e.getMessage(), e);
    }
  }

  private static final String STATES =
      "SELECT state, count(*) FROM reservation WHERE reservation_id BETWEEN ? AND ? GROUP BY state";

  private static final String HOLDS =
      """
      INSERT INTO hold (reservation_id, customer_id, held_at, expires_at, changed_at, state,
                        offer_ids, quantities, unit_prices, currency, fingerprint)
      SELECT id, id, now(), now(), now(), 'EXPIRED', ARRAY[id], '{1}', '{1999}', 'EUR', ''
      FROM unnest(?::uuid[]) AS id
      """;

  private static final String ORDERS =
      """
      INSERT INTO orders (reservation_id, customer_id, state, lines, total_minor, currency,
                          fingerprint, placed_at, expires_at, ended_at, cancelled_as, changed_at)
      SELECT id, id, 'CANCELLED',
             json_build_array(json_build_object(
               'offerId', id, 'quantity', 1, 'unitPriceMinor', 1999)),
             1999, 'EUR', '', now(), now(), now(), 'EXPIRED', now()
      FROM unnest(?::uuid[]) AS id
      """;

  private static final String RESERVATIONS =
      """
      INSERT INTO reservation (reservation_id, customer_id, state, order_id, lines, total_minor,
                               currency, fingerprint, expires_at, changed_at)
      SELECT id, id, 'EXPIRED', order_id,
             json_build_array(json_build_object(
               'offerId', id, 'quantity', 1, 'unitPriceMinor', 1999)),
             1999, 'EUR', '', now(), now()
      FROM unnest(?::uuid[], ?::uuid[]) AS u (id, order_id)
      """;

  /** The naive peer's own database beside the roles'. */
  static Database naive(Path dataDir) {
    var login = EmbeddedPostgres.running(dataDir, NAIVE).orElseThrow();
    return new Database(login.url(), login.user(), login.password());
  }

  /** How many reservations with an id between these are in which state. */
  static Map<String, Long> reservations(Path dataDir, UUID from, UUID to) {
    var states = new HashMap<String, Long>();
    try (var connection = connect(dataDir, "reservations");
        var statement = connection.prepareStatement(STATES)) {
      statement.setObject(1, from);
      statement.setObject(2, to);
      try (var rows = statement.executeQuery()) {
        while (rows.next()) {
          states.put(rows.getString(1), rows.getLong(2));
        }
      }
    } catch (SQLException e) {
      throw new CommandFailure(ExitCode.FAILED, "Counting failed: " + e.getMessage(), e);
    }
    return states;
  }

  private static Connection connect(Path dataDir, String role) throws SQLException {
    var login = EmbeddedPostgres.running(dataDir, role).orElseThrow();
    return DriverManager.getConnection(login.url(), login.user(), login.password());
  }

  private static void insert(Connection connection, String sql, UUID[]... columns)
      throws SQLException {
    try (var statement = connection.prepareStatement(sql)) {
      for (int i = 0; i < columns.length; i++) {
        statement.setArray(i + 1, connection.createArrayOf("uuid", columns[i]));
      }
      statement.executeUpdate();
    }
  }
}
