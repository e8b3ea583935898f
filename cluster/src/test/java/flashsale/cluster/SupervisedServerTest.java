package flashsale.cluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import flashsale.platform.lifecycle.ServerNode;
import flashsale.platform.persistence.EmbeddedPostgres;
import flashsale.redis.RedisNode;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/**
 * A server that is killed, and one that hangs with all its children: it comes back by itself where
 * it was.
 */
@DisabledOnOs(OS.WINDOWS)
class SupervisedServerTest {
  private static final Duration BACK_MAX = Duration.ofMinutes(1);
  private static final Duration SILENCE_MAX = Duration.ofSeconds(5);
  private static final int CONNECTIONS = 10;

  @TempDir private Path folder;
  private final AtomicInteger told = new AtomicInteger();

  @Test
  void postgres() {
    assertComesBack("postgres", EmbeddedPostgres.start(folder, CONNECTIONS));
  }

  @Test
  void redis() {
    assertComesBack("redis", RedisNode.start(folder, ""));
  }

  private void assertComesBack(String name, ServerNode node) {
    var server = new SupervisedServer(name, node, told::incrementAndGet);
    try (server;
        var watchdog = server.watchdog(SILENCE_MAX)) {
      int port = node.port();
      var first = tree(node.pid());
      ProcessHandle.of(node.pid()).orElseThrow().destroyForcibly();
      awaitBack(server, node, 1);
      awaitGone(first);

      var second = tree(node.pid());
      second.forEach(process -> signal("STOP", process));
      awaitBack(server, node, 2);
      awaitGone(second);

      assertThat(server.running().name()).isEqualTo(name);
      assertThat(server.running().port()).isEqualTo(port);
      assertThat(server.running().pid()).isEqualTo(node.pid());
      await().until(() -> told.get() == 2);
    }
    assertThat(node.isRunning()).isFalse();
  }

  private static void awaitBack(SupervisedServer server, ServerNode node, int restarts) {
    await().atMost(BACK_MAX).until(() -> server.running().restarts() == restarts && node.answers());
  }

  /** What has ended and waits for somebody to take note of it has no program any more. */
  private static void awaitGone(List<ProcessHandle> processes) {
    await()
        .atMost(BACK_MAX)
        .until(() -> processes.stream().noneMatch(one -> one.info().command().isPresent()));
  }

  private static List<ProcessHandle> tree(long pid) {
    var first = ProcessHandle.of(pid).orElseThrow();
    return Stream.concat(Stream.of(first), first.descendants()).toList();
  }

  private static void signal(String signal, ProcessHandle process) {
    try {
      var told = new ProcessBuilder("kill", "-" + signal, Long.toString(process.pid())).start();
      assertThat(told.waitFor()).isZero();
    } catch (IOException e) {
      throw new IllegalStateException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
