package flashsale.redis;

import flashsale.platform.metrics.Meters;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Comparator;
import java.util.function.Function;

/** A server of the test's own in a temporary folder, gone afterwards. */
final class TestRedis implements AutoCloseable {
  /** Enough for a loaded machine where a test wants an answer. */
  static final Duration PATIENT = Duration.ofSeconds(2);

  final RedisNode node;
  private final Path folder;

  TestRedis() {
    this("");
  }

  TestRedis(String more) {
    this(_ -> more);
  }

  /**
   * With a certificate or the like in its folder.
   *
   * @param more lines for its {@code redis.conf}
   */
  TestRedis(Function<Path, String> more) {
    try {
      folder = Files.createTempDirectory("flashsale-redis-");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    node = RedisNode.start(folder, more.apply(folder));
  }

  RedisLink link() {
    return link(PATIENT);
  }

  RedisLink link(Duration budget) {
    return link(node.url(), false, budget);
  }

  static RedisLink link(String url, boolean cluster, Duration budget) {
    return new RedisLink(RedisSettings.of(url, cluster, budget), new Meters());
  }

  void signal(String signal) {
    try {
      new ProcessBuilder("kill", "-" + signal, Long.toString(node.pid())).start().waitFor();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  @Override
  public void close() {
    node.close();
    try (var files = Files.walk(folder)) {
      for (var file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(file);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
