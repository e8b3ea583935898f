package flashsale.lab;

import java.net.URI;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;

/**
 * What the benchmark needs of the product and cannot get over HTTP: the module that knows the
 * product gives it. Used by one thread.
 */
public interface BenchEnvironment {
  /**
   * Starts a server as a child process of its own, with its own embedded PostgreSQL, the do-nothing
   * endpoints {@code GET} and {@code POST /bench/noop}, and an operator's account; on a data
   * directory that is new, or that an earlier server has left, or a copy of such a one.
   *
   * @param dataDir may not exist yet
   * @param jvmFlags for the child's Java, e.g. {@code -Xmx256m}
   * @param broker RabbitMQ's address, if facts are to go through it
   * @return as soon as the address is known, whether or not it is ready
   */
  Server start(Path dataDir, List<String> jvmFlags, Optional<String> broker);

  /** The same without a broker. */
  default Server start(Path dataDir, List<String> jvmFlags) {
    return start(dataDir, jvmFlags, Optional.empty());
  }

  /**
   * Writes holds and orders straight into a server's tables, in a sale of their own that is over,
   * and leaves the tables as they would be after so much work: analysed, vacuumed.
   *
   * @param reservations how many of each
   */
  void fill(Server server, int reservations);

  /**
   * Fails if separate services could not be started here.
   *
   * @throws IllegalStateException with what to install
   */
  void requireServices();

  /**
   * Starts the shop as separate services behind their gateway, on a data directory as above, which
   * must exist.
   *
   * @param inventories processes with the ledger; of the other roles there is one
   * @return when the gateway answers
   */
  Services startServices(Path dataDir, int inventories);

  /** Separate services. What is said of a server's process does not hold for them. */
  interface Services extends Server {
    /** Where a web server like the gateway's serves just these bytes. */
    URI still(byte[] body);

    /** Makes all processes of a role hang, or go on. */
    void hang(String role, boolean hangs);
  }

  /** A running server. Closing stops it gracefully and waits for its end. */
  interface Server extends AutoCloseable {
    /** On this machine. */
    URI url();

    /** Of the Java process. */
    long pid();

    /** {@link System#nanoTime} just before the process was started. */
    long spawnedAtNanoTime();

    /** Who may make sales. */
    Login operator();

    /** A login to the same PostgreSQL that may create tables in a database of its own. */
    Database database();

    /** How many reservations with an id between these are in which state, in its tables. */
    Map<String, Long> reservations(UUID from, UUID to);

    /** Ends the process at once, as a crash would, and waits for its end. */
    void kill();

    @Override
    void close();
  }

  /** An account's e-mail address and password. */
  record Login(String email, String password) {
    @Override
    public String toString() {
      return email;
    }
  }

  /** A database, empty and for the naive peer alone. */
  record Database(String url, String user, String password) {
    @Override
    public String toString() {
      return url;
    }
  }
}
