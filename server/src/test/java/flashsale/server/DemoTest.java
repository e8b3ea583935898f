package flashsale.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

class DemoTest {
  @TempDir private Path folder;

  /** With so many customers nothing but the signal ends it in time. */
  @Test
  @Timeout(value = 2, unit = TimeUnit.MINUTES)
  void theSignalSendsTheCrowdHomeAndWhatHappenedIsTold() throws Exception {
    var data = folder.resolve("data");
    var lines = new ArrayList<String>();
    try (var demo =
        ChildProcess.start(
            Main.class,
            "demo",
            "--data-dir",
            data.toString(),
            "--port",
            "0",
            "--customers",
            "20000",
            "--sale",
            Project.root().resolve("examples/winter-drop.yaml").toString())) {
      String line;
      boolean asked = false;
      while ((line = demo.nextLine()) != null) {
        lines.add(line);
        if (!asked && line.contains("customers sign up, 4 at a time")) {
          demo.interrupt();
          asked = true;
        }
      }
      assertThat(asked).as(lines.toString()).isTrue();
    }
    assertThat(lines)
        .anyMatch(line -> line.contains("20,000 customers in "))
        .anyMatch(line -> line.contains("When the holds had ended"))
        .anyMatch(line -> line.startsWith("OK: "));
    assertThat(data.resolve("server.json")).as("it was stopped cleanly").doesNotExist();
    assertThat(Files.exists(data.resolve("postgres/data/postmaster.pid"))).isFalse();
  }
}
