package flashsale.platform.messaging;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class RabbitSettingsTest {
  @ParameterizedTest
  @ValueSource(
      strings = {
        "amqp://host",
        "amqp://host:5672/",
        "amqps://user:password@host:5671/vhost",
        "amqp://user@host/%2F",
        "amqp://user:%3A%2F%3F%23%40%25@host/a%2Fb",
        "amqp://grün:€@host/ä",
        "amqp://user:password@[::1]:5672/vhost?heartbeat=5"
      })
  void whatIsAnAddressIsOneForTheClientToo(String url) {
    assertThat(new RabbitLink(RabbitSettings.of(url), "test").blocked()).isFalse();
  }

  @ParameterizedTest
  @CsvSource({
    "amqp://me:secret@host/a/b, are written %3A %2F",
    "amqp://me:secret@host/vhost/, are written %3A %2F",
    "amqp://me:very:secret@host, are written %3A %2F",
    "amqp://me:secret:@host, are written %3A %2F",
    "amqp://me:12/secret@host, are written %3A %2F",
    "amqp://me:12?secret@host, are written %3A %2F",
    "amqp://me:12#secret@host, are written %3A %2F",
    "amqp://me:secret@host/a#b, are written %3A %2F",
    "amqp://me:/secret@host, are written %3A %2F",
    "amqp://me:s@cret@host, with a host",
    "amqp://me:secret@host:0, port from 1 to 65535",
    "amqp://me:secret@host:65536, port from 1 to 65535",
    "amqp://me:%zzsecret@host, Malformed escape pair at character 10",
    "amqp://:@host, client can read",
    "amqp://me:secret%C3%BC@host, client can read",
    "amqp://me:secret@host/100%25, client can read",
    "amqp://me:secret@host?heartbeat=secret, client can read",
    "amqps://me:secret@host?=, client can read",
    "AMQP://me:secret@host, an amqp:// or amqps:// address"
  })
  void whatIsNoneIsToldWithoutThePassword(String url, String why) {
    assertThatThrownBy(() -> RabbitSettings.of(url))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageStartingWith("not an a")
        .hasMessageContaining(why)
        .hasMessageNotContainingAny("secret", "s@cret")
        .hasNoCause();
  }
}
