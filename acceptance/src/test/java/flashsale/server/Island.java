package flashsale.server;

import flashsale.platform.net.LoopbackPorts;
import flashsale.redis.SlowProxy;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * A network of its own (a Linux network namespace at the end of a virtual cable), through which
 * connections to a port of this machine are led there and back, so that a real network can be cut
 * between two programs. Nothing outside this machine can reach it. Only root can make one.
 */
public final class Island implements AutoCloseable {
  private static final int COMMAND_MAX_SECONDS = 20;

  /** Of 198.18.0.0/15, which is set aside for measuring networks (RFC 2544). */
  private static final String HERE = "198.18.213.1";

  private static final String THERE = "198.18.213.2";
  private static final String BITS = "/30";

  private final String name = "fs" + ProcessHandle.current().pid();
  private final String cableHere = name + "a";
  private final String cableThere = name + "b";
  private final int port;
  private SlowProxy here;
  private Process there;

  private Island(int port) {
    this.port = port;
  }

  /** Whether this process may make one; in many containers root may not. */
  public static boolean isPossible() {
    if (!System.getProperty("os.name").equals("Linux")
        || !System.getProperty("user.name").equals("root")) {
      return false;
    }
    var probe = "fs" + ProcessHandle.current().pid() + "probe";
    try {
      ip("netns", "add", probe);
      ip("netns", "del", probe);
      return true;
    } catch (IllegalStateException e) {
      return false;
    }
  }

  /** Lays the cable; whoever connects to {@link #url()} reaches this port of the loopback. */
  public static Island before(int port) {
    var island = new Island(LoopbackPorts.free());
    try {
      island.lay(port);
      return island;
    } catch (IOException e) {
      island.close();
      throw new UncheckedIOException(e);
    } catch (RuntimeException e) {
      island.close();
      throw e;
    }
  }

  private void lay(int to) throws IOException {
    ip("netns", "add", name);
    ip("link", "add", cableHere, "type", "veth", "peer", "name", cableThere);
    ip("link", "set", cableThere, "netns", name);
    ip("addr", "add", HERE + BITS, "dev", cableHere);
    ip("link", "set", cableHere, "up");
    ip("-n", name, "addr", "add", THERE + BITS, "dev", cableThere);
    ip("-n", name, "link", "set", cableThere, "up");
    here =
        new SlowProxy(
            new InetSocketAddress(HERE, 0),
            new InetSocketAddress(InetAddress.getLoopbackAddress(), to));
    there =
        new ProcessBuilder(
                "ip",
                "netns",
                "exec",
                name,
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx32m",
                "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1",
                "-cp",
                System.getProperty("java.class.path"),
                SlowProxy.class.getName(),
                THERE,
                Integer.toString(port),
                HERE,
                Integer.toString(here.port()))
            .redirectErrorStream(true)
            .start();
    var said =
        new BufferedReader(new InputStreamReader(there.getInputStream(), StandardCharsets.UTF_8))
            .readLine();
    if (said == null || !said.startsWith("listens")) {
      throw new IllegalStateException("nobody listens on the island: " + said);
    }
  }

  /** What leads to the port. */
  public URI url() {
    return URI.create("http://" + THERE + ":" + port);
  }

  /** From now on nothing arrives on either side, and nobody is told. */
  public void cut() {
    ip("-n", name, "link", "set", cableThere, "down");
  }

  public void mendCut() {
    ip("-n", name, "link", "set", cableThere, "up");
  }

  /** From now on what is sent arrives, and what is answered does not. */
  public void loseAnswers() {
    ip("-n", name, "route", "add", "blackhole", HERE + "/32");
  }

  public void mendAnswers() {
    ip("-n", name, "route", "del", "blackhole", HERE + "/32");
  }

  private static void ip(String... arguments) {
    try {
      var command = new ArrayList<>(List.of("ip"));
      command.addAll(List.of(arguments));
      var process = new ProcessBuilder(command).redirectErrorStream(true).start();
      var said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      if (!process.waitFor(COMMAND_MAX_SECONDS, TimeUnit.SECONDS) || process.exitValue() != 0) {
        throw new IllegalStateException(String.join(" ", command) + ": " + said);
      }
    } catch (IOException e) {
      throw new UncheckedIOException("ip is missing: apt-get install iproute2", e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted", e);
    }
  }

  /** The cable goes with the namespace. */
  @Override
  public void close() {
    try {
      if (there != null) {
        there.getOutputStream().close();
        there.waitFor(COMMAND_MAX_SECONDS, TimeUnit.SECONDS);
        there.destroyForcibly();
      }
      if (here != null) {
        here.close();
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } finally {
      ip("netns", "del", name);
    }
  }
}
