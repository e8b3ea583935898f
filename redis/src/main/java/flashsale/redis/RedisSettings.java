package flashsale.redis;

import io.lettuce.core.RedisURI;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;

/**
 * Where Redis is.
 *
 * @param nodes one server, or some of a cluster's
 * @param cluster whether it is a cluster
 * @param budget how long an answer is waited for
 */
public record RedisSettings(List<RedisURI> nodes, boolean cluster, Duration budget) {
  /**
   * Reads addresses {@code redis://user:password@host:port/0} or {@code rediss://…} (TLS),
   * separated by commas.
   *
   * @throws IllegalArgumentException if one is none
   */
  public static RedisSettings of(String urls, boolean cluster, Duration budget) {
    var nodes =
        Arrays.stream(urls.split(","))
            .map(String::strip)
            .filter(url -> !url.isEmpty())
            .map(RedisSettings::node)
            .toList();
    if (nodes.isEmpty() || (nodes.size() > 1 && !cluster)) {
      throw new IllegalArgumentException("one address is needed, or several of a cluster");
    }
    return new RedisSettings(nodes, cluster, budget);
  }

  private static RedisURI node(String url) {
    if (!url.startsWith("redis://") && !url.startsWith("rediss://")) {
      throw new IllegalArgumentException("an address begins with redis:// or rediss://");
    }
    return RedisURI.create(url);
  }

  /** Without addresses, which have passwords. */
  @Override
  public String toString() {
    return cluster ? "a cluster of Redis" : "Redis";
  }
}
