package flashsale.server;

import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * Java for processes that start often and do little: compiled fast rather than well, and with the
 * program's classes from an archive. A first process, which serves a shop for a moment, makes that
 * archive.
 */
public final class QuickJava {
  private static final int TRAINED_MAX_SECONDS = 120;

  private static final class Trained {
    static final List<String> FLAGS = trained();
  }

  private QuickJava() {}

  /** For the command line of {@code java}, the program's class path among them. */
  public static List<String> flags() {
    return Trained.FLAGS;
  }

  private static List<String> trained() {
    var flags = new ArrayList<>(List.of("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"));
    var jars = jars();
    if (jars.isEmpty()) {
      flags.addAll(List.of("-cp", System.getProperty("java.class.path")));
      return List.copyOf(flags);
    }
    flags.addAll(List.of("-cp", jars));
    try {
      var folder = Files.createTempDirectory("flashsale-classes-");
      Runtime.getRuntime().addShutdownHook(new Thread(() -> delete(folder)));
      var archive = folder.resolve("classes.jsa");
      train(folder, flags, archive);
      flags.addAll(List.of("-Xshare:auto", "-Xlog:cds=off", "-XX:SharedArchiveFile=" + archive));
      return List.copyOf(flags);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Java archives no classes of folders. Nothing if the program itself lies in one. */
  private static String jars() {
    var program = Main.class.getProtectionDomain().getCodeSource().getLocation();
    return program.getPath().endsWith(".jar")
        ? Stream.of(System.getProperty("java.class.path").split(File.pathSeparator))
            .filter(entry -> entry.endsWith(".jar"))
            .collect(Collectors.joining(File.pathSeparator))
        : "";
  }

  private static void train(Path folder, List<String> flags, Path archive) throws IOException {
    var command = new ArrayList<String>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(flags);
    command.addAll(
        List.of(
            "-XX:ArchiveClassesAtExit=" + archive,
            "-Xlog:cds=off",
            "--enable-native-access=ALL-UNNAMED",
            Main.class.getName(),
            "serve",
            "--port",
            "0",
            "--data-dir",
            folder.resolve("data").toString()));
    var process =
        new ProcessBuilder(command)
            .redirectErrorStream(true)
            .redirectOutput(folder.resolve("output.txt").toFile())
            .start();
    try {
      long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(TRAINED_MAX_SECONDS);
      while (ShopFolder.server(folder.resolve("data")).isEmpty()) {
        if (System.nanoTime() > deadline || process.waitFor(20, TimeUnit.MILLISECONDS)) {
          throw new IllegalStateException(
              "the program does not start: " + Files.readString(folder.resolve("output.txt")));
        }
      }
      process.destroy();
      if (!process.waitFor(TRAINED_MAX_SECONDS, TimeUnit.SECONDS)) {
        throw new IllegalStateException("the program does not stop");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    } finally {
      process.destroyForcibly();
    }
  }

  private static void delete(Path folder) {
    try (var files = Files.walk(folder)) {
      for (var file : files.toList().reversed()) {
        Files.delete(file);
      }
    } catch (IOException e) {
      // It lies in the system's temporary folder, which is cleared anyway.
    }
  }
}
