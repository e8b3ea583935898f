package flashsale.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code flashsale bench} as a process: what it leaves when it is ended before its time. */
class BenchCommandTest {
  private static final Duration GONE_MAX = Duration.ofSeconds(60);

  @TempDir private Path folder;

  @Test
  void aMeasurementThatIsBrokenOffLeavesNothing() throws Exception {
    var data = folder.resolve("bench");
    var line = "bench --rounds 1 --only refusal/noop --data-dir " + data;
    try (var bench = ChildProcess.start(Main.class, line.split(" "))) {
      awaitSaid(bench, "A server under test answers at");
      var children = ProcessHandle.of(bench.pid()).orElseThrow().descendants().toList();
      assertThat(children).as("a server, and its PostgreSQL").hasSizeGreaterThan(1);
      bench.interrupt();
      assertThat(bench.exitCode()).isNotZero();
      await().atMost(GONE_MAX).until(() -> children.stream().noneMatch(ProcessHandle::isAlive));
    }
    assertThat(data).doesNotExist();
  }

  private static void awaitSaid(ChildProcess bench, String words) throws Exception {
    String line;
    do {
      line = bench.nextLine();
      assertThat(line).as("it ended before it said " + words).isNotNull();
    } while (!line.contains(words));
  }
}
