package flashsale.server;

import java.net.URI;
import java.nio.file.Path;
import picocli.CommandLine.Option;

/**
 * Options of every command that talks to a running server as an operator. Whoever can read the data
 * directory may act as the operator that the server made for itself; anybody else says who they
 * are. A password is never an argument, because other users of the machine can see those.
 */
final class OperatorOptions {
  @Option(
      names = "--data-dir",
      paramLabel = "DIR",
      defaultValue = "${env:" + Variables.DATA_DIR + ":-data}",
      description =
          "The running server's data directory (default: data, or $" + Variables.DATA_DIR + ").")
  private Path dataDir;

  @Option(
      names = "--url",
      paramLabel = "URL",
      defaultValue = "${env:" + Variables.URL + "}",
      description =
          "Address of a server elsewhere, e.g. http://127.0.0.1:8080 ($" + Variables.URL + ").")
  private URI url;

  @Option(
      names = "--operator",
      paramLabel = "EMAIL",
      defaultValue = "${env:" + Variables.OPERATOR + "}",
      description =
          "The operator's address (default: the data directory's own operator; $"
              + Variables.OPERATOR
              + "). The password is asked for, or comes from --password-file or $"
              + Variables.OPERATOR_PASSWORD
              + ".")
  private String operator;

  @Option(
      names = "--password-file",
      paramLabel = "FILE",
      description = "A file whose first line is the operator's password; -: standard input.")
  private Path passwordFile;

  /** Signs in at the server that is meant. */
  OperatorClient signIn() {
    var running = ShopFolder.server(dataDir);
    if (url == null && running.isEmpty()) {
      throw new CommandFailure(
          ExitCode.UNREACHABLE,
          "No server runs on the data directory %s. Start one with `flashsale serve`, or name one"
                  .formatted(dataDir)
              + " with --data-dir or --url.");
    }
    var own = running.map(ShopFolder.Server::url);
    var address = url == null ? own.orElseThrow() : url;
    if (address.getHost() == null || address.getScheme() == null) {
      throw new CommandFailure(
          ExitCode.USAGE, "--url must be an address such as http://127.0.0.1:8080.");
    }
    return OperatorClient.signIn(address, account(own.filter(address::equals).isPresent()));
  }

  /** The data directory's own password goes to its own server only. */
  private OperatorAccount account(boolean ownServer) {
    if (operator != null) {
      return new OperatorAccount(
          operator,
          PasswordInput.read(
              passwordFile, Variables.OPERATOR_PASSWORD, "Password of " + operator + ": "));
    }
    if (!ownServer) {
      throw new CommandFailure(
          ExitCode.USAGE, "Say who you are at " + url + ": --operator EMAIL (see --help).");
    }
    return OperatorAccount.find(dataDir)
        .orElseThrow(
            () ->
                new CommandFailure(
                    ExitCode.ENVIRONMENT,
                    "The data directory " + dataDir + " has no operator.json; use --operator."));
  }
}
