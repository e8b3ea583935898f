package flashsale.server;

import flashsale.cluster.GatewayConfig;
import flashsale.cluster.NginxNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Makes the configuration of the nginx that stands before separate services. */
@Command(
    name = "gateway",
    description = {
      "Makes the nginx configuration that puts all roles behind one address.",
      "Requests that are waited for go round in turn, those with Prefer: respond-async to the",
      "instance with least under way; a POST that an instance may have begun is never repeated."
    })
final class GatewayCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;

  @Option(
      names = "--role",
      paramLabel = "ROLE=URL[,URL…]",
      required = true,
      description =
          "Where a role serves the API, such as users=http://10.0.0.1:8080,http://10.0.0.2:8080;"
              + " once for each of users, catalog, reservations, orders, payments.")
  private Map<String, String> roles = new LinkedHashMap<>();

  @Option(
      names = "--listen",
      paramLabel = "HOST:PORT",
      defaultValue = "127.0.0.1:8080",
      description = "Address of the gateway (default: ${DEFAULT-VALUE}).")
  private String listen;

  @Option(
      names = "--folder",
      paramLabel = "DIR",
      defaultValue = "/tmp/flashsale-gateway",
      description =
          "Where nginx keeps its pid, logs and temporary files (default: ${DEFAULT-VALUE}).")
  private Path folder;

  @Option(
      names = "--rate",
      paramLabel = "N",
      defaultValue = "0",
      description =
          "Requests a second from one address on the average; more get 429. 0: any number"
              + " (default: ${DEFAULT-VALUE}). A crowd may sit behind one address.")
  private int rate;

  @Option(
      names = "--body-max",
      paramLabel = "BYTES",
      defaultValue = "" + GatewayConfig.BODY_MAX_BYTES,
      description = "A longer request body gets 413 (default: ${DEFAULT-VALUE}).")
  private long bodyMax;

  @Option(names = "--tls-certificate", paramLabel = "FILE", description = "PEM, with its chain.")
  private Path certificate;

  @Option(names = "--tls-key", paramLabel = "FILE", description = "PEM, of that certificate.")
  private Path key;

  @Option(
      names = "--out",
      paramLabel = "FILE",
      description = "Where the configuration is written (default: standard output).")
  private Path out;

  @Option(
      names = "--check",
      description = "Lets nginx itself check it (nginx -t), and ends with 1 if it complains.")
  private boolean check;

  @Override
  public Integer call() {
    var config = config();
    try {
      if (out == null) {
        spec.commandLine().getOut().print(config.text());
        spec.commandLine().getOut().flush();
      } else {
        Files.writeString(out, config.text());
      }
      return check ? checked(config) : ExitCode.OK.code();
    } catch (IOException e) {
      throw new CommandFailure(ExitCode.ENVIRONMENT, "Cannot write it: " + e.getMessage(), e);
    }
  }

  private int checked(GatewayConfig config) throws IOException {
    var tried = Files.createTempDirectory("flashsale-gateway");
    try {
      var there =
          new GatewayConfig(
              config.listen(),
              config.roles(),
              config.down(),
              tried,
              config.ratePerAddress(),
              config.bodyMaxBytes(),
              config.tls(),
              config.files());
      var complaints = NginxNode.complaints(NginxNode.write(there));
      if (!complaints.isEmpty()) {
        throw new CommandFailure(ExitCode.FAILED, complaints);
      }
      return ExitCode.OK.code();
    } catch (NginxNode.NotInstalled e) {
      throw new CommandFailure(ExitCode.ENVIRONMENT, e.getMessage(), e);
    } finally {
      delete(tried);
    }
  }

  private static void delete(Path folder) {
    try (var files = Files.walk(folder)) {
      for (var file : files.toList().reversed()) {
        Files.delete(file);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private GatewayConfig config() {
    if ((certificate == null) != (key == null)) {
      throw wrong("--tls-certificate and --tls-key belong together.");
    }
    if (rate < 0 || bodyMax < 1) {
      throw wrong("--rate must not be negative, and --body-max must be positive.");
    }
    if (!listen.matches(".+:\\d{1,5}")) {
      throw wrong("--listen must be HOST:PORT, not '" + listen + "'.");
    }
    var urls = new LinkedHashMap<String, List<URI>>();
    roles.forEach(
        (role, text) ->
            urls.put(known(role), Arrays.stream(text.split(",")).map(this::url).toList()));
    try {
      return new GatewayConfig(
          listen,
          urls,
          Set.of(),
          folder.toAbsolutePath(),
          rate,
          bodyMax,
          Optional.ofNullable(certificate)
              .map(file -> new GatewayConfig.Tls(file.toAbsolutePath(), key.toAbsolutePath())),
          Optional.empty());
    } catch (IllegalArgumentException e) {
      throw wrong(e.getMessage() + ".");
    }
  }

  private String known(String role) {
    if (!GatewayConfig.ROLES.contains(role)) {
      throw wrong(
          "--role knows %s, not '%s'.%s"
              .formatted(
                  String.join(", ", GatewayConfig.ROLES),
                  role,
                  role.equals("inventory") ? " The inventory answers nobody from outside." : ""));
    }
    return role;
  }

  private URI url(String text) {
    try {
      var url = URI.create(text.strip());
      if ("http".equals(url.getScheme()) && url.getHost() != null) {
        return url;
      }
    } catch (IllegalArgumentException e) {
      // Said below.
    }
    throw wrong("'" + text + "' is no address like http://host:port.");
  }

  private ParameterException wrong(String why) {
    return new ParameterException(spec.commandLine(), why);
  }
}
