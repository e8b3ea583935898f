package flashsale.doors;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.sun.net.httpserver.HttpServer;
import flashsale.contracts.Catalog;
import flashsale.contracts.Fact;
import flashsale.contracts.Inventory;
import flashsale.contracts.Refusal;
import flashsale.platform.ids.Ids;
import flashsale.platform.json.Json;
import flashsale.platform.messaging.FailedElsewhere;
import flashsale.platform.messaging.FailureCategory;
import flashsale.platform.metrics.Meters;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * An older and a newer process side by side, as while a cluster is brought up to date: what either
 * says beside is ignored, what is missing is known as missing, and what cannot be understood is
 * refused once instead of being tried for ever.
 */
class VersionSkewTest {
  private static final Instant NOON = Instant.parse("2026-01-31T12:00:00Z");
  private static final Duration TIMEOUT = Duration.ofSeconds(3);
  private static final Path GOLDEN = Path.of("../contracts/src/test/resources/facts");

  private final HttpClient http = HttpClient.newHttpClient();
  private final Meters meters = new Meters();
  private final List<AutoCloseable> open = new ArrayList<>();

  @AfterEach
  void close() throws Exception {
    for (var one : open) {
      one.close();
    }
    http.close();
    meters.close();
  }

  /** Another version's process, which answers each method with these words. */
  private Peer answering(Map<String, String> answers) throws IOException {
    return answering(answers, new AtomicInteger());
  }

  private Peer answering(Map<String, String> answers, AtomicInteger asked) throws IOException {
    return peer(serve(answers, asked));
  }

