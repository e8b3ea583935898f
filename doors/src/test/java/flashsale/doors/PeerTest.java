package flashsale.doors;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import com.sun.net.httpserver.HttpServer;
import flashsale.contracts.Catalog;
import flashsale.contracts.Fact;
import flashsale.platform.batching.Late;
import flashsale.platform.batching.Overloaded;
import flashsale.platform.ids.Ids;
import flashsale.platform.messaging.DeadLetterOffice;
import flashsale.platform.messaging.FailedElsewhere;
import flashsale.platform.messaging.FailureCategory;
import flashsale.platform.metrics.Figures;
import flashsale.platform.metrics.Meters;
import flashsale.platform.net.LoopbackPorts;
import flashsale.platform.time.Deadline;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.slf4j.LoggerFactory;

/** Which failures tell against a peer, and which against the one call only. */
class PeerTest {
  private static final Duration TIMEOUT = Duration.ofSeconds(3);
  private static final byte[] NOTHING = "[]".getBytes(StandardCharsets.UTF_8);

  /** As many as a breaker looks at, twice. */
  private static final int MANY = 10;

  private record Told(int status, String body) {}

  private final HttpClient http = HttpClient.newHttpClient();
  private final Meters meters = new Meters();
  private final List<AutoCloseable> open = new ArrayList<>();
  private final AtomicInteger asked = new AtomicInteger();

  @AfterEach
  void close() throws Exception {
    for (var one : open) {
      one.close();
    }
    http.close();
    meters.close();
  }

  private Peer peer(int concurrencyMax, int... ports) {
    return peer(concurrencyMax, Duration.ofMinutes(1), ports);
  }

  private Peer peer(int concurrencyMax, Duration breakerDelay, int... ports) {
    return new Peer(
        "catalog",
        IntStream.of(ports).mapToObj(port -> URI.create("http://127.0.0.1:" + port)).toList(),
        new ServiceToken(Till.TOKEN),
        new Peer.Settings(TIMEOUT, TIMEOUT, 3, concurrencyMax, breakerDelay),
        http,
        meters);
  }

