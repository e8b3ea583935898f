package flashsale.server;

import picocli.CommandLine.Option;

/** Options of every command that starts a server. */
final class ServerOptions extends ConfigOptions {
  @Option(
      names = "--port",
      paramLabel = "PORT",
      description = "Port to listen on; 0: any free one, printed (default: setting http.port).")
  private String port;

  @Override
  void flags(ConfigReader reader) {
    if (port != null) {
      reader.flag("http.port", port, "--port");
    }
  }
}
