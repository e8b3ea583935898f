package flashsale.platform.messaging;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import flashsale.platform.metrics.Meters;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.time.InstantSource;
import java.util.Set;
import javax.net.ssl.SSLContext;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class RabbitBusTlsTest {
  private static TestRabbit rabbit;
  private SSLContext before;

  @BeforeAll
  static void start() {
    rabbit = TestRabbit.startWithTls();
  }

  @AfterAll
  static void stop() {
    rabbit.close();
  }

  @BeforeEach
  void remember() throws NoSuchAlgorithmException {
    before = SSLContext.getDefault();
  }

  @AfterEach
  void putBack() {
    SSLContext.setDefault(before);
  }

  private static RabbitBus open(String url) {
    var some = RabbitSettings.of(url);
    var settings =
        new RabbitSettings(
            url,
            some.attemptsMax(),
            some.inFlightMax(),
            some.confirmWaitMax(),
            some.prefetchMax(),
            some.gatherMax(),
            Duration.ofSeconds(3),
            some.closeWaitMax());
    return RabbitBus.start(
        settings, Set.of("tls"), (_, _, _, _) -> {}, InstantSource.system(), new Meters());
  }

  @Test
  void messagesTravelOverTls() {
    SSLContext.setDefault(rabbit.trusting());
    try (var bus = open(rabbit.tlsUrl())) {
      var recorder = new Recorder();
      bus.subscribe("tls", BusKit.BATCH_MAX, recorder);
      var messages = BusKit.messages(100, 10);
      BusKit.publishAll(() -> bus, "tls", messages);
      await().atMost(BusKit.LONG).until(() -> recorder.done().size() >= 100);
      assertThat(recorder.doneIds()).isEqualTo(BusKit.ids(messages));
    }
  }

  @Test
  void aCertificateThatNobodyVouchesForIsRefused() {
    assertThatThrownBy(() -> open(rabbit.tlsUrl()))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("certification path");
  }

  @Test
  void aCertificateForAnotherHostIsRefused() {
    SSLContext.setDefault(rabbit.trusting());
    assertThatThrownBy(() -> open(rabbit.tlsUrl().replace("127.0.0.1", "localhost")))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("localhost");
  }
}
