package flashsale.cluster;

import flashsale.cluster.ClusterState.Running;
import flashsale.platform.lifecycle.ServerNode;
import flashsale.platform.messaging.RabbitNode;
import flashsale.platform.persistence.EmbeddedPostgres;
import flashsale.redis.RedisNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.BindException;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import java.util.function.Function;

/**
 * The separate services on this machine: PostgreSQL with a database for each role, RabbitMQ for
 * requests that nobody waits for, Redis for what they share, every role so many times, and nginx
 * before them. All of them are children of this process, listen on the loopback interface only, and
 * are started again, on the same folders and ports, when they end before they should or hang.
 * Thread-safe.
 */
public final class Cluster implements AutoCloseable {
  private static final Duration READY_MAX = Duration.ofMinutes(3);
  private static final Duration ANSWER_MAX = Duration.ofSeconds(3);
  private static final Duration LOOK_EVERY = Duration.ofMillis(100);
  private static final Duration LEFTOVER_MAX = Duration.ofSeconds(30);

  /** How a role's process is started, for its data directory. */
  public interface Program extends Function<Path, List<String>> {}

  /** Servers that outlive a first process which is killed. */
  private static final Set<String> LEFT = Set.of("nginx", "redis");

  private final Path folder;
  private final ClusterPlan plan;
  private final Program program;
  private final String listen;
  private final Consumer<String> progress;
  private final Instant startedAt = Instant.now();
  private final Map<Member, Supervised> members = new LinkedHashMap<>();
  private final HttpClient http =
      HttpClient.newBuilder()
          .connectTimeout(ANSWER_MAX)
          .version(HttpClient.Version.HTTP_1_1)
          .build();
  private final List<SupervisedServer> servers = new CopyOnWriteArrayList<>();
  private final List<Watchdog> watchdogs = new ArrayList<>();
  private EmbeddedPostgres postgres;
  private RabbitNode rabbit;
  private RedisNode redis;
  private Supervised nginx;
  private volatile boolean closing;

  private Cluster(
      Path folder, ClusterPlan plan, Program program, String listen, Consumer<String> progress) {
    this.folder = folder;
    this.plan = plan;
    this.program = program;
    this.listen = listen;
    this.progress = progress;
  }

  /**
   * Starts everything and returns when the gateway answers.
   *
   * @param folder owned by the caller, absolute
   * @param listen the gateway's host and port
   * @param progress is told what has been done
   * @throws NginxNode.NotInstalled without nginx
   * @throws RabbitNode.NotInstalled without RabbitMQ, where it is needed
   */
  public static Cluster up(
      Path folder, ClusterPlan plan, Program program, String listen, Consumer<String> progress) {
    NginxNode.remove(folder.resolve("nginx"));
    requireFree(listen);
    if (plan.async()) {
      RabbitNode.requireAvailable();
    }
    var cluster = new Cluster(folder, plan, program, listen, progress);
    try {
      cluster.start();
      return cluster;
    } catch (RuntimeException e) {
      cluster.close();
      throw e;
    }
  }

  /** Else whoever answers there would be taken for the gateway. */
  private static void requireFree(String listen) {
    int colon = listen.lastIndexOf(':');
    var port = Integer.parseInt(listen.substring(colon + 1));
    try (var socket = new ServerSocket()) {
      socket.setReuseAddress(true);
      socket.bind(new InetSocketAddress(listen.substring(0, colon), port));
    } catch (IOException e) {
      throw new UncheckedIOException(
          new BindException("Cannot listen on " + listen + ": the port is taken or not allowed."));
    }
  }

  private void start() {
    ClusterState.read(folder).ifPresent(Cluster::endLeftovers);
    postgres = EmbeddedPostgres.start(folder, plan.connectionsMax());
    supervise("postgres", postgres);
    progress.accept("PostgreSQL, port " + postgres.port());
    // Every request may ask to be answered with 202, whatever the default is.
    startRabbit();
    startRedis();
    for (var member : plan.members()) {
      var database = database(member);
      members.put(
          member,
          new Supervised(
              member.name(),
              log(member),
              () -> launch(member, database),
              Process::destroy,
              this::tell));
    }
    awaitAll(plan.members());
    var config = NginxNode.write(plan.gateway(listen, folder.resolve("nginx")));
    nginx =
        new Supervised(
            "nginx",
            folder.resolve("nginx").resolve("nginx.out"),
            () -> launchGateway(config),
            process -> NginxNode.quit(config),
            this::tell);
    awaitAnswer("nginx", url().resolve("/health/ready"));
    progress.accept("nginx at " + url());
    watchdogs.add(watchdog("nginx", nginx, url(), plan.silenceMax()));
    members.forEach(
        (member, process) ->
            watchdogs.add(watchdog(member.name(), process, member.url(), READY_MAX)));
    servers.forEach(server -> watchdogs.add(server.watchdog(plan.silenceMax())));
    tell();
  }

  private void supervise(String name, ServerNode node) {
    servers.add(new SupervisedServer(name, node, this::tell));
  }

  private Watchdog watchdog(String name, Supervised process, URI url, Duration startMax) {
    var alive = url.resolve("/health/live");
    var silence = new Silence(startMax, plan.silenceMax());
    return new Watchdog(name, process::pid, () -> answers(alive), process::kill, silence);
  }

