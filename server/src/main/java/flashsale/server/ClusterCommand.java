package flashsale.server;

import ch.qos.logback.classic.Level;
import flashsale.cluster.ClusterPlan;
import flashsale.cluster.ClusterState;
import flashsale.cluster.ClusterState.Running;
import flashsale.cluster.NginxNode;
import flashsale.platform.json.Json;
import flashsale.platform.persistence.EmbeddedPostgres;
import java.io.File;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** The separate services on one machine, as real processes. */
@Command(
    name = "cluster",
    description = {
      "Runs the roles as separate services on this machine: nginx, each role so many times,",
      "PostgreSQL with a database for each role, and, where they are installed, RabbitMQ for requests",
      "that nobody waits for and Redis for what the processes share.",
      "What ends before it should, or hangs, is started again. Other commands find the cluster by its",
      "--data-dir: flashsale sale create FILE --data-dir data/cluster"
    })
final class ClusterCommand implements Runnable {
  private static final Duration LOOK_EVERY = Duration.ofSeconds(1);
  private static final Duration POLL = Duration.ofMillis(100);
  private static final Duration UP_MAX = Duration.ofMinutes(4);
  private static final Duration DOWN_MAX = Duration.ofMinutes(2);
  private static final Duration AGAIN_MAX = Duration.ofMinutes(2);

  /** What was sent to a leaving process before nginx heard of it is answered meanwhile. */
  private static final Duration GATEWAY_PAUSE = Duration.ofMillis(500);

  private static final int LOG_LINES = 40;

  /** Where the cluster is. */
  static final class Place {
    @Option(
        names = "--data-dir",
        paramLabel = "DIR",
        defaultValue = "data/cluster",
        description = "Where everything of the cluster is kept (default: ${DEFAULT-VALUE}).")
    private Path folder;

    Path folder() {
      return folder.toAbsolutePath();
    }

    /**
     * The cluster that runs there.
     *
     * @throws CommandFailure UNREACHABLE if there is none
     */
    ClusterState running() {
      return ClusterState.read(folder)
          // Who holds the folder is asked, not only whether some process has that pid.
          .filter(
              state ->
                  ShopFolder.server(folder)
                      .filter(server -> server.pid() == state.supervisor())
                      .isPresent())
          .orElseThrow(
              () ->
                  new CommandFailure(
                      ExitCode.UNREACHABLE,
                      "No cluster runs on %s. Start one: flashsale cluster up".formatted(folder)));
    }
  }

  @Spec private CommandSpec spec;

  @Command(
      name = "up",
      description = "Starts everything and shows what it does, until Ctrl-C stops it.")
  int up(
      @Mixin Place place,
      @Option(
              names = "--replicas",
              paramLabel = "N",
              defaultValue = "1",
              description = "Processes of each role (default: ${DEFAULT-VALUE}).")
          int replicas,
      @Option(
              names = "--architecture",
              paramLabel = "sync|async",
              defaultValue = "sync",
              description =
                  "How requests are answered that do not say (default: ${DEFAULT-VALUE}). async"
                      + " needs a RabbitMQ.")
          String architecture,
      @Option(
              names = "--port",
              paramLabel = "PORT",
              defaultValue = "8080",
              description = "The gateway's port; 0: any free one (default: ${DEFAULT-VALUE}).")
          int port,
      @Option(names = "--detach", description = "Returns as soon as it runs; see cluster down.")
          boolean detach)
      throws IOException {
    if (replicas < 1 || replicas > ClusterPlan.REPLICAS_MAX) {
      throw wrong("--replicas must be from 1 to " + ClusterPlan.REPLICAS_MAX + ".");
    }
    if (!architecture.equals("sync") && !architecture.equals("async")) {
      throw wrong("--architecture must be sync or async, not " + architecture + ".");
    }
    if (port < 0 || port > 65_535) {
      throw wrong("--port must be from 0 to 65535.");
    }
    if (detach) {
      return detached(place, replicas, architecture, port);
    }
    boolean async = architecture.equals("async");
    try (var stop = new StopSignal();
        var directory = ShopFolder.open(place.folder());
        var logging = Logging.toFiles(directory.logs(), log(), Level.WARN);
        var running =
            RunningCluster.up(directory, replicas, async, port, done -> say("up  %s", done))) {
      say("Ready at %s; Ctrl-C stops everything%n", running.url());
      watch(() -> running.cluster().state(), stop);
      say("%nStopping …");
    }
    return ExitCode.OK.code();
  }

