package flashsale.server;

import flashsale.platform.time.SteadyClock;
import flashsale.users.SigningKeys;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.stream.Collectors;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/**
 * The keys that sign access tokens, in the data directory itself: a running server looks there, so
 * it needs neither a restart nor an operator's session.
 */
@Command(name = "keys", description = "Shows and changes the keys that sign access tokens.")
final class KeysCommand implements Runnable {
  @Spec private CommandSpec spec;

  @Command(
      name = "rotate",
      description = {
        "Makes a new key. Every server on the data directory signs with it within half a minute.",
        "Tokens signed before stay valid until they expire; keys that none needs are removed.",
        "Give a server's own --config and --set here too, if it has users.tokenTtl from there."
      })
  int rotate(@Mixin ConfigOptions options) {
    var keys = keys(options);
    try {
      return print("Signing with %s from now on.%n%n".formatted(keys.rotate()) + table(keys));
    } catch (SigningKeys.TooMany e) {
      throw new CommandFailure(ExitCode.FAILED, e.getMessage(), e);
    }
  }

  @Command(name = "list", description = "Lists the keys, the signing one first.")
  int list(@Mixin ConfigOptions options) {
    return print(table(keys(options)).toString());
  }

  private static SigningKeys keys(ConfigOptions options) {
    var config = options.read().config();
    var shared = config.users().keysDir();
    var folder = shared.isEmpty() ? options.dataDir().resolve(ShopFolder.KEYS) : Path.of(shared);
    if (!Files.isDirectory(folder)) {
      throw new CommandFailure(
          ExitCode.USAGE, folder + " has no keys yet: its server has never been started.");
    }
    return new SigningKeys(folder, new SteadyClock(), config.users().tokenTtl());
  }

  private static TextTable table(SigningKeys keys) {
    var table = new TextTable("key", "made", "state");
    var now = Instant.now();
    for (var key : keys.list()) {
      var until = key.neededUntil();
      table.row(
          key.kid(),
          key.createdAt(),
          until == null ? "signs" : until.isAfter(now) ? "verifies until " + until : "retired");
    }
    return table;
  }

  private int print(String text) {
    spec.commandLine().getOut().print(text);
    spec.commandLine().getOut().flush();
    return ExitCode.OK.code();
  }

  @Override
  public void run() {
    throw new CommandLine.ParameterException(
        spec.commandLine(),
        "What about the keys? One of "
            + spec.subcommands().keySet().stream().sorted().collect(Collectors.joining(", ")));
  }
}
