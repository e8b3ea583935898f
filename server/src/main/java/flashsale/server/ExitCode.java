package flashsale.server;

import java.util.Arrays;

/** How a command ended, for scripts; {@code --help} lists them. */
public enum ExitCode {
  OK(0),
  /** The command did not succeed, or an audit found a breach. */
  FAILED(1),
  /** A wrong argument, setting or file. */
  USAGE(2),
  /** Something outside is missing or refuses: a folder's permissions, a port, the database. */
  ENVIRONMENT(3),
  /** Another server owns the data directory. */
  ALREADY_RUNNING(4),
  /** No server answers at the address. */
  UNREACHABLE(5);

  private final int code;

  ExitCode(int code) {
    this.code = code;
  }

  /** The one that a process of this program exited with; FAILED if it has no such one. */
  static ExitCode of(int code) {
    return Arrays.stream(values()).filter(e -> e.code == code).findFirst().orElse(FAILED);
  }

  /** What the process exits with. */
  public int code() {
    return code;
  }
}
