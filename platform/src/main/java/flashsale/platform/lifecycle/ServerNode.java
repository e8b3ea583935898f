package flashsale.platform.lifecycle;

/** Another project's server that runs on a folder and a port of its own. Thread-safe. */
public interface ServerNode extends AutoCloseable {
  boolean isRunning();

  /**
   * Whether it does what it is for: it is asked, and given up after a few seconds. One that hangs
   * is running and does not answer.
   */
  boolean answers();

  /** Of its first process. */
  long pid();

  int port();

  /** Ends it without a chance to put anything in order (kill -9), with all that it has started. */
  void kill();

  /** Starts it on the folder that it had, unless it runs, and waits until it answers. */
  void restart();

  /** Ends it for good. */
  @Override
  void close();
}
