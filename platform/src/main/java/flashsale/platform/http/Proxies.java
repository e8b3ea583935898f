package flashsale.platform.http;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * The networks of the proxies before this server, whose word on where a request comes from is
 * taken. Immutable.
 */
public final class Proxies {
  /** What could be an address; anything else would be looked up as a name. */
  private static final Pattern ADDRESS = Pattern.compile("[0-9.]+|[0-9a-fA-F:]*:[0-9a-fA-F:.]*");

  /** One customer's own network, as providers give it out (RFC 6177). */
  private static final int IPV6_NETWORK_BYTES = 8;

  private static final int ADDRESS_MAX_CHARS = 45;

  private record Network(byte[] address, int bits) {
    boolean has(byte[] other) {
      if (other.length != address.length) {
        return false;
      }
      int whole = bits / 8;
      if (!Arrays.equals(address, 0, whole, other, 0, whole)) {
        return false;
      }
      int rest = bits % 8;
      int mask = 0xff << (8 - rest);
      return rest == 0 || (address[whole] & mask) == (other[whole] & mask);
    }
  }

  private final List<Network> networks;

  private Proxies(List<Network> networks) {
    this.networks = networks;
  }

  /**
   * Reads addresses and networks, separated by commas, such as {@code 127.0.0.0/8, ::1}.
   *
   * @throws IllegalArgumentException if one is none
   */
  public static Proxies parse(String text) {
    return new Proxies(
        Arrays.stream(text.split(","))
            .map(String::strip)
            .filter(part -> !part.isEmpty())
            .map(Proxies::network)
            .toList());
  }

  private static Network network(String text) {
    int slash = text.indexOf('/');
    var address =
        address(slash < 0 ? text : text.substring(0, slash))
            .orElseThrow(() -> new IllegalArgumentException(text + " is no address or network"));
    int most = address.length * 8;
    int bits = slash < 0 ? most : Integer.parseInt(text.substring(slash + 1));
    if (bits < 0 || bits > most) {
      throw new IllegalArgumentException(text + " is no network");
    }
    return new Network(address, bits);
  }

  /** The bytes of an address as it is written; empty for anything else. Asks no name server. */
  private static Optional<byte[]> address(String text) {
    if (text.length() > ADDRESS_MAX_CHARS || !ADDRESS.matcher(text).matches()) {
      return Optional.empty();
    }
    try {
      return Optional.of(InetAddress.ofLiteral(text).getAddress());
    } catch (IllegalArgumentException e) {
      return Optional.empty();
    }
  }

  private boolean has(byte[] address) {
    for (var network : networks) {
      if (network.has(address)) {
        return true;
      }
    }
    return false;
  }

  /**
   * Where a request comes from: the peer, or if that is a proxy, the last address it names that is
   * no proxy. What cannot be read counts as the proxy that said it.
   *
   * @param peer the connection's other end
   * @param forwarded the value of X-Forwarded-For; null if there was none
   * @return a text that is the same for all addresses of one customer, thus of one IPv6 /64; empty
   *     if it is one of the proxies itself
   */
  public Optional<String> client(InetAddress peer, String forwarded) {
    var from = peer.getAddress();
    if (!has(from)) {
      return Optional.of(text(from));
    }
    if (forwarded == null) {
      return Optional.empty();
    }
    int end = forwarded.length();
    while (end > 0) {
      int comma = forwarded.lastIndexOf(',', end - 1);
      var named = address(forwarded.substring(comma + 1, end).strip());
      if (named.isEmpty()) {
        return Optional.of("unknown");
      }
      if (!has(named.get())) {
        return Optional.of(text(named.get()));
      }
      end = comma;
    }
    return Optional.empty();
  }

  private static String text(byte[] address) {
    if (address.length > 4) {
      return HexFormat.of().formatHex(address, 0, IPV6_NETWORK_BYTES);
    }
    try {
      return InetAddress.getByAddress(address).getHostAddress();
    } catch (UnknownHostException e) {
      throw new IllegalStateException("four bytes are an address", e);
    }
  }
}