  private void startRabbit() {
    if (!RabbitNode.isAvailable()) {
      return;
    }
    try {
      rabbit = RabbitNode.start(folder.resolve("rabbitmq"), "");
      supervise("rabbitmq", rabbit);
      progress.accept("RabbitMQ");
    } catch (IllegalStateException e) {
      if (plan.async()) {
        throw e;
      }
      progress.accept("without RabbitMQ: " + e.getMessage());
    }
  }

  /** A Docker that answers may still have no image, or another network: it is done without. */
  private void startRedis() {
    if (!RedisNode.isAvailable()) {
      return;
    }
    try {
      redis = RedisNode.start(folder.resolve("redis"), "");
      supervise("redis", redis);
      progress.accept("Redis, port " + redis.port());
    } catch (IllegalStateException e) {
      progress.accept("without Redis: " + e.getMessage());
    }
  }

  /** Of a cluster whose first process was killed: they would hold their folders and ports. */
  private static void endLeftovers(ClusterState killed) {
    var left =
        killed.processes().stream()
            // PostgreSQL is used again; RabbitMQ has ended with whoever started it.
            .filter(process -> process.name().contains("/") || LEFT.contains(process.name()))
            .flatMap(process -> process.handle().stream())
            .toList();
    for (var process : left) {
      process.descendants().forEach(ProcessHandle::destroy);
      process.destroy();
    }
    for (var process : left) {
      try {
        process.onExit().get(LEFTOVER_MAX.toMillis(), TimeUnit.MILLISECONDS);
      } catch (ExecutionException | TimeoutException e) {
        process.destroyForcibly();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        return;
      }
    }
  }

  private ClusterPlan.Database database(Member member) {
    var login = postgres.database(member.role());
    if (member.role().equals("payments")) {
      postgres.database(ClusterPlan.SANDBOX, member.role());
    }
    return new ClusterPlan.Database(
        login.url().replace("/" + member.role(), "/{role}"),
        login.password(),
        folder.resolve("keys"));
  }

  private Process launch(Member member, ClusterPlan.Database database) {
    var dataDir = folder.resolve(member.folder());
    var builder = new ProcessBuilder(program.apply(dataDir));
    builder.environment().keySet().removeIf(name -> name.startsWith("FLASHSALE_"));
    var broker = Optional.ofNullable(rabbit).map(RabbitNode::url);
    builder.environment().putAll(plan.environment(member, database, broker));
    if (redis != null) {
      builder.environment().put("FLASHSALE_REDIS_URL", redis.url());
    }
    return start(builder, log(member));
  }

  private Path log(Member member) {
    return folder.resolve(member.folder() + ".log");
  }

  private Process launchGateway(Path config) {
    try {
      return NginxNode.launch(config, folder.resolve("nginx").resolve("nginx.out"));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static Process start(ProcessBuilder builder, Path log) {
    try {
      var process =
          builder
              .redirectErrorStream(true)
              .redirectOutput(ProcessBuilder.Redirect.appendTo(log.toFile()))
              .start();
      process.getOutputStream().close();
      return process;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private void awaitAll(List<Member> all) {
    try (var threads = Executors.newVirtualThreadPerTaskExecutor()) {
      var waiting = new ArrayList<Future<?>>();
      for (var member : all) {
        waiting.add(
            threads.submit(
                () -> {
                  awaitAnswer(member.name(), member.url().resolve("/health/ready"));
                  progress.accept(member.name());
                }));
      }
      for (var one : waiting) {
        one.get();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted while the roles start", e);
    } catch (ExecutionException e) {
      throw new IllegalStateException(e.getCause().getMessage(), e);
    }
  }

  private void awaitAnswer(String name, URI health) {
    long deadline = System.nanoTime() + READY_MAX.toNanos();
    while (!answers(health)) {
      if (System.nanoTime() > deadline || closing) {
        throw new IllegalStateException(
            name + " is not ready; its log is " + folder.resolve(name.replace('/', '-') + ".log"));
      }
      LockSupport.parkNanos(LOOK_EVERY.toNanos());
    }
  }

  private boolean answers(URI health) {
    try {
      var request = HttpRequest.newBuilder(health).timeout(ANSWER_MAX).build();
      return http.send(request, BodyHandlers.discarding()).statusCode() == 200;
    } catch (IOException e) {
      return false;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return false;
    }
  }

  /** Where clients find it. */
  public URI url() {
    return URI.create("http://" + listen);
  }

  /** Writes down what runs, for the commands beside. */
  private synchronized void tell() {
    if (!closing && nginx != null) {
      state().write(folder);
    }
  }

  /** What runs now. */
  public synchronized ClusterState state() {
    var running = new ArrayList<Running>();
    servers.forEach(server -> running.add(server.running()));
    members.forEach(
        (member, process) ->
            running.add(
                Running.of(member.name(), process.pid(), member.url(), process.restarts())));
    running.add(Running.of("nginx", nginx.pid(), url().getPort(), nginx.restarts()));
    return new ClusterState(ProcessHandle.current().pid(), startedAt, url(), plan.async(), running);
  }

  /** Stops everything, those first who ask the others. */
  @Override
  public void close() {
    closing = true;
    watchdogs.forEach(Watchdog::close);
    if (nginx != null) {
      nginx.close();
      NginxNode.remove(folder.resolve("nginx"));
    }
    var all = new ArrayList<>(members.values()).reversed();
    try (var threads = Executors.newVirtualThreadPerTaskExecutor()) {
      all.forEach(member -> threads.execute(member::close));
    }
    List.copyOf(servers).reversed().forEach(SupervisedServer::close);
    http.close();
    ClusterState.forget(folder);
  }
}
