package flashsale.lab;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import flashsale.platform.json.Json;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class BenchTest {
  @TempDir private Path folder;
  private int runs;
  private final List<String> started = new ArrayList<>();
  private final List<Integer> filled = new ArrayList<>();

  /** Tiny shops in this process; one that was there before is found again by its data directory. */
  private final class TinyShops implements BenchEnvironment {
    private final TinyShop.Fault[] faults;
    private final Map<String, TinyShop> byFolder = new HashMap<>();

    TinyShops(TinyShop.Fault... faults) {
      this.faults = faults;
    }

    @Override
    public Server start(Path dataDir, List<String> jvmFlags, Optional<String> broker) {
      assertThat(jvmFlags).containsExactly("-Xmx256m", "-XX:+UseParallelGC");
      long spawnedAt = System.nanoTime();
      started.add(dataDir.getFileName() + broker.map(url -> " with " + url).orElse(""));
      var mark = dataDir.resolve("shop");
      try {
        Files.createDirectories(dataDir);
        if (!Files.exists(mark)) {
          Files.writeString(mark, "of " + dataDir);
          byFolder.put(Files.readString(mark), new TinyShop(faults));
        }
        return new TinyServer(byFolder.get(Files.readString(mark)), spawnedAt);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }

    @Override
    public void requireServices() {
      started.add("required");
    }

    @Override
    public Services startServices(Path dataDir, int inventories) {
      var server = start(dataDir, List.of("-Xmx256m", "-XX:+UseParallelGC"), Optional.empty());
      return new TinyServices((TinyServer) server, inventories + " inventories");
    }

    @Override
    public void fill(Server server, int reservations) {
      filled.add(reservations);
    }
  }

  private record TinyServer(TinyShop shop, long spawnedAtNanoTime)
      implements BenchEnvironment.Server {
    @Override
    public URI url() {
      return shop.url();
    }

    @Override
    public long pid() {
      return ProcessHandle.current().pid();
    }

    @Override
    public BenchEnvironment.Login operator() {
      return TinyShop.OPERATOR;
    }

    @Override
    public BenchEnvironment.Database database() {
      throw new UnsupportedOperationException("no naive peer here");
    }

    @Override
    public Map<String, Long> reservations(UUID from, UUID to) {
      return shop.states(from, to);
    }

    @Override
    public void kill() {}

    /** Stays up: its copies are the same shop. */
    @Override
    public void close() {}
  }

  /** The tiny shop once more; what hangs it remembers. */
  private final class TinyServices implements BenchEnvironment.Services {
    private final TinyServer server;

    TinyServices(TinyServer server, String what) {
      this.server = server;
      started.add(what);
    }

    @Override
    public URI still(byte[] body) {
      assertThat(body).isNotEmpty();
      return url().resolve("/bench/noop");
    }

    @Override
    public void hang(String role, boolean hangs) {
      started.add(role + (hangs ? " hangs" : " goes on"));
    }

    @Override
    public URI url() {
      return server.url();
    }

    @Override
    public long pid() {
      return server.pid();
    }

    @Override
    public long spawnedAtNanoTime() {
      return server.spawnedAtNanoTime();
    }

    @Override
    public BenchEnvironment.Login operator() {
      return server.operator();
    }

    @Override
    public BenchEnvironment.Database database() {
      return server.database();
    }

    @Override
    public Map<String, Long> reservations(UUID from, UUID to) {
      return server.reservations(from, to);
    }

    @Override
    public void kill() {}

    @Override
    public void close() {}
  }

  private Bench.Options options(boolean strict, String... only) {
    return options(Optional.of("amqp://127.0.0.1:1"), strict, only);
  }

  private Bench.Options options(Optional<String> broker, boolean strict, String... only) {
    return new Bench.Options(
        List.of(only),
        folder.resolve("figures.json"),
        3,
        Duration.ofMillis(100),
        Duration.ofMillis(50),
        4,
        true,
        5,
        1_000,
        300,
        List.of(3, 6),
        broker,
        strict,
        folder.resolve("run " + runs++));
  }

  private String run(Bench.Options options, TinyShops shops, int exitCode) throws IOException {
    var out = new ByteArrayOutputStream();
    var print = new PrintStream(out, true, StandardCharsets.UTF_8);
    try {
      assertThat(Bench.run(options, shops, print)).isEqualTo(exitCode);
    } finally {
      shops.byFolder.values().forEach(TinyShop::close);
    }
    return out.toString(StandardCharsets.UTF_8);
  }

  @Test
  void everyFigureIsMeasuredAsOftenAsAskedAndWrittenDown() throws IOException {
    var names =
        List.of(
            "hot-reservation/noop",
            "refusal/noop",
            "sale-read/noop",
            "hot-reservation full/empty",
            "start",
            "memory");

    var text = run(options(false, names.toArray(String[]::new)), new TinyShops(), 0);

    assertThat(text).contains("round 3/3", "verdict").contains(names);
    var json = Json.tolerant().readTree(Files.readString(folder.resolve("figures.json")));
    assertThat(json).extracting(f -> f.get("name").asText()).containsExactlyElementsOf(names);
    assertThat(json)
        .allSatisfy(
            f -> {
              assertThat(f.get("rounds")).hasSize(3);
              assertThat(f.get("value").asDouble()).isPositive();
              assertThat(f.has("unit") && f.has("bar")).isTrue();
            });
    assertThat(filled).containsExactly(1_000);
  }

  @Test
  void whatIsAcceptedIsMeasuredToItsEnd() throws IOException {
    var text = run(options(false, Bench.ASYNC_NAMES.toArray(String[]::new)), new TinyShops(), 0);

    assertThat(text)
        .contains("round 3/3", "verdict", "3 customers: ", "6, RabbitMQ: ")
        .contains(Bench.ASYNC_NAMES);
    assertThat(started)
        .containsExactly(
            "template",
            "accepting",
            "rabbit with amqp://127.0.0.1:1",
            "backlog",
            "backlog-rabbit with amqp://127.0.0.1:1");
    var figures = new HashMap<String, JsonNode>();
    for (var f : Json.tolerant().readTree(Files.readString(folder.resolve("figures.json")))) {
      figures.put(f.get("name").asText(), f);
    }
    assertThat(figures.keySet()).containsExactlyInAnyOrderElementsOf(Bench.ASYNC_NAMES);
    for (var rated : List.of("async-rabbitmq/direct", "async-local/direct", "async-p95")) {
      assertThat(figures.get(rated).get("rounds")).as(rated).hasSize(3);
      assertThat(figures.get(rated).get("value").asDouble()).as(rated).isPositive();
      assertThat(figures.get(rated).get("behind")).as(rated).hasSize(2);
    }
    var backlog = figures.get("async-backlog");
    assertThat(backlog.get("unit").asText()).isEqualTo("/s");
    assertThat(backlog.get("value").asDouble()).isPositive();
    assertThat(backlog.get("bar").isNull()).isTrue();
    assertThat(backlog.get("comparison").asText()).isEqualTo("shown");
    assertThat(backlog.get("behind").get("drained, RabbitMQ")).hasSize(3);
    var failures = figures.get("async-failures");
    assertThat(failures.get("value").asDouble()).isZero();
    assertThat(failures.get("rounds")).hasSize(4);
    assertThat(failures.get("behind").get("6 customers").get(0).asDouble()).isPositive();
  }

  @Test
  void separateServicesAreMeasuredAgainstOneProcessAndWhileOneOfThemHangs() throws IOException {
    var text = run(options(false, Bench.CLUSTER_NAMES.toArray(String[]::new)), new TinyShops(), 0);

    assertThat(text)
        .contains(Bench.CLUSTER_NAMES)
        .contains("3 customers, async: p95", " 0 failures");
    assertThat(started.subList(0, 11))
        .containsExactly(
            "required",
            "template",
            "whole",
            "split",
            "1 inventories",
            "one",
            "1 inventories",
            "two",
            "2 inventories",
            "services",
            "1 inventories");
    assertThat(started.subList(11, started.size()))
        .hasSize(8)
        .startsWith("payments hangs", "payments goes on", "payments hangs");
    var figures = new HashMap<String, JsonNode>();
    for (var f : Json.tolerant().readTree(Files.readString(folder.resolve("figures.json")))) {
      figures.put(f.get("name").asText(), f);
    }
    assertThat(figures.keySet()).containsExactlyInAnyOrderElementsOf(Bench.CLUSTER_NAMES);
    for (var name : Bench.CLUSTER_NAMES.subList(0, 4)) {
      assertThat(figures.get(name).get("rounds")).as(name).hasSize(3);
      assertThat(figures.get(name).get("value").asDouble()).as(name).isPositive();
    }
    assertThat(figures.get("journey").get("value").asDouble()).isZero();
    assertThat(figures.get("journey").get("behind").get("6 customers, sync").get(0).asDouble())
        .isPositive();
  }

  @Test
  void whereNothingNeedsABrokerNoneIsUsed() throws IOException {
    var options = options(Optional.empty(), false, "async-p95", "async-failures");
    var text = run(options, new TinyShops(), 0);

    assertThat(text).doesNotContain("RabbitMQ", "hot-reservation");
    assertThat(started).containsExactly("template", "accepting");
  }

  @Test
  void aBrokerThatIsNamedIsUsed() throws IOException {
    var text = run(options(false, "async-backlog"), new TinyShops(), 0);

    assertThat(text).contains("round 3/3 async-backlog, RabbitMQ");
    assertThat(started)
        .containsExactly("template", "backlog", "backlog-rabbit with amqp://127.0.0.1:1");
  }

  @Test
  void oneFailureInACrowdIsNotOutvoted() throws IOException {
    var text = run(options(true, "async-failures"), new TinyShops(TinyShop.Fault.WRONG_TOTALS), 1);

    assertThat(text).containsPattern("async-failures +[1-9]").contains("missed by");
  }

  @Test
  void aCustomerWhoCannotPayIsAFailureOfTheJourney() throws IOException {
    var text = run(options(true, "journey"), new TinyShops(TinyShop.Fault.KNOWS_NO_ORDERS), 1);

    assertThat(text)
        .containsPattern("[1-6] × NOT_PAID")
        .containsPattern("journey +[1-9]")
        .contains(" 0 paid", "missed by");
  }

  @Test
  void whatIsAcceptedAndLostMakesTheRoundVoid() {
    assertThatThrownBy(
            () ->
                run(options(false, "async-backlog"), new TinyShops(TinyShop.Fault.LOSES_UNITS), 0))
        .isInstanceOf(BenchShop.Failed.class)
        .hasMessageContaining("reservations were accepted, but of");
  }

  @Test
  void fullAndEmptyTakeTurnsAndEachRoundStartsItsServerAnew() throws IOException {
    run(options(false, "hot-reservation full/empty"), new TinyShops(), 0);

    assertThat(started)
        .containsExactly("template", "full", "empty", "full", "full", "empty", "empty", "full");
  }

  @Test
  void onlyWhatWasAskedForIsMeasured() throws IOException {
    var text = run(options(false, "sale-read/noop"), new TinyShops(), 0);

    assertThat(text).contains("sale-read", "noop GET").doesNotContain("hot-reservation", "POST");
    assertThat(started).containsExactly("template", "shares");
  }

  @Test
  void aMissedBarIsAFailureOnlyIfStrict() throws IOException {
    // This process has more than 400 MiB only if the bar is missed; either way both must agree.
    var lenient = run(options(false, "memory"), new TinyShops(), 0);
    boolean missed = lenient.contains("missed by");

    run(options(true, "memory"), new TinyShops(), missed ? 1 : 0);
  }

  @Test
  void aRoundThatTheAuditFaultsIsVoid() {
    assertThatThrownBy(
            () -> run(options(false, "memory"), new TinyShops(TinyShop.Fault.FAILS_ITS_AUDIT), 0))
        .isInstanceOf(BenchShop.Failed.class)
        .hasMessageContaining("BREACH");
  }

  @Test
  void aRoundAfterWhichUnitsAreMissingIsVoid() {
    assertThatThrownBy(
            () -> run(options(false, "memory"), new TinyShops(TinyShop.Fault.LOSES_UNITS), 0))
        .isInstanceOf(BenchShop.Failed.class)
        .hasMessageContaining("reservations were accepted, but of");
  }

  @Test
  void aServerErrorMakesTheRoundVoid() {
    assertThatThrownBy(
            () -> run(options(false, "memory"), new TinyShops(TinyShop.Fault.FAILS_SOMETIMES), 0))
        .isInstanceOf(Load.Failed.class)
        .hasMessageContaining("expected 201, got 500");
  }

  @Test
  void unknownNamesAreRefusedWithTheKnownOnes() {
    assertThatThrownBy(() -> options(false, "hot"))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("hot-reservation/noop");
  }
}
