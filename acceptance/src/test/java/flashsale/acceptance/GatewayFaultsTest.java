package flashsale.acceptance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import flashsale.cluster.NginxNode;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What of a request becomes whose instance is gone, breaks off, hangs or refuses. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class GatewayFaultsTest {
  private static final String BODY = "{}";

  private final GatewayRig rig = new GatewayRig();

  @AfterAll
  void close() {
    rig.close();
  }

  @Test
  void aReadIsRepeatedElsewhereAndAnOrderIsNot() {
    var payments = rig.roles.get("payments");
    var sick = payments.getFirst();
    sick.dies = true;
    try {
      for (int i = 0; i < 10; i++) {
        assertThat(rig.get("/api/v1/payments/1?n=" + i).statusCode()).isEqualTo(200);
      }
      int before = rig.asked("POST");
      for (int i = 0; i < 10; i++) {
        rig.send(rig.url.resolve("/api/v1/payments?n=" + i), "POST", "{}");
      }
      assertThat(rig.asked("POST") - before).as("each at one instance only").isEqualTo(10);
    } finally {
      sick.dies = false;
    }
  }

  /** The old password is wrong the second time; whoever has signed out is a stranger. */
  @ParameterizedTest
  @CsvSource({
    "users, PUT, /api/v1/users/me/password",
    "users, DELETE, /api/v1/sessions",
    "orders, DELETE, /api/v1/orders/1",
  })
  void whatMayHaveBeenDoneIsNotRepeated(String role, String method, String path) {
    var sick = rig.roles.get(role).getFirst();
    sick.dies = true;
    try {
      int before = rig.asked(role, method + " " + path);
      var answers = untilAsked(sick, method, path);
      assertThat(answers.getLast().statusCode()).isEqualTo(503);
      assertThat(GatewayRig.json(answers.getLast()).path("code").asText()).isEqualTo("UNAVAILABLE");
      assertThat(rig.asked(role, method + " " + path) - before)
          .as("each at one instance only")
          .isEqualTo(answers.size());
    } finally {
      sick.dies = false;
    }
  }

  /** What failed a moment ago may be left alone for a while. */
  private List<HttpResponse<String>> untilAsked(
      GatewayInstance instance, String method, String path) {
    int before = instance.asked(method + " " + path);
    var answers = new ArrayList<HttpResponse<String>>();
    await()
        .until(
            () -> {
              answers.add(rig.send(rig.url.resolve(path), method, BODY));
              return instance.asked(method + " " + path) > before;
            });
    return answers;
  }

  /** The cart and the reservation end the same, and so does the answer. */
  @ParameterizedTest
  @CsvSource({
    "PUT, /api/v1/carts/1/items/2",
    "DELETE, /api/v1/carts/1/items/2",
    "DELETE, /api/v1/reservations/1",
  })
  void whatEndsTheSameIsRepeatedElsewhere(String method, String path) {
    var sick = rig.roles.get("reservations").getFirst();
    sick.dies = true;
    try {
      int before = rig.asked("reservations", method + " " + path);
      var answers = untilAsked(sick, method, path);
      assertThat(answers).allMatch(answer -> answer.statusCode() == 200);
      assertThat(rig.asked("reservations", method + " " + path) - before)
          .isEqualTo(answers.size() + 1);
    } finally {
      sick.dies = false;
    }
  }

  /** For reasons of their own, such as a second audit, and one that stops says the same. */
  @Test
  void whoIsRefusedAReadMakesNobodyUnavailable() {
    var reservations = rig.roles.get("reservations");
    reservations.forEach(instance -> instance.status = 503);
    try {
      for (var path : List.of("/api/v1/reservations/7", "/api/v1/admin/audit")) {
        for (int i = 0; i < 10; i++) {
          var refused = rig.get(path);
          assertThat(refused.statusCode()).isEqualTo(503);
          assertThat(GatewayRig.json(refused).path("role").asText()).isEqualTo("reservations");
        }
      }
    } finally {
      reservations.forEach(instance -> instance.status = 200);
    }
    assertThat(rig.send(rig.url.resolve("/api/v1/reservations"), "POST", "{}").statusCode())
        .isEqualTo(200);
    assertThat(rig.get("/api/v1/reservations/7").statusCode()).isEqualTo(200);
  }

  @Test
  void whoReadsGoesRoundAnInstanceThatHangs() throws Exception {
    var hung = rig.roles.get("catalog").getFirst();
    var release = new CountDownLatch(1);
    hung.hangsUntil = release;
    try {
      int writes = rig.asked("catalog", "POST");
      var request =
          HttpRequest.newBuilder(rig.url.resolve("/api/v1/admin/products"))
              .POST(BodyPublishers.ofString("{}"))
              .build();
      var written =
          Stream.generate(() -> rig.http.sendAsync(request, BodyHandlers.ofString()))
              .limit(2)
              .toList();
      await().until(() -> rig.asked("catalog", "POST") == writes + 2);

      int reads = hung.asked("GET");
      for (int i = 0; hung.asked("GET") < reads + 2; i++) {
        var from = System.nanoTime();
        assertThat(rig.get("/api/v1/products?hangs=" + i).statusCode()).isEqualTo(200);
        assertThat(Duration.ofNanos(System.nanoTime() - from)).isLessThan(Duration.ofSeconds(10));
        assertThat(i).as("each in turn").isLessThan(10);
      }
      var from = System.nanoTime();
      for (int i = 0; i < 10; i++) {
        assertThat(rig.get("/api/v1/products?goneRound=" + i).statusCode()).isEqualTo(200);
      }
      assertThat(Duration.ofNanos(System.nanoTime() - from)).isLessThan(Duration.ofSeconds(2));

      assertThat(rig.asked("catalog", "POST"))
          .as("waits, and is not repeated")
          .isEqualTo(writes + 2);
      assertThat(written).filteredOn(Future::isDone).hasSize(1);
      release.countDown();
      for (var one : written) {
        assertThat(one.get().statusCode()).isEqualTo(200);
      }
    } finally {
      release.countDown();
    }
  }

  @ParameterizedTest
  @CsvSource({
    "users, POST, /api/v1/sessions",
    "users, DELETE, /api/v1/sessions",
    "users, PUT, /api/v1/users/me/password",
    "reservations, PUT, /api/v1/carts/1/items/2",
    "reservations, DELETE, /api/v1/reservations/1",
  })
  void whatWasNeverSentGoesElsewhere(String role, String method, String path) {
    var at = GatewayRig.free();
    var alive = rig.roles.get(role).getFirst();
    int before = alive.asked.size();
    try (var half = NginxNode.start(rig.config(at, "half", role, List.of(gone(role), alive)))) {
      assertThat(half.pid()).isPositive();
      for (int i = 0; i < 10; i++) {
        assertThat(rig.send(at.resolve(path), method, BODY).statusCode()).isEqualTo(200);
      }
    }
    assertThat(alive.asked.size() - before).isEqualTo(10);
  }

  @Test
  void whereNobodyIsLeftThatIsToldAtOnce() {
    var at = GatewayRig.free();
    var none = List.of(gone("users"), gone("users"), gone("users"), gone("users"));
    try (var empty = NginxNode.start(rig.config(at, "empty", "users", none))) {
      assertThat(empty.pid()).isPositive();
      for (int i = 0; i < 10; i++) {
        var answer = rig.send(at.resolve("/api/v1/users/me/password"), "PUT", BODY);
        assertThat(answer.statusCode()).isEqualTo(503);
        assertThat(GatewayRig.json(answer).path("code").asText()).isEqualTo("UNAVAILABLE");
        assertThat(answer.headers().firstValue("Retry-After")).contains("1");
      }
    }
  }

  /** Where nobody listens any more. */
  private GatewayInstance gone(String role) {
    var instance = new GatewayInstance(role, rig);
    instance.close();
    return instance;
  }
}
