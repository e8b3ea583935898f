package flashsale.cluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SupervisedTest {
  @TempDir private Path folder;
  private final List<Process> started = new ArrayList<>();

  /** A process with a child that outlives it, as nginx has. */
  private Process start() {
    try {
      var process = new ProcessBuilder("sh", "-c", "sleep 600 & wait").start();
      started.add(process);
      return process;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The look that comes between the kill and its notice finds no children: they are known. */
  @Test
  void theChildrenOfOneThatIsKilledAreEndedBeforeItIsStartedAgain() {
    var log = folder.resolve("none.log");
    try (var supervised = new Supervised("sleeper", log, this::start, Process::destroy, () -> {})) {
      await().until(() -> supervised.children().size() == 1);
      var child = supervised.children().getFirst();
      long pid = supervised.pid();

      supervised.kill();
      await().until(() -> started.getFirst().descendants().findAny().isEmpty());
      supervised.lookForChildren();

      await().until(() -> supervised.pid() != pid && supervised.pid() != 0);
      await().until(() -> !child.isAlive());
      assertThat(supervised.restarts()).isEqualTo(1);
      await().until(() -> supervised.children().stream().anyMatch(ProcessHandle::isAlive));
    }
    assertThat(started).hasSize(2).noneMatch(Process::isAlive);
  }
}
