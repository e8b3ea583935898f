package flashsale.platform.persistence;

import java.sql.SQLException;

/** The database refused a statement or could not be reached. */
public final class DatabaseFailure extends RuntimeException {
  private static final long serialVersionUID = 1L;

  public DatabaseFailure(String message, SQLException cause) {
    super(message, cause);
  }

  /** The five characters of SQLSTATE, or an empty text. */
  public String sqlState() {
    return getCause() instanceof SQLException e && e.getSQLState() != null ? e.getSQLState() : "";
  }
}
