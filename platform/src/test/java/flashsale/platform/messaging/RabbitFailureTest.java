package flashsale.platform.messaging;

import static org.assertj.core.api.Assertions.assertThat;

import com.rabbitmq.client.AMQP;
import com.rabbitmq.client.AuthenticationFailureException;
import com.rabbitmq.client.Method;
import com.rabbitmq.client.PossibleAuthenticationFailureException;
import com.rabbitmq.client.ShutdownSignalException;
import java.io.EOFException;
import java.io.IOException;
import java.net.UnknownHostException;
import java.util.concurrent.TimeoutException;
import org.junit.jupiter.api.Test;

class RabbitFailureTest {
  @Test
  void whatTheBrokerSaidIsTold() {
    var close =
        new AMQP.Connection.Close.Builder()
            .replyCode(AMQP.CONNECTION_FORCED)
            .replyText("CONNECTION_FORCED - maintenance")
            .build();
    var forced = new RabbitFailure("refuses: CONNECTION_FORCED - maintenance", true, false);
    assertThat(RabbitFailure.of(signal(false, close))).isEqualTo(forced);
    assertThat(RabbitFailure.of(wrapped(signal(false, close)))).isEqualTo(forced);
    assertThat(RabbitFailure.of(new PossibleAuthenticationFailureException(signal(false, close))))
        .isEqualTo(forced);
    assertThat(RabbitFailure.of(new TopologyConflict("Queue q", "inequivalent")))
        .returns(true, RabbitFailure::lasting)
        .extracting(RabbitFailure::text)
        .asString()
        .startsWith("refuses: Queue q exists at the broker with other arguments");
    assertThat(RabbitFailure.of(new AuthenticationFailureException("ACCESS_REFUSED - you")))
        .isEqualTo(new RabbitFailure("refuses: ACCESS_REFUSED - you", true, true));
    assertThat(RabbitFailure.of(new PossibleAuthenticationFailureException(signal(false, null))))
        .isEqualTo(
            new RabbitFailure("refuses: Possibly caused by authentication failure", true, false));
  }

  @Test
  void whatIsForbiddenStaysSoAndWhatIsFullDoesNot() {
    assertThat(channelClosed(AMQP.ACCESS_REFUSED, "ACCESS_REFUSED - access to exchange 'e'"))
        .returns(true, RabbitFailure::lasting);
    assertThat(channelClosed(AMQP.NOT_ALLOWED, ""))
        .isEqualTo(new RabbitFailure("refuses: code 530", true, true));
    assertThat(channelClosed(AMQP.NOT_ALLOWED, "NOT_ALLOWED - connection limit (2) is reached"))
        .returns(false, RabbitFailure::lasting);
    assertThat(channelClosed(AMQP.NOT_FOUND, "NOT_FOUND - no queue 'q'"))
        .returns(false, RabbitFailure::lasting);
  }

  private static RabbitFailure channelClosed(int code, String text) {
    return RabbitFailure.of(
        wrapped(
            signal(
                false, new AMQP.Channel.Close.Builder().replyCode(code).replyText(text).build())));
  }

  @Test
  void whereNobodyAnsweredThatIsTold() {
    assertThat(RabbitFailure.of(wrapped(new EOFException())).text())
        .isEqualTo("is not reached: IOException");
    assertThat(RabbitFailure.of(wrapped(new EOFException("the end"))).text())
        .isEqualTo("is not reached: the end");
    assertThat(RabbitFailure.of(new UnknownHostException("host")).text())
        .isEqualTo("is not reached: unknown host");
    assertThat(RabbitFailure.of(new TimeoutException()).text())
        .isEqualTo("is not reached: TimeoutException");
    assertThat(RabbitFailure.of(signal(false, null)))
        .isEqualTo(new RabbitFailure("is not reached: connection error", false, false));
    assertThat(RabbitFailure.of(new StackOverflowError()).text())
        .isEqualTo("cannot be used: java.lang.StackOverflowError");
  }

  @Test
  void whatWeClosedOurselvesIsNoAnswer() {
    var close = new AMQP.Connection.Close.Builder().replyCode(AMQP.REPLY_SUCCESS).build();
    assertThat(RabbitFailure.of(signal(true, close)).answered()).isFalse();
  }

  private static ShutdownSignalException signal(boolean byUs, Method reason) {
    return new ShutdownSignalException(true, byUs, reason, null);
  }

  private static IOException wrapped(Exception cause) {
    return new IOException(null, cause);
  }
}