  private static Config.Log log() {
    return new ConfigReader().read().config().log();
  }

  private ParameterException wrong(String why) {
    return new ParameterException(spec.commandLine(), why);
  }

  private int detached(Place place, int replicas, String architecture, int port)
      throws IOException {
    var arguments =
        List.of(
            "cluster",
            "up",
            "--data-dir",
            place.folder().toString(),
            "--replicas",
            Integer.toString(replicas),
            "--architecture",
            architecture,
            "--port",
            Integer.toString(port));
    var command = new ArrayList<String>();
    if (Files.isExecutable(Path.of("/usr/bin/setsid"))) {
      command.add("/usr/bin/setsid"); // So that it outlives the terminal.
    }
    command.addAll(JavaProgram.command(List.of("-Xmx128m", "-XX:+UseSerialGC"), arguments));
    Files.createDirectories(place.folder().getParent());
    var log = Files.createTempFile("flashsale-cluster", ".log");
    var process =
        new ProcessBuilder(command)
            .redirectErrorStream(true)
            .redirectOutput(log.toFile())
            .redirectInput(ProcessBuilder.Redirect.from(new File("/dev/null")))
            .start();
    boolean up =
        waited(
            UP_MAX,
            () ->
                !process.isAlive()
                    || ClusterState.read(place.folder())
                        .filter(state -> state.supervisor() == process.pid())
                        .isPresent());
    if (!up || !process.isAlive()) {
      process.destroy();
      var said = Files.readString(log).strip();
      Files.delete(log);
      var code = !up || process.exitValue() == 0 ? 1 : process.exitValue();
      throw new CommandFailure(
          ExitCode.of(code),
          said.isEmpty() ? "It does not start." : said.replace("flashsale: ", ""));
    }
    Files.move(log, place.folder().resolve("up.log"), StandardCopyOption.REPLACE_EXISTING);
    var state = place.running();
    say("%s", table(state));
    say("Runs in the background; flashsale cluster down stops it.");
    return ExitCode.OK.code();
  }

  @Command(name = "status", description = "Shows the processes and what they use.")
  int status(
      @Mixin Place place,
      @Option(names = "--watch", description = "Again every second, until Ctrl-C.") boolean watch,
      @Option(names = "--json", description = "As JSON, without what they use.") boolean json) {
    var state = place.running();
    if (json) {
      say("%s", Json.text(state));
    } else if (watch) {
      try (var stop = new StopSignal()) {
        watch(place::running, stop);
      }
    } else {
      say("%s", table(state));
    }
    boolean all = state.processes().stream().allMatch(ClusterCommand::isUp);
    return (all ? ExitCode.OK : ExitCode.FAILED).code();
  }

  private static boolean isUp(Running process) {
    return process.handle().isPresent();
  }

  /** With rates, which takes two looks. */
  private static String table(ClusterState state) {
    try (var table = new ClusterTable()) {
      table.look(state);
      LockSupport.parkNanos(LOOK_EVERY.toNanos());
      return table.look(state);
    }
  }

  /** On a terminal the table stays in its place; elsewhere it is shown once. */
  @SuppressWarnings("SystemConsoleNull") // Java 25 gives null again where there is no terminal.
  private void watch(Supplier<ClusterState> state, StopSignal stop) {
    var console = System.console();
    boolean terminal = console != null && console.isTerminal();
    try (var table = new ClusterTable()) {
      var text = table.look(state.get());
      if (!terminal) {
        stop.await();
        return;
      }
      do {
        say("%s", text.stripTrailing());
        long lines = text.stripTrailing().lines().count();
        if (stop.await(LOOK_EVERY)) {
          return;
        }
        text = table.look(state.get());
        spec.commandLine().getOut().print("\033[" + lines + "A\033[J");
      } while (true);
    }
  }

