package flashsale.redis;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import flashsale.platform.messaging.TestCertificate;
import flashsale.platform.net.LoopbackPorts;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** A server with a certificate of its own and a password. */
final class RedisTlsTest {
  private static final String TRUST_STORE = "javax.net.ssl.trustStore";
  private static final String TRUST_STORE_PASSWORD = "javax.net.ssl.trustStorePassword";

  private static final int TLS_PORT = LoopbackPorts.free();
  private static TestCertificate certificate;
  private static TestRedis redis;

  @BeforeAll
  static void start() {
    redis = new TestRedis(RedisTlsTest::lines);
  }

  private static String lines(Path folder) {
    try {
      certificate = TestCertificate.in(folder);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    var files = certificate.files();
    return """
        tls-port %d
        tls-cert-file %s
        tls-key-file %s
        tls-auth-clients no
        """
        .formatted(TLS_PORT, files.getFirst(), files.getLast());
  }

  @AfterAll
  static void stop() {
    redis.close();
  }

  private static void trust() {
    System.setProperty(TRUST_STORE, certificate.trustStore().toString());
    System.setProperty(TRUST_STORE_PASSWORD, TestCertificate.PASSWORD);
  }

  @AfterEach
  void trustNobody() {
    System.clearProperty(TRUST_STORE);
    System.clearProperty(TRUST_STORE_PASSWORD);
  }

  private static String url() {
    return redis.node.url(TLS_PORT).replace("redis://", "rediss://");
  }

  private static RedisLink link(String url) {
    return TestRedis.link(url, false, TestRedis.PATIENT);
  }

  @Test
  void valuesAndNewsTravelOverTls() {
    trust();
    try (var link = link(url())) {
      var memory = new RedisMemory(link);
      var heard = Collections.synchronizedList(new ArrayList<String>());
      memory.listen("news", heard::add);
      await().until(() -> link.state().equals("UP"));
      memory.get("a", Duration.ofMinutes(1), () -> Optional.of("value".getBytes(UTF_8)));
      await()
          .untilAsserted(
              () -> {
                memory.tell("news", "secret");
                assertThat(heard).contains("secret");
                assertThat(memory.get(List.of("a"))).containsOnlyKeys("a");
              });
    }
  }

  @Test
  void aCertificateThatNobodyVouchesForIsRefused() {
    assertRefused(url(), "certification path");
  }

  @Test
  void aCertificateForAnotherHostIsRefused() {
    trust();
    assertRefused(url().replace("127.0.0.1", "localhost"), "localhost");
  }

  @Test
  void aWrongPasswordIsRefused() {
    trust();
    assertRefused("rediss://:wrong@127.0.0.1:" + TLS_PORT, "WRONGPASS");
  }

  private static void assertRefused(String url, String why) {
    try (var link = link(url)) {
      await().untilAsserted(() -> assertThat(link.refusal()).contains(why));
      assertThat(link.state()).isEqualTo("DOWN");
    }
  }
}
