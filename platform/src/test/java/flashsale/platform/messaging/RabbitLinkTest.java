package flashsale.platform.messaging;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import com.rabbitmq.client.AMQP;
import com.rabbitmq.client.Address;
import com.rabbitmq.client.AuthenticationFailureException;
import com.rabbitmq.client.Method;
import com.rabbitmq.client.PossibleAuthenticationFailureException;
import com.rabbitmq.client.ShutdownSignalException;
import flashsale.platform.messaging.RabbitLink.Failure;
import java.io.EOFException;
import java.io.IOException;
import java.net.URI;
import java.net.UnknownHostException;
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
      assertThat(Failure.of(catchThrowable(() -> refused.connect(addresses))).text())
          .startsWith("refuses: NOT_ALLOWED - vhost nowhere not found");
    }
    assertThat(Failure.of(catchThrowable(() -> refused.connect(List.of(NOBODY)))).text())
        .startsWith("is not reached: Connection refused");
  }

  @Test
  void whatTheBrokerSaidIsTold() {
    var close =
        new AMQP.Connection.Close.Builder()
            .replyCode(AMQP.CONNECTION_FORCED)
            .replyText("CONNECTION_FORCED - maintenance")
            .build();
    var forced = new Failure("refuses: CONNECTION_FORCED - maintenance", true, false);
    assertThat(Failure.of(signal(false, close))).isEqualTo(forced);
    assertThat(Failure.of(wrapped(signal(false, close)))).isEqualTo(forced);
    assertThat(Failure.of(new PossibleAuthenticationFailureException(signal(false, close))))
        .isEqualTo(forced);
    assertThat(Failure.of(new TopologyConflict("Queue q", "inequivalent")))
        .returns(true, Failure::lasting)
        .extracting(Failure::text)
        .asString()
        .startsWith("refuses: Queue q exists at the broker with other arguments");
    assertThat(Failure.of(new AuthenticationFailureException("ACCESS_REFUSED - you")))
        .isEqualTo(new Failure("refuses: ACCESS_REFUSED - you", true, true));
    assertThat(Failure.of(new PossibleAuthenticationFailureException(signal(false, null))))
        .isEqualTo(new Failure("refuses: Possibly caused by authentication failure", true, false));
  }

  @Test
  void whatIsForbiddenStaysSoAndWhatIsFullDoesNot() {
    assertThat(channelClosed(AMQP.ACCESS_REFUSED, "ACCESS_REFUSED - access to exchange 'e'"))
        .returns(true, Failure::lasting);
    assertThat(channelClosed(AMQP.NOT_ALLOWED, ""))
        .isEqualTo(new Failure("refuses: code 530", true, true));
    assertThat(channelClosed(AMQP.NOT_ALLOWED, "NOT_ALLOWED - connection limit (2) is reached"))
        .returns(false, Failure::lasting);
    assertThat(channelClosed(AMQP.NOT_FOUND, "NOT_FOUND - no queue 'q'"))
        .returns(false, Failure::lasting);
  }

  private static Failure channelClosed(int code, String text) {
    return Failure.of(
        wrapped(
            signal(
                false, new AMQP.Channel.Close.Builder().replyCode(code).replyText(text).build())));
  }

  @Test
  void whereNobodyAnsweredThatIsTold() {
    assertThat(Failure.of(wrapped(new EOFException())).text())
        .isEqualTo("is not reached: IOException");
    assertThat(Failure.of(wrapped(new EOFException("the end"))).text())
        .isEqualTo("is not reached: the end");
    assertThat(Failure.of(new UnknownHostException("host")).text())
        .isEqualTo("is not reached: unknown host");
    assertThat(Failure.of(new TimeoutException()).text())
        .isEqualTo("is not reached: TimeoutException");
    assertThat(Failure.of(signal(false, null)))
        .isEqualTo(new Failure("is not reached: connection error", false, false));
    assertThat(Failure.of(new StackOverflowError()).text())
        .isEqualTo("cannot be used: java.lang.StackOverflowError");
  }

  @Test
  void whatWeClosedOurselvesIsNoAnswer() {
    var close = new AMQP.Connection.Close.Builder().replyCode(AMQP.REPLY_SUCCESS).build();
    assertThat(Failure.of(signal(true, close)).answered()).isFalse();
  }

  private static ShutdownSignalException signal(boolean byUs, Method reason) {
    return new ShutdownSignalException(true, byUs, reason, null);
  }

  private static IOException wrapped(Exception cause) {
    return new IOException(null, cause);
  }
}