  @Command(name = "logs", description = "Shows the end of a process's log, or says where all are.")
  int logs(
      @Mixin Place place,
      @Parameters(
              paramLabel = "ROLE/N",
              arity = "0..1",
              description =
                  "Such as inventory/1, nginx, postgres, rabbitmq, redis; none: where they are.")
          String name) {
    if (name == null) {
      say(
          "%s",
          "The roles' logs are %s/ROLE-N/logs and ROLE-N.log beside.".formatted(place.folder()));
      return ExitCode.OK.code();
    }
    var files = logFiles(place.folder(), name).stream().filter(Files::exists).toList();
    if (files.isEmpty()) {
      throw new CommandFailure(
          ExitCode.FAILED, "There is no log of %s in %s.".formatted(name, place.folder()));
    }
    for (var file : files) {
      say("==> %s <==", file);
      tail(file).forEach(line -> say("%s", line));
    }
    return ExitCode.OK.code();
  }

  private List<Path> logFiles(Path folder, String name) {
    return switch (name) {
      case "nginx" -> List.of(folder.resolve("nginx/nginx.out"), folder.resolve("nginx/error.log"));
      case "postgres" -> List.of(folder.resolve("postgres/postgres.log"));
      case "redis" -> List.of(folder.resolve("redis/redis.log"));
      case "rabbitmq" ->
          List.of(folder.resolve("rabbitmq/server.log"), folder.resolve("rabbitmq/log/broker.log"));
      default -> {
        var member = name.replace('/', '-');
        if (!member.matches("[a-z]+-\\d+")) {
          throw wrong(name + " is no process; see cluster status.");
        }
        yield List.of(
            folder.resolve(member + ".log"), folder.resolve(member).resolve("logs/flashsale.log"));
      }
    };
  }

