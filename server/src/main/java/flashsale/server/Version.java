package flashsale.server;

import java.util.Objects;
import picocli.CommandLine.IVersionProvider;

/** What {@code --version} tells. */
final class Version implements IVersionProvider {
  /** The product's version, from the jar it came in. */
  static String of() {
    return Objects.requireNonNullElse(
        Version.class.getPackage().getImplementationVersion(), "development");
  }

  @Override
  public String[] getVersion() {
    return new String[] {"flashsale " + of() + " (Java " + Runtime.version() + ")"};
  }
}
