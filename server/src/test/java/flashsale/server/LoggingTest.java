package flashsale.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import ch.qos.logback.classic.Level;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.logging.Logger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.slf4j.LoggerFactory;

class LoggingTest {
  private static final Config.Log DEFAULTS = new ConfigReader().read().config().log();

  @TempDir private Path folder;

  @AfterEach
  void backToTheConsole() {
    Logging.toConsole();
  }

  @Test
  void ourWordsAndTheLibrariesWarningsAreInTheFile() throws IOException {
    try (var logging = Logging.toFiles(folder, DEFAULTS, Level.OFF)) {
      LoggerFactory.getLogger("flashsale.inventory.Ledger").info("ours at info");
      LoggerFactory.getLogger("flashsale.inventory.Ledger").debug("ours at debug");
      LoggerFactory.getLogger("com.zaxxer.hikari.Pool").info("theirs at info");
      Logger.getLogger("io.helidon.webserver").warning("theirs through java.util.logging");
      System.getLogger("java.net.http").log(System.Logger.Level.WARNING, "theirs, System.Logger");
      assertThat(logging.accessLog()).isNotNull();
    }

    assertThat(Files.readString(folder.resolve("flashsale.log")))
        .contains(" INFO  Ledger: ours at info\n")
        .contains("theirs through java.util.logging", "theirs, System.Logger")
        .doesNotContain("ours at debug", "theirs at info");
  }

  @Test
  void requestsAreInTheirOwnFileOnly() throws IOException {
    try (var logging = Logging.toFiles(folder, DEFAULTS, Level.OFF)) {
      logging.accessLog().answered("GET", "/health/live", "/health/live", 200, 1_000, "r1");
    }

    assertThat(Files.readString(folder.resolve("access.log"))).endsWith("200 1us r1\n");
    assertThat(folder.resolve("flashsale.log")).isEmptyFile();
  }

  @Test
  void withoutAnAccessLogThereIsNoFile() {
    var off = new Config.Log("INFO", false, DEFAULTS.fileMax(), DEFAULTS.filesMax());

    try (var logging = Logging.toFiles(folder, off, Level.OFF)) {
      logging.accessLog().answered("GET", "/", "/", 200, 1_000, "r1");
    }

    assertThat(folder.resolve("access.log")).doesNotExist();
  }

  @Test
  void oldFilesAreBounded() {
    var small = new Config.Log("INFO", false, 1024, 2);
    var log = LoggerFactory.getLogger("flashsale.test");

    try (var logging = Logging.toFiles(folder, small, Level.OFF)) {
      assertThat(logging).isNotNull();
      // A file's size is looked at once a second.
      await()
          .until(
              () -> {
                log.info("x".repeat(2_000));
                return Files.exists(folder.resolve("flashsale.log.2"));
              });
    }

    assertThat(folder.resolve("flashsale.log.1")).exists();
    assertThat(folder.resolve("flashsale.log.3")).doesNotExist();
  }
}
