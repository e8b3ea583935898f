package flashsale.platform.messaging;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import com.rabbitmq.client.Address;
import java.io.IOException;
import java.net.URI;
import java.util.List;
import java.util.concurrent.TimeoutException;
import org.junit.jupiter.api.Test;

class RabbitLinkTest {
  /** Where nobody listens. */
  private static final Address NOBODY = new Address("127.0.0.1", 1);

  @Test
  void ofSeveralAddressesTheOneThatAnswersCounts() throws IOException, TimeoutException {
    var rabbit = TestRabbit.shared();
    rabbit.restart();
    var broker = new Address("127.0.0.1", URI.create(rabbit.url()).getPort());

    var link = new RabbitLink(RabbitSettings.of(rabbit.url()), "test");
    try (var connection = link.connect(List.of(NOBODY, broker))) {
      assertThat(connection.isOpen()).isTrue();
    }

    var refused = new RabbitLink(RabbitSettings.of(rabbit.url() + "/nowhere"), "test");
    for (var addresses : List.of(List.of(NOBODY, broker), List.of(broker, NOBODY))) {
      assertThat(RabbitFailure.of(catchThrowable(() -> refused.connect(addresses))).text())
          .startsWith("refuses: NOT_ALLOWED - vhost nowhere not found");
    }
    assertThat(RabbitFailure.of(catchThrowable(() -> refused.connect(List.of(NOBODY)))).text())
        .startsWith("is not reached: Connection refused");
  }
}