  private int serve(Map<String, String> answers, AtomicInteger asked) throws IOException {
    var server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 10);
    server.createContext(
        "/",
        exchange -> {
          asked.incrementAndGet();
          exchange.getRequestBody().readAllBytes();
          var path = exchange.getRequestURI().getPath();
          var answer = answers.get(path.substring(path.lastIndexOf('/') + 1));
          var body = (answer == null ? "{}" : answer).getBytes(StandardCharsets.UTF_8);
          exchange.sendResponseHeaders(answer == null ? 404 : 200, body.length);
          exchange.getResponseBody().write(body);
          exchange.close();
        });
    server.start();
    open.add(() -> server.stop(0));
    return server.getAddress().getPort();
  }

  private Peer peer(int... ports) {
    return new Peer(
        "catalog",
        IntStream.of(ports).mapToObj(port -> URI.create("http://127.0.0.1:" + port)).toList(),
        new ServiceToken(Till.TOKEN),
        new Peer.Settings(TIMEOUT, TIMEOUT, 3, 64, Duration.ofSeconds(1)),
        http,
        meters);
  }

  static Stream<Path> everyFact() throws IOException {
    try (var files = Files.list(GOLDEN)) {
      return files.sorted().toList().stream();
    }
  }

  private static ObjectNode golden(Path file) throws IOException {
    return (ObjectNode) Json.tolerant().readTree(Files.readString(file));
  }

  private static Object[] received(JsonNode fact) throws IOException {
    var body = "[[" + fact + "]]";
    return DoorJson.arguments(
        DoorJson.method(Catalog.class, "apply"), body.getBytes(StandardCharsets.UTF_8));
  }

  @ParameterizedTest
  @MethodSource("everyFact")
  void whatANewerVersionAddsToAFactIsIgnored(Path file) throws IOException {
    var fact = golden(file);
    var older = received(fact);
    fact.put("since", "2.0");
    var data = (ObjectNode) fact.get("data");
    data.putObject("addedLater").put("x", 1);
    data.path("lines").forEach(line -> ((ObjectNode) line).put("giftWrapped", true));
    assertThat(received(fact)).isEqualTo(older);
  }

  /** A zero in its place would be an order without a price. */
  @ParameterizedTest
  @MethodSource("everyFact")
  void aNumberThatIsMissingIsNoZero(Path file) throws IOException {
    var fact = golden(file);
    var data = (ObjectNode) fact.get("data");
    for (var component : Fact.TYPES.get(fact.path("type").asText()).getRecordComponents()) {
      if (component.getType().isPrimitive()) {
        var without = fact.deepCopy();
        ((ObjectNode) without.get("data")).remove(component.getName());
        assertThatThrownBy(() -> received(without))
            .isInstanceOf(IOException.class)
            .hasMessageContaining(component.getName());
      }
    }
    for (int i = 0; i < data.path("lines").size(); i++) {
      for (var field : List.of("quantity", "unitPriceMinor")) {
        var without = fact.deepCopy();
        ((ObjectNode) without.path("data").path("lines").get(i)).remove(field);
        assertThatThrownBy(() -> received(without)).isInstanceOf(IOException.class);
      }
    }
  }

  /** Every step looks it up by its key. */
  @ParameterizedTest
  @MethodSource("everyFact")
  void aFactWithoutItsKeyIsRefused(Path file) throws IOException {
    var fact = golden(file);
    var data = (ObjectNode) fact.get("data");
    data.remove(data.has("reservationId") ? "reservationId" : "saleId");
    assertThatThrownBy(() -> received(fact))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("key");
  }

  @Test
  void aFactOfANewerVersionIsRefusedOnceAndHarmsNobody() {
    try (var till = new Till(1)) {
      var asked = List.of("[[{\"type\":\"gift-wrapped.v1\",\"data\":{\"reservationId\":\"x\"}}]]");
      for (var body : asked) {
        assertThatThrownBy(
                () ->
                    peer(till.port()).ask("apply", body.getBytes(StandardCharsets.UTF_8), TIMEOUT))
            .isInstanceOfSatisfying(
                FailedElsewhere.class,
                e -> {
                  assertThat(e.category()).isEqualTo(FailureCategory.BAD_INPUT);
                  assertThat(e).hasMessageContaining("gift-wrapped.v1");
                });
      }
      assertThat(till.answers).as("trying again would not help").hasValue(1);
      var door = RemoteDoors.of(Catalog.class, peer(till.port()));
      var good = List.<Fact>of(new Fact.HoldOverdue(Ids.next(), NOON));
      assertThat(door.apply(good)).isEqualTo(good);
    }
  }

  @Test
  void anAnswerOfANewerVersionThatIsNotUnderstoodIsAFaultAndNoOutage() throws IOException {
    var asked = new AtomicInteger();
    var newer = "[{\"type\":\"gift-wrapped.v1\",\"data\":{}}]";
    var door = RemoteDoors.of(Catalog.class, answering(Map.of("apply", newer), asked));
    assertThatThrownBy(() -> door.apply(List.of(new Fact.HoldOverdue(Ids.next(), NOON))))
        .hasMessageContaining("cannot read")
        .hasStackTraceContaining("gift-wrapped.v1")
        .satisfies(e -> assertThat(FailureCategory.isOutage(e)).isFalse());
    assertThat(asked).as("the step was done, once").hasValue(1);
  }

  @Test
  void aPriceOfANewerVersionIsAPrice() throws IOException {
    var offer = Ids.next();
    var quote =
        """
        {"%1$s":{"offerId":"%1$s","saleId":"%1$s","productName":"Lamp","unitPriceMinor":7,
          "currency":"EUR","limitPerCustomer":0,"state":"OPEN","taxIncluded":true,
          "opensAt":"2026-01-31T12:00:00Z","closesAt":"2026-01-31T13:00:00Z","badge":{"text":"new"}}}
        """
            .formatted(offer);
    var door = RemoteDoors.of(Catalog.class, answering(Map.of("quotes", quote)));
    assertThat(door.quotes(List.of(offer)).get(offer).unitPriceMinor()).isEqualTo(7);
  }

  @Test
  void aPriceThatIsMissingIsNotForFree() throws IOException {
    var offer = Ids.next();
    var quote =
        """
        {"%1$s":{"offerId":"%1$s","saleId":"%1$s","productName":"Lamp","currency":"EUR",
          "limitPerCustomer":0,"state":"OPEN","priceMinor":7,
          "opensAt":"2026-01-31T12:00:00Z","closesAt":"2026-01-31T13:00:00Z"}}
        """
            .formatted(offer);
    var door = RemoteDoors.of(Catalog.class, answering(Map.of("quotes", quote)));
    assertThatThrownBy(() -> door.quotes(List.of(offer))).hasMessageContaining("cannot read");
  }

  @Test
  void aReasonOfANewerVersionIsNotTakenForAnother() throws IOException {
    var refused =
        """
        {"type":"stock-refused.v1","data":{"reservationId":"%1$s","customerId":"%1$s","lines":[],
          "currency":"EUR","fingerprint":"x","reason":"TOO_EARLY_FOR_YOU","offerId":"%1$s",
          "available":0,"refusedAt":"2026-01-31T12:00:00Z"}}
        """
            .formatted(Ids.next());
    assertThat(List.of(Refusal.values()))
        .extracting(Enum::name)
        .doesNotContain("TOO_EARLY_FOR_YOU");
    var door = RemoteDoors.of(Inventory.class, answering(Map.of("apply", "[" + refused + "]")));
    assertThatThrownBy(() -> door.apply(List.of())).hasMessageContaining("cannot read");
  }

  @Test
  void whoDoesNotKnowAQuestionIsPassedOverForOneWhoDoes() throws IOException {
    var asked = new AtomicInteger();
    int older = serve(Map.of("apply", "[]"), asked);
    int newer = serve(Map.of("apply", "[]", "quotes", "{}"), asked);
    var door = RemoteDoors.of(Catalog.class, peer(older, newer));
    for (int i = 0; i < 20; i++) {
      assertThat(door.quotes(List.of())).isEmpty();
      assertThat(door.apply(List.of())).isEmpty();
    }
  }
}
