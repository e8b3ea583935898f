package flashsale.platform.messaging;

import com.rabbitmq.client.AMQP;
import com.rabbitmq.client.AuthenticationFailureException;
import com.rabbitmq.client.PossibleAuthenticationFailureException;
import com.rabbitmq.client.ShutdownSignalException;
import java.io.IOException;
import java.net.UnknownHostException;
import java.util.concurrent.TimeoutException;

/**
 * What keeps the broker from being used.
 *
 * @param text what it does, after its name: "refuses: …", "is not reached: …"
 * @param answered whether the broker itself said so
 * @param lasting whether it does not come right by itself
 */
record RabbitFailure(String text, boolean answered, boolean lasting) {
  static RabbitFailure of(Throwable thrown) {
    if (thrown instanceof TopologyConflict) {
      return refusal(thrown.getMessage(), true);
    }
    for (var t = thrown; t != null; t = t.getCause()) {
      if (t instanceof ShutdownSignalException signal && !signal.isInitiatedByApplication()) {
        switch (signal.getReason()) {
          case AMQP.Connection.Close close -> {
            return refusal(close.getReplyCode(), close.getReplyText());
          }
          case AMQP.Channel.Close close -> {
            return refusal(close.getReplyCode(), close.getReplyText());
          }
          case null, default -> {}
        }
      }
    }
    return switch (thrown) {
      case AuthenticationFailureException e -> refusal(words(e), true);
      // Older brokers close the connection without a word.
      case PossibleAuthenticationFailureException e -> refusal(words(e), false);
      // Its message is the name alone.
      case UnknownHostException _ -> unreached("unknown host");
      case IOException e -> unreached(words(e));
      case TimeoutException e -> unreached(words(e));
      case ShutdownSignalException e -> unreached(words(e));
      default -> new RabbitFailure("cannot be used: " + thrown, false, false);
    };
  }

  private static RabbitFailure refusal(int code, String words) {
    boolean forbidden = code == AMQP.ACCESS_REFUSED || code == AMQP.NOT_ALLOWED;
    // One of the others may end.
    boolean full = words.contains("limit") && words.contains("is reached");
    return refusal(words.isEmpty() ? "code " + code : words, forbidden && !full);
  }

  private static RabbitFailure refusal(String words, boolean lasting) {
    return new RabbitFailure("refuses: " + words, true, lasting);
  }

  private static RabbitFailure unreached(String words) {
    return new RabbitFailure("is not reached: " + words, false, false);
  }

  /** The client wraps what has a message in what has none. */
  private static String words(Exception thrown) {
    for (Throwable t = thrown; t != null; t = t.getCause()) {
      if (t.getMessage() != null) {
        return t.getMessage();
      }
    }
    return thrown.getClass().getSimpleName();
  }
}
