package flashsale.server;

import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** This very program as another process. */
final class JavaProgram {
  private JavaProgram() {}

  /**
   * A command line.
   *
   * @param jvmFlags such as {@code -Xmx256m}; one that says the same as a flag from here wins
   * @param arguments of the program
   */
  static List<String> command(List<String> jvmFlags, List<String> arguments) {
    var command = new ArrayList<String>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    classCache().ifPresent(command::add);
    command.add("--enable-native-access=ALL-UNNAMED");
    command.add("--sun-misc-unsafe-memory-access=allow");
    command.addAll(List.of("-cp", System.getProperty("java.class.path")));
    command.addAll(jvmFlags);
    command.add(Main.class.getName());
    command.addAll(arguments);
    return command;
  }

  /** The start script hands Java a cache of classes; a child starts as any other. */
  private static Optional<String> classCache() {
    return ManagementFactory.getRuntimeMXBean().getInputArguments().stream()
        .filter(argument -> argument.startsWith("-XX:AOTCache="))
        .findFirst();
  }
}