  private static List<String> tail(Path file) {
    try {
      var lines = Files.readAllLines(file);
      return lines.subList(Math.max(0, lines.size() - LOG_LINES), lines.size());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Command(
      name = "restart",
      description = {
        "Stops and starts the processes of roles, one of each at a time: the gateway sends a process",
        "nothing new before it is told to stop, so with --replicas 2 nobody notices. Servers, of which",
        "there is one each, are away for a few seconds."
      })
  int restart(
      @Mixin Place place,
      @Parameters(
              paramLabel = "ROLE|SERVER",
              arity = "1..*",
              description =
                  "Such as inventory; several roles at the same time; all roles: all. Servers are"
                      + " postgres, rabbitmq, redis and nginx.")
          List<String> names) {
    var state = place.running();
    var chosen = names.equals(List.of("all")) ? ClusterPlan.ROLES : names;
    for (var name : chosen) {
      requireKnown(state, name);
    }
    try (var stop = new StopSignal()) { // Else Ctrl-C would leave the gateway without some of them.
      for (var server : ClusterPlan.SERVERS) {
        if (chosen.contains(server)) {
          restart(place, state.named(server).getFirst(), stop);
        }
      }
      var roles = ClusterPlan.ROLES.stream().filter(chosen::contains).toList();
      int replicas = roles.stream().mapToInt(role -> state.named(role).size()).max().orElse(0);
      for (int number = 1; number <= replicas && !stop.await(Duration.ZERO); number++) {
        int which = number;
        restart(
            place,
            state,
            roles.stream().flatMap(one -> state.named(one + "/" + which).stream()).toList(),
            stop);
      }
      return (stop.await(Duration.ZERO) ? ExitCode.FAILED : ExitCode.OK).code();
    }
  }

  private void requireKnown(ClusterState state, String name) {
    if (ClusterPlan.SERVERS.contains(name)) {
      if (state.named(name).isEmpty()) {
        throw wrong(name + " is no process of it; see cluster status.");
      }
    } else if (!ClusterPlan.ROLES.contains(name)) {
      throw wrong(
          "There is no role %s, only all, %s; and the servers %s."
              .formatted(
                  name,
                  String.join(", ", ClusterPlan.ROLES),
                  String.join(", ", ClusterPlan.SERVERS)));
    }
  }

  /** A server ends in good order; whoever looks after it starts it again. */
  private void restart(Place place, Running server, StopSignal stop) {
    if (stop.await(Duration.ZERO)) {
      return;
    }
    if (server.name().equals("postgres")) { // At SIGTERM it would wait for its clients to leave.
      EmbeddedPostgres.askToEnd(place.folder());
    } else {
      server.handle().ifPresent(ProcessHandle::destroy);
    }
    awaitBack(server, stop, () -> isBackAsServer(place, server));
  }

  private static boolean isBackAsServer(Place place, Running server) {
    var state = place.running();
    return state.named(server.name()).stream().anyMatch(now -> now.restarts() > server.restarts())
        && (!server.name().equals("nginx") || isReady(state.gateway()));
  }

  private void awaitBack(Running process, StopSignal stop, BooleanSupplier back) {
    if (!waited(AGAIN_MAX, () -> stop.await(Duration.ZERO) || back.getAsBoolean())) {
      throw new CommandFailure(
          ExitCode.FAILED,
          process.name() + " does not come back; see cluster logs " + process.name());
    }
    if (!stop.await(Duration.ZERO)) {
      say("restarted %s", process.name());
    }
  }

  /** One process of each role at the same time; the others go on. */
  private void restart(Place place, ClusterState state, List<Running> leaving, StopSignal stop) {
    try {
      NginxNode.reload(NginxNode.write(state.gateway(place.folder(), leaving)));
      if (stop.await(GATEWAY_PAUSE)) {
        return;
      }
      for (var process : leaving) {
        process.handle().ifPresent(ProcessHandle::destroy);
      }
      for (var process : leaving) {
        awaitBack(process, stop, () -> isBack(place, process));
      }
    } finally {
      NginxNode.reload(NginxNode.write(state.gateway(place.folder(), List.of())));
    }
  }

  private static boolean isBack(Place place, Running process) {
    return place.running().named(process.name()).stream()
        .anyMatch(now -> now.pid() != process.pid() && isReady(now.url()));
  }

  private static boolean isReady(URI url) {
    try (var http = HttpClient.newHttpClient()) {
      var request =
          HttpRequest.newBuilder(url.resolve("/health/ready"))
              .timeout(Duration.ofSeconds(2))
              .build();
      return http.send(request, BodyHandlers.discarding()).statusCode() == 200;
    } catch (IOException e) {
      return false;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return false;
    }
  }

  @Command(
      name = "kill",
      description = "Ends a process as a crash would (SIGKILL); it is started again by itself.")
  int kill(
      @Mixin Place place,
      @Parameters(
              paramLabel = "ROLE/N",
              description = "Such as inventory/1, or nginx, postgres, rabbitmq, redis.")
          String name) {
    var found = place.running().processes().stream().filter(p -> p.name().equals(name)).findFirst();
    if (found.isEmpty()) {
      throw wrong(name + " is no process of it; see cluster status.");
    }
    boolean killed = found.get().handle().filter(ProcessHandle::destroyForcibly).isPresent();
    say(killed ? "killed %s" : "%s was not running", name);
    return ExitCode.OK.code();
  }

  @Command(name = "down", description = "Stops everything; the data stay.")
  int down(@Mixin Place place) {
    var state = place.running();
    var supervisor = ProcessHandle.of(state.supervisor());
    supervisor.ifPresent(ProcessHandle::destroy);
    if (!waited(DOWN_MAX, () -> supervisor.filter(ProcessHandle::isAlive).isEmpty())) {
      throw new CommandFailure(
          ExitCode.FAILED, "Process " + state.supervisor() + " does not end; see its folder.");
    }
    say("stopped");
    return ExitCode.OK.code();
  }

  private static boolean waited(Duration most, BooleanSupplier done) {
    long deadline = System.nanoTime() + most.toNanos();
    while (!done.getAsBoolean()) {
      if (System.nanoTime() > deadline) {
        return false;
      }
      LockSupport.parkNanos(POLL.toNanos());
    }
    return true;
  }

  private void say(String format, Object... values) {
    PrintWriter out = spec.commandLine().getOut();
    out.printf(format + "%n", values);
    out.flush();
  }

  @Override
  public void run() {
    throw wrong("Which command? up, status, logs, restart, kill or down");
  }
}
