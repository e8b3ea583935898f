package flashsale.server;

import java.util.concurrent.Callable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Shows the settings. */
@Command(
    name = "config",
    description = {
      "Shows the settings that would hold, as an application.yaml; what differs from the defaults"
          + " says where it comes from.",
      "Sources, the later ones win: defaults, application.yaml, the environment"
          + " (FLASHSALE_HTTP_PORT for http.port), flags."
    })
final class ConfigCommand implements Callable<Integer> {
  /** In which form. */
  private static final class Form {
    @Option(names = "--changed", description = "Only what differs from the defaults.")
    private boolean changed;

    @Option(names = "--defaults", description = "The defaults, with what each setting means.")
    private boolean defaults;

    @Option(names = "--json", description = "A JSON array: name, value, default, source.")
    private boolean json;

    @Option(names = "--markdown", description = "The defaults as docs/configuration.md.")
    private boolean markdown;
  }

  @Spec private CommandSpec spec;
  @Mixin private ServerOptions options;
  @ArgGroup private Form form = new Form();

  @Override
  public Integer call() {
    spec.commandLine().getOut().print(text());
    spec.commandLine().getOut().flush();
    return ExitCode.OK.code();
  }

  private String text() {
    if (form.defaults) {
      return ConfigText.defaults();
    }
    if (form.markdown) {
      return ConfigText.markdown();
    }
    var effective = options.read();
    if (form.json) {
      return ConfigText.json(effective);
    }
    return ConfigText.yaml(effective, form.changed);
  }
}
