package flashsale.platform.messaging;

import com.rabbitmq.client.ConnectionFactory;
import java.net.URI;
import java.net.URISyntaxException;
import java.security.GeneralSecurityException;
import java.time.Duration;

/**
 * What a {@link RabbitBus} needs to be told.
 *
 * @param url {@code amqp://user:password@host:port/vhost}, or {@code amqps://} for TLS, where the
 *     server's certificate has to be trusted by the JDK ({@code javax.net.ssl.trustStore}) and to
 *     name the host
 * @param attemptsMax how often a message is handed to its handler before it is parked
 * @param inFlightMax AMQP messages that wait for the broker's confirmation
 * @param confirmWaitMax how long one call of publish takes at most
 * @param prefetchMax AMQP messages that the broker hands to one consumer before it acknowledges
 * @param gatherMax how long a consumer waits for a batch to become full once it has a message
 * @param startWaitMax how long the first connection may take
 * @param closeWaitMax how long closing waits for a batch under way
 */
public record RabbitSettings(
    String url,
    int attemptsMax,
    int inFlightMax,
    Duration confirmWaitMax,
    int prefetchMax,
    Duration gatherMax,
    Duration startWaitMax,
    Duration closeWaitMax) {
  private static final int PORT_MAX = 65_535;

  public RabbitSettings {
    var uri = parsed(url);
    if (uri.getHost() == null
        || !("amqp".equals(uri.getScheme()) || "amqps".equals(uri.getScheme()))) {
      throw new IllegalArgumentException("not an amqp:// or amqps:// address with a host");
    }
    if (uri.getPort() == 0 || uri.getPort() > PORT_MAX) {
      throw new IllegalArgumentException("not an address with a port from 1 to " + PORT_MAX);
    }
    if (isUnescaped(uri)) {
      throw new IllegalArgumentException(
          "not an address (within user, password and vhost : / ? # @ are written %3A %2F %3F %23"
              + " %40)");
    }
    if (!isReadable(uri)) {
      throw new IllegalArgumentException(
          "not an address that RabbitMQ's client can read (parameters, escapes beyond ASCII)");
    }
    if (attemptsMax < 1 || inFlightMax < 1 || prefetchMax < 1) {
      throw new IllegalArgumentException("attemptsMax, inFlightMax and prefetchMax are at least 1");
    }
  }

  /** What the JDK says of a wrong address quotes it, password included. */
  private static URI parsed(String url) {
    try {
      return new URI(url);
    } catch (URISyntaxException e) {
      throw new IllegalArgumentException(
          "not an address (" + e.getReason() + " at character " + e.getIndex() + ")");
    }
  }

  /** Where these characters are meant to be part of a name, the address ends too early. */
  private static boolean isUnescaped(URI uri) {
    var login = uri.getRawUserInfo();
    return uri.getRawFragment() != null
        || uri.getRawPath().indexOf('/', 1) >= 0
        || (login == null
            ? uri.getRawSchemeSpecificPart().indexOf('@') >= 0
            : login.indexOf(':') != login.lastIndexOf(':'));
  }

  /** The client decodes once more than it should, and as ASCII; it throws, or puts in U+FFFD. */
  private static boolean isReadable(URI uri) {
    try {
      var reader = new ConnectionFactory();
      // TLS would only cost time here.
      reader.setUri("amqp:" + uri.getRawSchemeSpecificPart());
      return (reader.getUsername() + reader.getPassword() + reader.getVirtualHost())
              .indexOf('\uFFFD')
          < 0;
    } catch (URISyntaxException | GeneralSecurityException | RuntimeException e) {
      return false;
    }
  }

  /** Sensible figures for this address. */
  public static RabbitSettings of(String url) {
    return new RabbitSettings(
        url,
        10,
        64,
        Duration.ofSeconds(10),
        32,
        Duration.ofMillis(2),
        Duration.ofSeconds(30),
        Duration.ofSeconds(30));
  }

  /** The address as it may be told: without user and password. */
  public String place() {
    var uri = URI.create(url);
    return uri.getScheme() + "://" + uri.getHost() + (uri.getPort() < 0 ? "" : ":" + uri.getPort());
  }

  /** Without the password, because records end up in logs. */
  @Override
  public String toString() {
    return "RabbitSettings[" + place() + "]";
  }
}
