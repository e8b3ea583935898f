package flashsale.platform.messaging;

/** The broker of a {@link TestRabbit}, however it is run. */
interface RabbitNode extends AutoCloseable {
  /** Starts it, for the first time or on what it stored; it may answer later only. */
  void start();

  boolean isAlive();

  /** Ends it without a chance to put anything in order (kill -9). */
  void kill();

  /** Runs {@code rabbitmqctl}; throws if that fails. */
  void control(String... arguments);

  /** Ends it and removes what it stored. */
  @Override
  void close();
}
