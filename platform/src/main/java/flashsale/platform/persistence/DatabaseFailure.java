package flashsale.platform.persistence;

import java.sql.SQLException;
import java.util.Set;

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

  /** No statement's fault: the connection broke (08), or the server lacks something or stops. */
  public boolean isUnreachable() {
    var kind = sqlState().isEmpty() ? "" : sqlState().substring(0, 2);
    return Set.of("", "08", "53", "57").contains(kind);
  }
}
