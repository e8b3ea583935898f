package flashsale.platform.http;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.net.InetAddress;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class ProxiesTest {
  private static final String NOBODY = null;

  private final Proxies proxies = Proxies.parse("127.0.0.0/8, ::1, 10.1.0.0/20 ,2001:db8:1::/48");

  private Optional<String> client(String peer, String forwarded) {
    return proxies.client(InetAddress.ofLiteral(peer), forwarded);
  }

  @Test
  void aPeerThatIsNoProxyIsTheClientWhateverItSays() {
    assertThat(client("192.0.2.7", NOBODY)).contains("192.0.2.7");
    assertThat(client("192.0.2.7", "198.51.100.1")).contains("192.0.2.7");
    assertThat(client("10.1.16.0", "198.51.100.1")).contains("10.1.16.0");
  }

  @Test
  void aProxyTellsWhoAskedIt() {
    assertThat(client("127.0.0.1", "198.51.100.1")).contains("198.51.100.1");
    assertThat(client("10.1.15.255", "198.51.100.1")).contains("198.51.100.1");
    assertThat(client("::1", "198.51.100.1")).contains("198.51.100.1");
  }

  @Test
  void whatTheClientWroteBeforeTheProxiesDoesNotCount() {
    assertThat(client("127.0.0.1", "203.0.113.9, 198.51.100.1, 10.1.2.3")).contains("198.51.100.1");
    assertThat(client("127.0.0.1", "junk, 198.51.100.1")).contains("198.51.100.1");
  }

  @Test
  void aProxyItselfIsNoClient() {
    assertThat(client("127.0.0.1", NOBODY)).isEmpty();
    assertThat(client("127.0.0.1", "127.0.0.1")).isEmpty();
    assertThat(client("127.0.0.1", "10.1.2.3, 127.0.0.1")).isEmpty();
  }

  @Test
  void oneCustomersIpv6NetworkIsOneClient() {
    assertThat(client("2001:db8:2:3::1", NOBODY)).isEqualTo(client("2001:db8:2:3:ffff::9", NOBODY));
    assertThat(client("2001:db8:2:3::1", NOBODY)).isNotEqualTo(client("2001:db8:2:4::1", NOBODY));
    assertThat(client("2001:db8:1:9::1", "2001:db8:2:3::7"))
        .isEqualTo(client("2001:db8:2:3::1", NOBODY));
    assertThat(client("::ffff:192.0.2.7", NOBODY)).isEqualTo(client("192.0.2.7", NOBODY));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        " ",
        ",",
        ",,",
        "localhost",
        "example.com",
        "1.2.3.4.5",
        "999.1.1.1",
        ":::",
        "::1%lo",
        "192.0.2.1:80",
        "[2001:db8::1]",
        "unknown",
        "1e9",
        "\u0661.2.3.4",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
      })
  void junkIsOneUnknownClientOrNone(String forwarded) {
    assertThat(client("127.0.0.1", forwarded))
        .satisfiesAnyOf(c -> assertThat(c).contains("unknown"), c -> assertThat(c).isEmpty());
  }

  @ParameterizedTest
  @ValueSource(strings = {"localhost", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/x", "::/129", "/8"})
  void whatIsNoNetworkIsToldSo(String text) {
    assertThatThrownBy(() -> Proxies.parse(text)).isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void noneIsNone() {
    assertThat(Proxies.parse("").client(InetAddress.ofLiteral("127.0.0.1"), "192.0.2.1"))
        .contains("127.0.0.1");
  }
}
