package flashsale.platform.persistence;

import java.sql.SQLException;
import java.util.Set;

/** The database refused a statement or could not be reached. */
public final class DatabaseFailure extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /** The class of SQLSTATE for violated constraints. */
  private static final String CONSTRAINTS = "23";

  private final boolean unconnected;

  public DatabaseFailure(String message, SQLException cause) {
    this(message, cause, false);
  }

  private DatabaseFailure(String message, SQLException cause, boolean unconnected) {
    super(message, cause);
    this.unconnected = unconnected;
  }

  /** There is no connection, whatever the server has against it. */
  static DatabaseFailure unconnected(String message, SQLException cause) {
    return new DatabaseFailure(message, cause, true);
  }

  /** The five characters of SQLSTATE, or an empty text. */
  public String sqlState() {
    return getCause() instanceof SQLException e && e.getSQLState() != null ? e.getSQLState() : "";
  }

  /**
   * Whether the statement broke a rule of the schema. Unlike an outage that is a fault: the same
   * statement fails again, and what was to be written must not be.
   */
  public boolean brokeAConstraint() {
    return sqlState().startsWith(CONSTRAINTS);
  }

  /**
   * No statement's fault: there was no connection, it broke (08), or the server lacks something or
   * stops.
   */
  public boolean isUnreachable() {
    if (unconnected) {
      return true;
    }
    var kind = sqlState().isEmpty() ? "" : sqlState().substring(0, 2);
    return Set.of("", "08", "53", "57").contains(kind);
  }
}
