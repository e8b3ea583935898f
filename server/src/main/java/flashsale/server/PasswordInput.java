package flashsale.server;

import java.io.BufferedReader;
import java.io.Console;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/** Where commands take a password from: a file, standard input, the environment, a person. */
final class PasswordInput {
  private static final Path STANDARD_INPUT = Path.of("-");

  private PasswordInput() {}

  /**
   * The password.
   *
   * @param file its first line is the password, {@code -} is standard input; null: none was named
   * @param variable of the environment, looked at next; null: none
   * @param prompt for the person at the terminal, who is asked last
   * @throws CommandFailure USAGE if there is none of these, or it is empty
   */
  static String read(Path file, String variable, String prompt) {
    if (file != null) {
      return notEmpty(firstLine(file), file.toString());
    }
    var fromEnvironment = variable == null ? null : System.getenv(variable);
    if (fromEnvironment != null) {
      return notEmpty(fromEnvironment, variable);
    }
    var console =
        Optional.ofNullable(System.console())
            .filter(Console::isTerminal)
            .orElseThrow(
                () ->
                    new CommandFailure(
                        ExitCode.USAGE,
                        "There is no terminal to ask for the password; use --password-file FILE"
                            + " (- for standard input)."));
    var typed = console.readPassword("%s", prompt);
    return notEmpty(typed == null ? "" : new String(typed), "the input");
  }

  private static String firstLine(Path file) {
    try (var reader =
        file.equals(STANDARD_INPUT)
            ? new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8))
            : Files.newBufferedReader(file)) {
      var line = reader.readLine();
      return line == null ? "" : line;
    } catch (IOException e) {
      throw new CommandFailure(
          ExitCode.USAGE, "The password cannot be read from " + file + ": " + e.getMessage(), e);
    }
  }

  private static String notEmpty(String password, String source) {
    if (password.isEmpty()) {
      throw new CommandFailure(ExitCode.USAGE, "There is no password in " + source + ".");
    }
    return password;
  }
}
