package flashsale.server;

import java.util.List;
import java.util.stream.Collectors;

/** A configuration that cannot work. The message lists everything that is wrong with it. */
public final class ConfigRefused extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final transient List<ConfigProblem> problems;

  ConfigRefused(List<ConfigProblem> problems) {
    super(
        problems.stream()
            .map(p -> "  " + p.where() + "\n      " + p.what())
            .collect(
                Collectors.joining(
                    "\n",
                    problems.size() == 1
                        ? "The configuration cannot work:\n"
                        : "The configuration cannot work, for " + problems.size() + " reasons:\n",
                    "")));
    this.problems = List.copyOf(problems);
  }

  List<ConfigProblem> problems() {
    return problems;
  }
}
