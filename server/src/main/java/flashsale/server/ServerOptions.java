package flashsale.server;

import picocli.CommandLine.Option;

/** Options of every command that starts a server. */
final class ServerOptions extends ConfigOptions {
  @Option(
      names = "--port",
      paramLabel = "PORT",
      description = "Port to listen on; 0: any free one, printed (default: setting http.port).")
  private String port;

  @Option(
      names = "--roles",
      paramLabel = "ROLES",
      description =
          "What this process is: all, or some of users, catalog, inventory, reservations, orders,"
              + " payments, separated by commas (default: setting process.roles).")
  private String roles;

  @Override
  void flags(ConfigReader reader) {
    if (roles != null) {
      reader.flag("process.roles", roles, "--roles");
    }
    if (port != null) {
      reader.flag("http.port", port, "--port");
    }
  }
}
