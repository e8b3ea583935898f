package flashsale.platform.persistence;

import java.util.OptionalInt;
import java.util.regex.Pattern;

/**
 * The embedded server's whole configuration. It is written anew at every start, so what the server
 * runs with is what stands here. Sized for a machine with two cores and a few GiB of memory.
 */
final class PostgresSettings {
  private static final Pattern PORT = Pattern.compile("(?m)^port = (\\d+)$");

  /** Only TCP from this machine, and only with a password. */
  static final String ACCESS =
      """
      # TYPE  DATABASE  USER  ADDRESS       METHOD
      host    all       all   127.0.0.1/32  scram-sha-256
      """;

  private static final String CONFIGURATION =
      """
      listen_addresses = '127.0.0.1'           # this machine only
      unix_socket_directories = ''             # one door, with a password, is enough
      password_encryption = 'scram-sha-256'
      allow_alter_system = off                 # so that nothing stands above this file

      # Nothing that was accepted is lost. All three are the defaults; they are the product's
      # promise, so they are said, and a test asks the running server. Connections of roles whose
      # work is flushed with somebody else's commit say so themselves.
      fsync = on
      full_page_writes = on
      synchronous_commit = on

      wal_sync_method = 'open_datasync'        # write and flush in one call: a fifth off a small commit
      shared_buffers = '256MB'                 # the hot tables fit; the Java process needs memory too
      work_mem = '8MB'                         # per sort; every connection could want it at a time
      maintenance_work_mem = '64MB'            # index builds of migrations, vacuum
      effective_cache_size = '1GB'             # planning only: the page cache of a small machine
      wal_buffers = '16MB'                     # one segment, so that a large batch writes once
      max_wal_size = '2GB'                     # a sale lasts minutes: checkpoints, and the full pages
      min_wal_size = '256MB'                   # written after each, should not fall into it;
      checkpoint_timeout = '15min'             # recovery after a crash still takes seconds only
      random_page_cost = 1.1                   # SSDs: an index is nearly as cheap as a scan
      io_method = sync                         # reads come from memory; no I/O workers beside two cores
      jit = off                                # compiling costs more than any statement here
      max_parallel_workers_per_gather = 0      # an audit must not take both cores from the sale

      idle_in_transaction_session_timeout = '60s'  # a forgotten transaction would hold its locks
      log_startup_progress_interval = '5s'     # a long recovery shows that it lives; the start waits
      log_line_prefix = '%m [%p] %u@%d '
      log_parameter_max_length = 0             # parameters are customers' data, not for a log
      log_timezone = 'UTC'
      timezone = 'UTC'
      datestyle = 'iso, ymd'
      lc_messages = 'C'                        # the start reads the log for known messages
      """;

  private PostgresSettings() {}

  /**
   * The text of {@code postgresql.conf}.
   *
   * @param connectionsMax of all databases together
   */
  static String text(int port, int connectionsMax) {
    return """
        # Written at every start; changes made here do not last.
        port = %d
        max_connections = %d                     # the roles' pools, an audit, an operator
        """
            .formatted(port, connectionsMax)
        + CONFIGURATION;
  }

  /** The port that such a text names. */
  static OptionalInt port(String text) {
    var found = PORT.matcher(text);
    return found.find() ? OptionalInt.of(Integer.parseInt(found.group(1))) : OptionalInt.empty();
  }
}
