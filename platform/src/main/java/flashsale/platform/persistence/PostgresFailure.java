package flashsale.platform.persistence;

/** The embedded PostgreSQL cannot be started or stopped; the message says why and what to do. */
public final class PostgresFailure extends RuntimeException {
  private static final long serialVersionUID = 1L;

  public PostgresFailure(String message) {
    super(message);
  }

  public PostgresFailure(String message, Throwable cause) {
    super(message, cause);
  }
}
