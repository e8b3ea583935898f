package flashsale.server;

import flashsale.platform.messaging.RabbitSettings;
import java.util.Optional;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Which of the two architectures a command shows or measures, and through which broker. */
final class ArchitectureOptions {
  @Spec(Spec.Target.MIXEE)
  private CommandSpec command;

  @Option(
      names = "--architecture",
      paramLabel = "sync|async",
      defaultValue = "sync",
      description =
          "How requests are answered: at their end, or with 202 as soon as they are durable, and done"
              + " after that (default: ${DEFAULT-VALUE}).")
  private String architecture;

  @Option(
      names = "--rabbitmq",
      paramLabel = "URL",
      description =
          "With --architecture async: the RabbitMQ through which they are done,"
              + " amqp://user:password@host:port/vhost or amqps://….")
  private String rabbitmq;

  /**
   * Whether requests ask to be answered with 202.
   *
   * @throws ParameterException if the options cannot be meant as they stand
   */
  boolean async() {
    if (!architecture.equals("sync") && !architecture.equals("async")) {
      throw wrong("--architecture must be sync or async, not " + architecture + ".");
    }
    boolean async = architecture.equals("async");
    if (rabbitmq != null && !async) {
      throw wrong(
          "--rabbitmq needs --architecture async: what is answered at its end uses no bus.");
    }
    return async;
  }

  /**
   * The broker's address, if one was given.
   *
   * @throws ParameterException if it is none
   */
  Optional<RabbitSettings> rabbitmq() {
    try {
      return Optional.ofNullable(rabbitmq).map(RabbitSettings::of);
    } catch (IllegalArgumentException e) {
      // Without the text that was given, as it has a password.
      throw wrong(
          "--rabbitmq must be RabbitMQ's address, amqp://user:password@host:port/vhost or amqps://…: "
              + e.getMessage()
              + ".");
    }
  }

  private ParameterException wrong(String message) {
    return new ParameterException(command.commandLine(), message);
  }
}
