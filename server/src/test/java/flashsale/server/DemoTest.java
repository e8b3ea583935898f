package flashsale.server;

import static org.assertj.core.api.Assertions.assertThat;

import flashsale.platform.messaging.TestRabbit;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
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
    assertStopped(data);
  }

  @Test
  @Timeout(value = 4, unit = TimeUnit.MINUTES)
  void anAcceptedCrowdIsToldTheEndsOfItsRequests() throws Exception {
    assertThat(demo("--architecture", "async"))
        .noneMatch(line -> line.contains("RabbitMQ"))
        .anyMatch(line -> line.matches(" +\\d+ s .* to the end p50 .*"));
  }

  @Test
  @Timeout(value = 4, unit = TimeUnit.MINUTES)
  void theSameThroughRabbit() throws Exception {
    try (var rabbit = TestRabbit.start()) {
      assertThat(demo("--architecture", "async", "--rabbitmq", rabbit.url()))
          .anyMatch(line -> line.contains("with RabbitMQ at amqp://127.0.0.1:"))
          .noneMatch(line -> line.contains("guest"));
      try (var connection = rabbit.connect();
          var channel = connection.createChannel()) {
        assertThat(channel.messageCount("flashsale.inventory")).as("all was taken").isZero();
      }
    }
  }

  @Test
  @Timeout(value = 5, unit = TimeUnit.MINUTES)
  void theSameFromSeparateServices() throws Exception {
    assertThat(demo("--architecture", "async", "--cluster"))
        .anyMatch(line -> line.startsWith("Starting separate services on "))
        .anyMatch(line -> line.startsWith("up  nginx at "));
    assertStopped(folder.resolve("data/cluster"));
  }

  /** What it says; it must have gone well. */
  private List<String> demo(String... more) throws Exception {
    var data = folder.resolve("data");
    var lines = new ArrayList<String>();
    var arguments = new ArrayList<>(List.of("demo", "--data-dir", data.toString(), "--port", "0"));
    arguments.addAll(List.of("--customers", "60", "--seed", "11"));
    arguments.addAll(
        List.of("--sale", Project.root().resolve("examples/winter-drop.yaml").toString()));
    arguments.addAll(List.of(more));
    try (var demo = ChildProcess.start(Main.class, arguments.toArray(String[]::new))) {
      for (var line = demo.nextLine(); line != null; line = demo.nextLine()) {
        lines.add(line);
      }
      assertThat(demo.exitCode()).as(String.join("\n", lines)).isZero();
    }
    assertThat(lines)
        .anyMatch(line -> line.matches("reserve +\\d.*"))
        .anyMatch(line -> line.equals("Answered with 202: from the request to its final state"))
        .anyMatch(line -> line.startsWith("failures: 0, "))
        .anyMatch(line -> line.startsWith("OK: "));
    assertStopped(data);
    return lines;
  }

  private static void assertStopped(Path data) {
    assertThat(data.resolve("server.json")).as("it was stopped cleanly").doesNotExist();
    assertThat(Files.exists(data.resolve("postgres/data/postmaster.pid"))).isFalse();
  }
}
