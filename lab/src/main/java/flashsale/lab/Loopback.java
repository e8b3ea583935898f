package flashsale.lab;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;

/** Keeps everything in this module on this machine. */
final class Loopback {
  private Loopback() {}

  /**
   * The socket address of a base address like {@code http://127.0.0.1:8080}. Names are not looked
   * up: a name that happens to lead to this machine today may lead elsewhere tomorrow.
   *
   * @throws IllegalArgumentException for anything that is not plain HTTP on the loopback interface
   */
  static InetSocketAddress address(URI base) {
    if (!"http".equals(base.getScheme()) || base.getHost() == null || base.getPort() < 1) {
      throw new IllegalArgumentException(
          "Not an address like http://127.0.0.1:8080: '" + base + "'.");
    }
    var host = base.getHost();
    var address =
        host.equalsIgnoreCase("localhost")
            ? InetAddress.getLoopbackAddress()
            : literal(host.replaceAll("[\\[\\]]", ""));
    if (address == null || !address.isLoopbackAddress()) {
      throw new IllegalArgumentException(
          "Refused to address "
              + host
              + ": crowds and benchmarks are load meant for this machine only, so the host must be"
              + " localhost, 127.0.0.1 or [::1].");
    }
    return new InetSocketAddress(address, base.getPort());
  }

  /** Null when the text is a name. */
  private static InetAddress literal(String host) {
    try {
      return InetAddress.ofLiteral(host);
    } catch (IllegalArgumentException e) {
      return null;
    }
  }
}
