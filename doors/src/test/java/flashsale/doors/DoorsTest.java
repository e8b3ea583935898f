package flashsale.doors;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import flashsale.contracts.Catalog;
import flashsale.contracts.Fact;
import flashsale.contracts.Line;
import flashsale.platform.batching.Late;
import flashsale.platform.batching.Overloaded;
import flashsale.platform.ids.Ids;
import flashsale.platform.messaging.FailedElsewhere;
import flashsale.platform.messaging.FailureCategory;
import flashsale.platform.metrics.Figures;
import flashsale.platform.metrics.Meters;
import flashsale.platform.net.LoopbackPorts;
import flashsale.platform.time.Deadline;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/** A door between two processes, and everything that can stand in it. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class DoorsTest {
  private static final Instant NOON = Instant.parse("2026-01-31T12:00:00.000001Z");
  private static final Duration TIMEOUT = Duration.ofSeconds(3);

  /** Where nobody will answer. */
  private static final Duration SHORT = Duration.ofMillis(500);

  private final HttpClient http = HttpClient.newHttpClient();
  private final Meters meters = new Meters();

  @AfterAll
  void close() {
    http.close();
    meters.close();
  }

  private Peer peer(int concurrencyMax, int... ports) {
    return peer(TIMEOUT, concurrencyMax, ports);
  }

  private Peer peer(Duration timeout, int concurrencyMax, int... ports) {
    return new Peer(
        "catalog",
        IntStream.of(ports).mapToObj(port -> URI.create("http://127.0.0.1:" + port)).toList(),
        new ServiceToken(Till.TOKEN),
        new Peer.Settings(timeout, timeout, 3, concurrencyMax, Duration.ofSeconds(1)),
        http,
        meters);
  }

  private Catalog door(int... ports) {
    return RemoteDoors.of(Catalog.class, peer(64, ports));
  }

  private static Fact fact() {
    return new Fact.HoldOverdue(Ids.next(), NOON);
  }

  @Test
  void factsGoThroughAsTheyAre() {
    var facts =
        List.<Fact>of(
            new Fact.StockHeld(
                Ids.next(),
                Ids.next(),
                List.of(new Line(Ids.next(), 2, 34_900)),
                "EUR",
                "print",
                NOON,
                NOON.plusSeconds(600)),
            new Fact.ReleaseRequested(Ids.next(), Ids.next(), NOON),
            new Fact.SaleKnown(Ids.next(), 3));
    try (var till = new Till(1)) {
      assertThat(door(till.port()).apply(facts)).isEqualTo(facts);
      assertThat(till.batches).as("one exchange for all of them").containsExactly(3);
    }
  }

  @Test
  void whoDoesNotKnowTheSecretIsRefused() throws Exception {
    try (var till = new Till(1)) {
      var forged = "the secret that all of this test's processes shard";
      assertThat(post(till, "apply", "[[]]", forged).statusCode()).isEqualTo(401);
      assertThat(post(till, "apply", "[[]]", null).statusCode()).isEqualTo(401);
      assertThat(post(till, "apply", "[[]]", "").statusCode()).isEqualTo(401);
      assertThat(till.asked).hasValue(0);
      assertThat(post(till, "apply", "[[]]", Till.TOKEN).statusCode()).isEqualTo(200);
    }
  }

  @Test
  void aSecretOfFewCharactersIsNone() {
    assertThatThrownBy(() -> new ServiceToken("short"))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> new ServiceToken(Till.TOKEN + ",short"))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void junkIsRefusedAndHarmsNobody() throws Exception {
    try (var till = new Till(1)) {
      var bodies =
          List.of(
              "", "{}", "[", "[1]", "[[1]]", "[[{}]]", "[[],[]]", "[[{\"type\":\"x.v1\"}]]", "\0");
      for (var body : bodies) {
        assertThat(post(till, "apply", body, Till.TOKEN).statusCode()).as(body).isEqualTo(400);
      }
      assertThat(post(till, "explode", "[]", Till.TOKEN).statusCode()).isEqualTo(404);
      assertThat(till.asked).hasValue(0);
      assertThat(door(till.port()).apply(List.of(fact()))).hasSize(1);
    }
  }

  @Test
  void anOlderProcessReadsWhatANewerOneSays() throws Exception {
    try (var till = new Till(1)) {
      var id = Ids.next();
      var body =
          """
          [[{"type":"hold-overdue.v1","since":"2.0",
             "data":{"reservationId":"%s","noticedAt":"2026-01-31T12:00:00Z","why":"time"}}]]
          """
              .formatted(id);
      var answer = post(till, "apply", body, Till.TOKEN);
      assertThat(answer.statusCode()).as(answer.body()).isEqualTo(200);
      assertThat(answer.body()).contains(id.toString());
    }
  }

  @Test
  void aFailureComesBackWithItsCategory() {
    var failures =
        Map.<FailureCategory, RuntimeException>of(
            FailureCategory.BAD_INPUT, new IllegalArgumentException("no such quantity"),
            FailureCategory.BUG, new IllegalStateException("cannot be"));
    failures.forEach(
        (category, failure) -> {
          try (var till = new Till(1, facts -> fail(failure), 0)) {
            assertThatThrownBy(() -> door(till.port()).apply(List.of(fact())))
                .isInstanceOfSatisfying(
                    FailedElsewhere.class, e -> assertThat(e.category()).isEqualTo(category));
            assertThat(till.asked).as("trying again would not help").hasValue(1);
          }
        });
  }

  @Test
  void anOutageBehindTheDoorIsAnOutageBeforeIt() {
    try (var till = new Till(1, facts -> fail(new Late("the pool is exhausted")), 0)) {
      assertThatThrownBy(() -> door(till.port()).apply(List.of(fact())))
          .isInstanceOf(Overloaded.class)
          .satisfies(e -> assertThat(FailureCategory.isOutage(e)).isTrue());
    }
  }

  private static List<Fact> fail(RuntimeException failure) {
    throw failure;
  }

  @Test
  void theCallersDeadlineGoesWithTheCall() {
    try (var till = new Till(1)) {
      var door = door(till.port());
      Deadline.in(Duration.ofMillis(150)).during(() -> door.apply(List.of(fact())));
      var left = till.deadlines.getFirst().orElseThrow();
      assertThat(left).isPositive().isLessThanOrEqualTo(Duration.ofMillis(150));
      var over = Deadline.in(Duration.ofMillis(-1));
      assertThatThrownBy(() -> over.during(() -> door.apply(List.of(fact()))))
          .isInstanceOf(Late.class);
      assertThat(till.asked).as("nobody worked for one who has gone").hasValue(1);
    }
  }

  @Test
  void aHangingProcessCostsItsTimeoutAndThenNothing() throws IOException {
    try (var hanging = new ServerSocket(0, 100, InetAddress.getLoopbackAddress())) {
      var peer = peer(SHORT, 64, hanging.getLocalPort());
      var door = RemoteDoors.of(Catalog.class, peer);
      await()
          .atMost(Duration.ofSeconds(20))
          .until(
              () -> {
                assertThatThrownBy(() -> door.apply(List.of(fact())))
                    .isInstanceOf(Overloaded.class);
                return peer.state().equals("DOWN");
              });
      long from = System.nanoTime();
      assertThatThrownBy(() -> door.apply(List.of(fact()))).isInstanceOf(Overloaded.class);
      assertThat(Duration.ofNanos(System.nanoTime() - from))
          .as("left alone, it is not waited for")
          .isLessThan(SHORT);
    }
  }

  @Test
  void aProcessThatComesBackIsUsedAgain() throws IOException {
    int port = LoopbackPorts.free();
    var peer = peer(64, port);
    var door = RemoteDoors.of(Catalog.class, peer);
    await()
        .until(
            () -> {
              assertThatThrownBy(() -> door.apply(List.of(fact()))).isInstanceOf(Overloaded.class);
              return peer.state().equals("DOWN");
            });
    try (var till = new Till(1, facts -> facts, port)) {
      await().until(() -> succeeds(door));
      assertThat(peer.state()).isEqualTo("UP");
      assertThat(till.asked.get()).isPositive();
    }
  }

  private static boolean succeeds(Catalog door) {
    try {
      return door.apply(List.of(fact())).size() == 1;
    } catch (Overloaded e) {
      return false;
    }
  }

  @Test
  void ofTwoProcessesOneMayBeDead() throws IOException {
    try (var till = new Till(1)) {
      var door = door(LoopbackPorts.free(), till.port());
      for (int i = 0; i < 50; i++) {
        assertThat(door.apply(List.of(fact()))).hasSize(1);
      }
    }
  }

  @Test
  void bothOfTwoProcessesAreUsed() {
    try (var first = new Till(1);
        var second = new Till(2)) {
      var door = door(first.port(), second.port());
      for (int i = 0; i < 10; i++) {
        door.apply(List.of(fact()));
      }
      assertThat(first.asked).hasValue(5);
      assertThat(second.asked).hasValue(5);
    }
  }

  @Test
  void moreThanTheRoleMayBearIsRefusedAtOnce() throws Exception {
    var release = new CountDownLatch(1);
    try (var till = new Till(1, facts -> after(release, facts), 0);
        var threads = Executors.newVirtualThreadPerTaskExecutor()) {
      var door = RemoteDoors.of(Catalog.class, peer(1, till.port()));
      var first = threads.submit(() -> door.apply(List.of(fact())));
      await().until(() -> till.asked.get() == 1);
      assertThatThrownBy(() -> door.apply(List.of(fact()))).isInstanceOf(Overloaded.class);
      release.countDown();
      assertThat(first.get()).hasSize(1);
    }
  }

  private static List<Fact> after(CountDownLatch release, List<Fact> facts) {
    try {
      release.await();
      return facts;
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  @Test
  void retriesDoNotMultiplyTheLoadOfAnOutage() throws IOException {
    double before = retries();
    var door = door(LoopbackPorts.free());
    for (int i = 0; i < 100; i++) {
      assertThatThrownBy(() -> door.apply(List.of(fact()))).isInstanceOf(Overloaded.class);
    }
    assertThat(retries() - before)
        .as("a fifth of the calls, and what was saved up")
        .isPositive()
        .isLessThanOrEqualTo(40);
  }

  private double retries() {
    return Figures.of(meters, "flashsale_peer_retries_total");
  }

  @Test
  void aThousandQuestionsForOnePriceAreAFewExchanges() throws Exception {
    try (var till = new Till(7);
        var threads = Executors.newVirtualThreadPerTaskExecutor();
        var catalog =
            new RemoteCatalog(
                peer(64, till.port()),
                new RemoteCatalog.Settings(Duration.ofMinutes(1), 100, 256, 2_000),
                meters)) {
      var offer = Ids.next();
      var asked = new ArrayList<Future<Long>>();
      for (int i = 0; i < 1_000; i++) {
        asked.add(threads.submit(() -> catalog.quotes(List.of(offer)).get(offer).unitPriceMinor()));
      }
      for (var one : asked) {
        assertThat(one.get()).isEqualTo(7);
      }
      assertThat(till.asked.get()).isLessThan(50);
    }
  }

  @Test
  void thePricesOfACartAreOneExchangeAndOnlyThoseThatAreNotKnown() {
    try (var till = new Till(7);
        var catalog =
            new RemoteCatalog(
                peer(64, till.port()),
                new RemoteCatalog.Settings(Duration.ofMinutes(1), 100, 256, 2_000),
                meters)) {
      var cart = Stream.generate(Ids::next).limit(20).toList();
      assertThat(catalog.quotes(cart)).containsOnlyKeys(cart);
      assertThat(till.batches).containsExactly(20);
      var more = new ArrayList<>(cart);
      more.add(Ids.next());
      assertThat(catalog.quotes(more)).containsOnlyKeys(more);
      assertThat(catalog.quotes(more)).containsOnlyKeys(more);
      assertThat(till.batches).containsExactly(20, 1);
    }
  }

  @Test
  void aQuestionHasNoMoreOffersThanItMay() {
    try (var till = new Till(7);
        var catalog =
            new RemoteCatalog(
                peer(64, till.port()),
                new RemoteCatalog.Settings(Duration.ofMinutes(1), 100, 8, 2_000),
                meters)) {
      var cart = Stream.generate(Ids::next).limit(20).toList();
      assertThat(catalog.quotes(cart)).containsOnlyKeys(cart);
      assertThat(till.batches).containsExactly(8, 8, 4);
    }
  }

  @Test
  void theCallerOfManyPricesWaitsNoLongerThanItsDeadline() throws IOException {
    try (var hanging = new ServerSocket(0, 100, InetAddress.getLoopbackAddress());
        var catalog =
            new RemoteCatalog(
                peer(SHORT, 64, hanging.getLocalPort()),
                new RemoteCatalog.Settings(Duration.ofMinutes(1), 100, 256, 2_000),
                meters)) {
      var cart = Stream.generate(Ids::next).limit(20).toList();
      long from = System.nanoTime();
      var soon = Deadline.in(Duration.ofMillis(100));
      assertThatThrownBy(() -> soon.during(() -> catalog.quotes(cart))).isInstanceOf(Late.class);
      assertThat(Duration.ofNanos(System.nanoTime() - from))
          .as("once, not for each")
          .isLessThan(Duration.ofSeconds(1));
    }
  }

  @Test
  void aNewPriceIsHeardOfSoon() {
    try (var till = new Till(7);
        var catalog =
            new RemoteCatalog(
                peer(64, till.port()),
                new RemoteCatalog.Settings(Duration.ofMillis(50), 100, 256, 2_000),
                meters)) {
      var offer = Ids.next();
      assertThat(catalog.quotes(List.of(offer))).containsKey(offer);
      int before = till.asked.get();
      await().until(() -> catalog.quotes(List.of(offer)).size() == 1 && till.asked.get() > before);
    }
  }

  private HttpResponse<String> post(Till till, String method, String body, String token)
      throws IOException, InterruptedException {
    var request =
        HttpRequest.newBuilder(
                URI.create("http://127.0.0.1:" + till.port() + "/doors/catalog/" + method))
            .POST(BodyPublishers.ofString(body));
    Stream.ofNullable(token).forEach(t -> request.header("Authorization", "Bearer " + t));
    return http.send(request.build(), BodyHandlers.ofString());
  }

  @Test
  void aPeersNameIsInItsMetrics() {
    try (var till = new Till(1)) {
      door(till.port()).apply(List.of(fact()));
      assertThat(meters.scrape()).contains("flashsale_peer_under_way{peer=\"catalog\"");
    }
  }
}
