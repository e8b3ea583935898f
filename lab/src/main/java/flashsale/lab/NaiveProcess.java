package flashsale.lab;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.slf4j.LoggerFactory;

/** A {@link NaivePeer} in a child process, which ends with its parent. */
public final class NaiveProcess implements AutoCloseable {
  private static final Duration STOP_MAX = Duration.ofSeconds(10);
  private static final String LISTENS = "listens at ";

  private final Process process;
  private final URI url;

  private NaiveProcess(Process process, URI url) {
    this.process = process;
    this.url = url;
  }

  /**
   * Starts it and waits until it listens.
   *
   * @param shop whose tokens it accepts
   * @throws BenchShop.Failed with what it said, if it does not come up
   */
  static NaiveProcess start(BenchEnvironment.Server shop, List<String> jvmFlags) {
    var command = new ArrayList<String>();
    command.add(ProcessHandle.current().info().command().orElse("java"));
    command.addAll(jvmFlags);
    command.add("-cp");
    command.add(System.getProperty("java.class.path"));
    command.add(NaiveProcess.class.getName());
    command.add(shop.url().toString());
    command.add(shop.database().url());
    command.add(shop.database().user());
    var builder = new ProcessBuilder(command).redirectErrorStream(true);
    try {
      var process = builder.start();
      // The password goes through the pipe: what stands on a command line, every user can read.
      var in = process.outputWriter(StandardCharsets.UTF_8);
      in.write(shop.database().password() + "\n");
      in.flush();
      return new NaiveProcess(process, listening(process));
    } catch (IOException e) {
      throw new BenchShop.Failed("the naive peer did not start: " + e.getMessage());
    }
  }

  private static URI listening(Process process) throws IOException {
    var said = new StringBuilder();
    var out = process.inputReader(StandardCharsets.UTF_8);
    for (var line = out.readLine(); line != null; line = out.readLine()) {
      if (line.startsWith(LISTENS)) {
        Thread.ofVirtual().start(() -> drain(out));
        return URI.create(line.substring(LISTENS.length()));
      }
      said.append(line).append('\n');
    }
    throw new IOException("it ended and said: " + said);
  }

  private static void drain(BufferedReader out) {
    try {
      while (out.readLine() != null) {
        // Whatever it says later must not fill the pipe.
      }
    } catch (IOException e) {
      // It has ended.
    }
  }

  URI url() {
    return url;
  }

  @Override
  public void close() {
    process.destroy();
    try {
      if (!process.waitFor(STOP_MAX.toMillis(), TimeUnit.MILLISECONDS)) {
        process.destroyForcibly();
      }
    } catch (InterruptedException e) {
      process.destroyForcibly();
      Thread.currentThread().interrupt();
    }
  }

  /** The child: arguments are the shop's address, the database's, and its user. */
  public static void main(String[] arguments) throws IOException {
    // Without a configuration, every detail would go to standard output: unfair to the peer.
    ((Logger) LoggerFactory.getLogger(Logger.ROOT_LOGGER_NAME)).setLevel(Level.WARN);
    var in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    var shop = URI.create(arguments[0]);
    var database = new BenchEnvironment.Database(arguments[1], arguments[2], in.readLine());
    try (var peer = new NaivePeer(database, NaivePeer.verifierOf(shop))) {
      System.out.println(LISTENS + peer.url());
      while (in.readLine() != null) {
        // Until the parent closes the pipe, or is gone.
      }
    }
  }
}