  /** A process that answers these methods so, and all others with an empty list. */
  private int serve(Map<String, Told> answers) throws IOException {
    var server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 10);
    server.createContext(
        "/",
        exchange -> {
          asked.incrementAndGet();
          exchange.getRequestBody().readAllBytes();
          var path = exchange.getRequestURI().getPath();
          var told =
              answers.getOrDefault(path.substring(path.lastIndexOf('/') + 1), new Told(200, "[]"));
          var body = told.body().getBytes(StandardCharsets.UTF_8);
          exchange.sendResponseHeaders(told.status(), body.length);
          exchange.getResponseBody().write(body);
          exchange.close();
        });
    server.start();
    open.add(() -> server.stop(0));
    return server.getAddress().getPort();
  }

  private double figure(String name) {
    return Figures.of(meters, name);
  }

  @Test
  void callersInAHurryDoNotTellAgainstAPeer() throws Exception {
    var release = new CountDownLatch(1);
    try (var till = new Till(1, facts -> slow(release, facts), 0)) {
      var peer = peer(64, till.port());
      var door = RemoteDoors.of(Catalog.class, peer);
      double limit = figure("flashsale_peer_limit");
      for (int i = 0; i < MANY; i++) {
        var soon = Deadline.in(Duration.ofMillis(60));
        assertThatThrownBy(() -> soon.during(() -> door.apply(List.of(fact()))))
            .isInstanceOf(Late.class);
      }
      assertThat(till.asked.get()).as("those that came in time").isPositive();
      assertThat(peer.state()).isEqualTo("UP");
      assertThat(figure("flashsale_peer_limit")).isEqualTo(limit);
      assertThat(figure("flashsale_peer_retries_total")).isZero();
      release.countDown();
      assertThat(door.apply(List.of(fact()))).hasSize(1);
    }
  }

  private static Fact fact() {
    return new Fact.HoldOverdue(Ids.next(), Instant.parse("2026-01-31T12:00:00Z"));
  }

  private static List<Fact> slow(CountDownLatch release, List<Fact> facts) {
    try {
      release.await();
      return facts;
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  /** The breaker takes whatever is no failure for a success. */
  @Test
  void whoHasNoTimeLeftDoesNotSpeakForAnAddressOnTrial() throws IOException {
    var peer = peer(64, Duration.ofSeconds(1), LoopbackPorts.free());
    var over = Deadline.in(Duration.ofMillis(-1));
    await()
        .until(
            () -> {
              assertThatThrownBy(() -> peer.ask("apply", NOTHING, TIMEOUT))
                  .isInstanceOf(Overloaded.class);
              return peer.state().equals("DOWN");
            });
    await().until(() -> !peer.state().equals("DOWN"));
    assertThatThrownBy(() -> over.during(() -> peer.ask("apply", NOTHING, TIMEOUT)))
        .isInstanceOf(Late.class);
    assertThatThrownBy(() -> peer.ask("apply", NOTHING, TIMEOUT)).isInstanceOf(Overloaded.class);
    assertThat(peer.state()).as("one failure on trial is enough").isEqualTo("DOWN");
  }

  @Test
  void callersInAHurryWhoAreRefusedTheConnectionAreToldSo() throws IOException {
    var peer = peer(64, LoopbackPorts.free());
    var soon = Deadline.in(TIMEOUT.dividedBy(2).minusMillis(1));
    assertThatThrownBy(() -> soon.during(() -> peer.ask("apply", NOTHING, TIMEOUT)))
        .isInstanceOf(Overloaded.class)
        .hasMessageContaining("does not answer");
  }

  @Test
  void aMethodThatNobodyKnowsIsAFaultOfThatCallAlone() throws IOException {
    var peer = peer(64, serve(Map.of("newer", new Told(404, "{}"))));
    for (int i = 0; i < MANY; i++) {
      assertThatThrownBy(() -> peer.ask("newer", NOTHING, TIMEOUT))
          .isInstanceOfSatisfying(
              FailedElsewhere.class, e -> assertThat(e.category()).isEqualTo(FailureCategory.BUG))
          .hasMessageContaining("catalog does not know newer")
          .hasMessageContaining("older version");
    }
    assertThat(asked).as("asked once each").hasValue(MANY);
    assertThat(peer.state()).isEqualTo("UP");
    assertThat(peer.ask("older", NOTHING, TIMEOUT)).isEqualTo(NOTHING);
    assertThat(figure("flashsale_peer_failures_total")).isZero();
  }

  /** A decision that nobody has made may be asked of the next one. */
  @Test
  void whatOneProcessDoesNotKnowIsAskedOfEachOtherOnce() throws IOException {
    var unknown = Map.of("replay", new Told(404, "{}"));
    var peer = peer(64, serve(unknown), serve(Map.of()), serve(unknown));
    for (int i = 0; i < MANY; i++) {
      assertThat(peer.askOnce("replay", NOTHING, TIMEOUT)).isEqualTo(NOTHING);
    }
    assertThat(figure("flashsale_peer_retries_total")).isZero();
    assertThat(peer.state()).isEqualTo("UP");
  }

  @Test
  void whatOnlyProcessesThatAreAwayMayKnowIsAnOutage() throws IOException {
    var peer = peer(64, LoopbackPorts.free(), serve(Map.of("newer", new Told(404, "{}"))));
    await()
        .until(
            () -> {
              assertThat(peer.ask("older", NOTHING, TIMEOUT)).isEqualTo(NOTHING);
              return peer.state().equals("DEGRADED");
            });
    assertThatThrownBy(() -> peer.ask("newer", NOTHING, TIMEOUT)).isInstanceOf(Overloaded.class);
  }

  @Test
  void aBodyThatIsTooLargeIsAFaultOfThatCallAlone() throws IOException {
    var tooLarge = new Told(413, "{\"detail\":\"A body may have 9 bytes at most.\"}");
    var peer = peer(64, serve(Map.of("apply", tooLarge)));
    for (int i = 0; i < MANY; i++) {
      assertThatThrownBy(() -> peer.ask("apply", NOTHING, TIMEOUT))
          .isInstanceOfSatisfying(
              FailedElsewhere.class,
              e -> assertThat(e.category()).isEqualTo(FailureCategory.BAD_INPUT))
          .hasMessageContaining("catalog: A body may have 9 bytes at most.");
    }
    assertThat(asked).as("asked once each").hasValue(MANY);
    assertThat(peer.state()).isEqualTo("UP");
  }

  /** Whose connection is reset while he sends does not hear why. */
  @Test
  void aRealDoorThatRefusesALargeBodyIsHeardAndTakesTheNext() {
    try (var till = new Till(1)) {
      var peer = peer(64, till.port());
      var door = RemoteDoors.of(Catalog.class, peer);
      var facts = Stream.generate(PeerTest::fact).limit(2_000).toList();
      for (int i = 0; i < MANY; i++) {
        assertThatThrownBy(() -> peer.ask("apply", new byte[(1 << 20) + 1], TIMEOUT))
            .isInstanceOf(FailedElsewhere.class)
            .hasMessageContaining("A body may have");
        assertThat(door.apply(facts)).isEqualTo(facts);
      }
      assertThat(peer.state()).isEqualTo("UP");
      assertThat(figure("flashsale_peer_retries_total")).isZero();
    }
  }

  @Test
  void whoIsOverloadedIsAskedLess() throws IOException {
    var full = "{\"code\":\"OVERLOADED\",\"detail\":\"no room\"}";
    var peer = peer(64, serve(Map.of("apply", new Told(503, full))));
    double limit = figure("flashsale_peer_limit");
    assertThat(limit).isPositive();
    assertThatThrownBy(() -> peer.ask("apply", NOTHING, TIMEOUT))
        .isInstanceOf(Overloaded.class)
        .hasMessageContaining("no room");
    assertThat(asked).as("at once again would only press harder").hasValue(1);
    assertThat(figure("flashsale_peer_limit")).isLessThan(limit);
    assertThat(peer.state()).isEqualTo("UP");
  }

  /** It has room, only what it needs has not. */
  @Test
  void anOutageBehindAPeerDoesNotTellAgainstIt() throws IOException {
    var down = "{\"code\":\"DEPENDENCY_DOWN\"}";
    var peer = peer(64, serve(Map.of("apply", new Told(503, down))));
    double limit = figure("flashsale_peer_limit");
    assertThatThrownBy(() -> peer.ask("apply", NOTHING, TIMEOUT)).isInstanceOf(Overloaded.class);
    assertThat(asked).hasValue(1);
    assertThat(figure("flashsale_peer_limit")).isEqualTo(limit);
  }

  @Test
  void callsThatAreNotMadeAreCounted() throws Exception {
    var release = new CountDownLatch(1);
    try (var till = new Till(1, facts -> slow(release, facts), 0);
        var threads = Executors.newVirtualThreadPerTaskExecutor()) {
      var door = RemoteDoors.of(Catalog.class, peer(1, till.port()));
      var first = threads.submit(() -> door.apply(List.of(fact())));
      await().until(() -> till.asked.get() == 1);
      assertThatThrownBy(() -> door.apply(List.of(fact()))).isInstanceOf(Overloaded.class);
      release.countDown();
      assertThat(first.get()).hasSize(1);
    }
    assertThat(figure("flashsale_peer_full_total")).isEqualTo(1);
    assertThat(figure("flashsale_peer_left_alone_total")).isZero();
  }

  @Test
  void callsToWhomIsLeftAloneAreCounted() throws IOException {
    var peer = peer(64, LoopbackPorts.free());
    await()
        .until(
            () -> {
              assertThatThrownBy(() -> peer.ask("apply", NOTHING, TIMEOUT))
                  .isInstanceOf(Overloaded.class);
              return peer.state().equals("DOWN");
            });
    double before = figure("flashsale_peer_left_alone_total");
    assertThatThrownBy(() -> peer.ask("apply", NOTHING, TIMEOUT)).isInstanceOf(Overloaded.class);
    assertThat(figure("flashsale_peer_left_alone_total")).isEqualTo(before + 1);
  }

  @Test
  void aSecretThatIsNotAcceptedIsLoggedOnce() throws IOException {
    var peer = peer(64, serve(Map.of("apply", new Told(401, "{}"))));
    var logger = (Logger) LoggerFactory.getLogger(DoorExchange.class);
    var log = new ListAppender<ILoggingEvent>();
    log.start();
    logger.addAppender(log);
    try {
      for (int i = 0; i < MANY; i++) {
        assertThatThrownBy(() -> peer.ask("apply", NOTHING, TIMEOUT))
            .isInstanceOf(Overloaded.class);
      }
    } finally {
      logger.detachAppender(log);
    }
    assertThat(asked).hasValue(MANY);
    assertThat(log.list).hasSize(1);
    assertThat(log.list.getFirst().getFormattedMessage()).contains("doors.token");
  }

  @Test
  void aDecisionIsAskedForOnceAndAQuestionAgain() throws IOException {
    var away = new Told(502, "");
    var peer = peer(64, serve(Map.of("replay", away, "decisions", away)));
    var office = RemoteDoors.of(DeadLetterOffice.class, peer);
    assertThatThrownBy(() -> office.replay(Ids.next(), Ids.next(), false))
        .isInstanceOf(Overloaded.class);
    assertThat(asked).hasValue(1);
    asked.set(0);
    assertThatThrownBy(() -> office.decisions(Ids.next())).isInstanceOf(Overloaded.class);
    assertThat(asked.get()).isGreaterThan(1);
  }
}
