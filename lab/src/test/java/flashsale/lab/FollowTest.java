package flashsale.lab;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/** A client listens to events that come in any pieces, and not for longer than it has to. */
class FollowTest {
  private static final String HEAD =
      "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";

  private final Tally tally = new Tally();

  private static String chunk(String text) {
    return Integer.toHexString(text.length()) + "\r\n" + text + "\r\n";
  }

  private static String event(String state) {
    return "id: %1$s\nevent: thing\ndata: {\"state\":\"%1$s\"}\n\n".formatted(state);
  }

  private static boolean done(JsonNode told) {
    return told.path("state").asText().equals("DONE");
  }

  private Client.Answered follow(Client client) throws IOException {
    return client.follow("events", "/events", "token", FollowTest::done, () -> false);
  }

  @Test
  void theEventThatIsWaitedForEndsIt() throws IOException {
    var stream = HEAD + chunk(event("PENDING")) + chunk(":\n\n") + chunk(event("DONE"));
    var pieces = stream.chars().mapToObj(c -> String.valueOf((char) c)).toList();
    try (var server = new RawServer(number -> pieces);
        var client = new Client(server::url, tally)) {
      var told = follow(client);

      assertThat(told.status()).isEqualTo(200);
      assertThat(told.body().path("state").asText()).isEqualTo("DONE");
      assertThat(tally.lines()).hasSize(1);
      assertThat(tally.lines().getFirst().counts())
          .containsExactly(new CrowdReport.Count(200, "", 1));
      follow(client); // On a connection that has nothing left of the stream before.
    }
  }

  @Test
  void halfAnEventAndAStreamThatEndsTellNothing() throws IOException {
    var half = HEAD + chunk("data: {\"state\":\"DONE\"}") + "0\r\n\r\n";
    try (var server = RawServer.always(half);
        var client = new Client(server::url, tally)) {
      assertThat(follow(client).body().isMissingNode()).isTrue();
    }
  }

  @Test
  void aProblemIsAnAnswer() throws IOException {
    var body = "{\"code\":\"OVERLOADED\"}";
    var head = "HTTP/1.1 503 Busy\r\nRetry-After: 1\r\nContent-Length: " + body.length();
    try (var server =
            RawServer.always(head + "\r\n\r\n" + body.substring(0, 9), body.substring(9));
        var client = new Client(server::url, tally)) {
      var told = follow(client);

      assertThat(told.status()).isEqualTo(503);
      assertThat(told.code()).isEqualTo("OVERLOADED");
      assertThat(told.passing()).isTrue();
      assertThat(tally.lines().getFirst().counts())
          .containsExactly(new CrowdReport.Count(503, "OVERLOADED", 1));
    }
  }

  @Test
  void aStreamThatBreaksOffIsAFailure() {
    try (var server = new RawServer(number -> List.of(HEAD + chunk(event("PENDING")), ""));
        var client = new Client(server::url, tally)) {
      assertThatThrownBy(() -> follow(client)).isInstanceOf(IOException.class);
      assertThat(tally.lines().getFirst().counts())
          .contains(new CrowdReport.Count(Tally.NO_ANSWER, "EOFException", 1));
    }
  }

  @Test
  void aSilentStreamIsLeftWhenItIsEnough() throws IOException {
    var looks = new AtomicInteger();
    try (var server = RawServer.always(HEAD + chunk(event("PENDING")));
        var client = new Client(server::url, tally)) {
      var told =
          client.follow(
              "events", "/events", null, FollowTest::done, () -> looks.incrementAndGet() > 3);

      assertThat(told.body().isMissingNode()).isTrue();
    }
  }
}
