package flashsale.platform.messaging;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import flashsale.platform.metrics.Meters;
import java.net.Socket;
import java.security.GeneralSecurityException;
import java.security.NoSuchAlgorithmException;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.InstantSource;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.TrustManager;
import javax.net.ssl.X509ExtendedTrustManager;
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

  /** Trusts everybody, after it has failed as often as it was told. */
  private static final class Faulty extends X509ExtendedTrustManager {
    private final AtomicInteger failures = new AtomicInteger();

    private void check() {
      if (failures.getAndUpdate(n -> Math.max(0, n - 1)) > 0) {
        throw new NoClassDefFoundError("some class");
      }
    }

    @Override
    public void checkServerTrusted(X509Certificate[] chain, String type) {
      check();
    }

    @Override
    public void checkServerTrusted(X509Certificate[] chain, String type, Socket socket) {
      check();
    }

    @Override
    public void checkServerTrusted(X509Certificate[] chain, String type, SSLEngine engine) {
      check();
    }

    @Override
    public void checkClientTrusted(X509Certificate[] chain, String type) {
      check();
    }

    @Override
    public void checkClientTrusted(X509Certificate[] chain, String type, Socket socket) {
      check();
    }

    @Override
    public void checkClientTrusted(X509Certificate[] chain, String type, SSLEngine engine) {
      check();
    }

    @Override
    public X509Certificate[] getAcceptedIssuers() {
      return new X509Certificate[0];
    }
  }

  @Test
  void anErrorEndsNeitherThePublisherNorAConsumer() throws GeneralSecurityException {
    var faulty = new Faulty();
    var context = SSLContext.getInstance("TLS");
    context.init(null, new TrustManager[] {faulty}, null);
    SSLContext.setDefault(context);
    faulty.failures.set(2);
    try (var bus = open(rabbit.tlsUrl())) {
      assertThat(faulty.failures).hasValue(0);
      var recorder = new Recorder();
      faulty.failures.set(2);
      bus.subscribe("tls", BusKit.BATCH_MAX, recorder);
      var messages = BusKit.messages(100, 10);
      BusKit.publishAll(() -> bus, "tls", messages);
      await().atMost(BusKit.LONG).until(() -> recorder.doneIds().containsAll(BusKit.ids(messages)));
      assertThat(faulty.failures).hasValue(0);
      assertThat(bus.trouble()).isEmpty();
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
