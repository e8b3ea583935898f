package flashsale.lab;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.EOFException;
import java.io.IOException;
import java.util.List;
import org.junit.jupiter.api.Test;

/** A client whose connection ends before an answer does as a browser would. */
class ClientTest {
  private static final List<String> ANSWER =
      List.of("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
  private static final List<String> DROPPED = List.of("");
  private static final List<String> BROKEN_OFF =
      List.of("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{", "");

  private final Tally tally = new Tally();

  private static Client.Answered post(Client client) throws IOException {
    return client.call("press", "POST", "/press", null, null, "{}");
  }

  @Test
  void whatIsSentIntoAnIdleConnectionsEndIsSentOnceMore() throws IOException {
    try (var server = new RawServer(number -> number == 1 ? DROPPED : ANSWER);
        var client = new Client(server::url, tally)) {
      post(client);

      assertThat(post(client).status()).isEqualTo(200);
      assertThat(server.requests()).isEqualTo(3);
      assertThat(tally.lines().getFirst().counts())
          .containsExactly(new CrowdReport.Count(200, "", 2));
    }
  }

  @Test
  void onceIsEnough() throws IOException {
    try (var server = new RawServer(number -> number > 0 ? DROPPED : ANSWER);
        var client = new Client(server::url, tally)) {
      post(client);

      assertThatThrownBy(() -> post(client)).isInstanceOf(EOFException.class);
      assertThat(server.requests()).isEqualTo(3);
    }
  }

  @Test
  void aNewConnectionThatEndsIsAFailure() {
    try (var server = new RawServer(number -> DROPPED);
        var client = new Client(server::url, tally)) {
      assertThatThrownBy(() -> post(client)).isInstanceOf(EOFException.class);
      assertThat(server.requests()).isEqualTo(1);
    }
  }

  @Test
  void anAnswerThatBreaksOffIsAFailure() throws IOException {
    try (var server = new RawServer(number -> number == 1 ? BROKEN_OFF : ANSWER);
        var client = new Client(server::url, tally)) {
      post(client);

      assertThatThrownBy(() -> post(client)).isInstanceOf(EOFException.class);
      assertThat(server.requests()).isEqualTo(2);
    }
  }
}
