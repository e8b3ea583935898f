package flashsale.acceptance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import flashsale.acceptance.Shoppers.Way;
import flashsale.cluster.ClusterState.Running;
import flashsale.server.ServedCluster;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * What is done to a cluster's processes while people shop there, and how long it takes until they
 * can buy again and until the processes are back by themselves. For one thread.
 */
final class FaultLog implements AutoCloseable {
  /** Eight processes that start at the same time on two cores take a minute. */
  static final Duration BACK_MAX = Duration.ofMinutes(3);

  private static final String FORM = "%-62s %8s %8s %8s%n";
  private static final String HEAD = FORM.formatted("seconds until", "bought", "async", "back");

  private record Row(String what, double sync, double async, Future<Double> back) {
    String line() {
      return FORM.formatted(
          what,
          "%.1f".formatted(sync),
          "%.1f".formatted(async),
          back.state() == Future.State.SUCCESS ? "%.1f".formatted(back.resultNow()) : "-");
    }
  }

  private final ServedCluster cluster;
  private final List<Row> rows = new ArrayList<>();
  private final List<Future<Integer>> commands = new ArrayList<>();
  private final ExecutorService watchers = Executors.newVirtualThreadPerTaskExecutor();

  FaultLog(ServedCluster cluster) {
    this.cluster = cluster;
  }

  /** SIGKILL. */
  void kill(Shoppers shoppers, String... names) {
    struck(
        shoppers,
        "killed",
        names,
        () -> {
          for (var name : names) {
            assertThat(cluster.command("kill", name)).isZero();
          }
        });
  }

  /** SIGSTOP, with its children. */
  void stop(Shoppers shoppers, String... names) {
    struck(
        shoppers,
        "stopped",
        names,
        () -> {
          for (var name : names) {
            stop(one(name));
          }
        });
  }

  /** By the command that everybody has. */
  void restart(Shoppers shoppers, String name) {
    var before = one(name);
    struck(
        shoppers,
        "restarted",
        new String[] {name},
        () -> {
          var command = watchers.submit(() -> cluster.command("restart", name));
          commands.add(command);
          await().atMost(BACK_MAX).until(() -> before.handle().isEmpty() || command.isDone());
        });
  }

  /** Returns when somebody who begins to buy after it gets it; the processes may not be back. */
  private void struck(Shoppers shoppers, String fault, String[] names, Runnable deed) {
    var before = Stream.of(names).map(this::one).toList();
    long from = System.nanoTime();
    deed.run();
    long struck = System.nanoTime();
    var back = watchers.submit(() -> secondsUntilBack(before, from));
    var async = watchers.submit(() -> secondsUntilBought(shoppers, Way.ASYNC, struck, from));
    double sync = secondsUntilBought(shoppers, Way.SYNC, struck, from);
    rows.add(new Row(title(names) + " " + fault, sync, get(async), back));
  }

  /** Each role or server once. */
  private static String title(String... names) {
    return Stream.of(names)
        .collect(
            Collectors.groupingBy(
                name -> name.split("/", 2)[0], LinkedHashMap::new, Collectors.counting()))
        .entrySet()
        .stream()
        .map(one -> one.getValue() == 1 ? one.getKey() : one.getKey() + " (both)")
        .collect(Collectors.joining(", "));
  }

  private static double secondsUntilBought(Shoppers shoppers, Way way, long since, long from) {
    await().atMost(BACK_MAX).until(() -> shoppers.hasBought(way, since));
    return seconds(from);
  }

  private double secondsUntilBack(List<Running> before, long from) {
    for (var process : before) {
      await(process.name()).atMost(BACK_MAX).until(() -> isBack(process));
    }
    return seconds(from);
  }

  private static double seconds(long from) {
    return (System.nanoTime() - from) / 1e9;
  }

  private boolean isBack(Running before) {
    var now = one(before.name());
    return now.pid() != 0 && now.pid() != before.pid() && isReady(health(now));
  }

  /** Servers are not shown before they answer. */
  private URI health(Running process) {
    return process.name().equals("nginx") ? cluster.url() : process.url();
  }

  private static boolean isReady(URI url) {
    try {
      return url == null || new Visitor(url, null).get("/health/ready").status() == 200;
    } catch (UncheckedIOException e) {
      return false;
    }
  }

  private Running one(String name) {
    return cluster.state().named(name).getFirst();
  }

  private static void stop(Running process) {
    var handle = process.handle().orElseThrow();
    Stream.concat(Stream.of(handle), handle.descendants()).forEach(FaultLog::stop);
  }

  private static void stop(ProcessHandle process) {
    try {
      new ProcessBuilder("kill", "-STOP", Long.toString(process.pid())).start().waitFor();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** Returns when all that was struck is there again. */
  void awaitBack() {
    rows.forEach(row -> get(row.back()));
    assertThat(commands).allMatch(command -> get(command) == 0);
  }

  private static <T> T get(Future<T> result) {
    try {
      return result.get();
    } catch (ExecutionException e) {
      throw new AssertionError(e.getCause().getMessage(), e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    }
  }

  /** A table: until somebody bought, and without waiting, and until the processes were back. */
  @Override
  public String toString() {
    return rows.stream().map(Row::line).collect(Collectors.joining("", HEAD, ""));
  }

  @Override
  public void close() {
    watchers.shutdownNow();
  }
}
