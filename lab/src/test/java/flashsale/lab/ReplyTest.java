package flashsale.lab;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.Test;

class ReplyTest {
  private final Reply reply = new Reply();

  private void readByteByByte(String response) throws Reply.Malformed {
    var bytes = response.getBytes(StandardCharsets.UTF_8);
    var buffer = new byte[bytes.length];
    for (int filled = 0; filled < bytes.length; filled++) {
      assertThat(reply.read(buffer, filled)).as("complete after %d bytes", filled).isFalse();
      buffer[filled] = bytes[filled];
    }
    assertThat(reply.read(buffer, bytes.length)).isTrue();
    assertThat(reply.end()).isEqualTo(bytes.length);
  }

  @Test
  void aResponseIsCompleteWithItsLastByteAndNotBefore() throws Reply.Malformed {
    readByteByByte("HTTP/1.1 201 Created\r\ncontent-LENGTH:  3 \r\nRetry-After: 7\r\n\r\nabc");

    assertThat(reply.status()).isEqualTo(201);
    assertThat(reply.body()).isEqualTo("abc");
    assertThat(reply.header("retry-after")).contains("7");
    assertThat(reply.header("location")).isEmpty();
    assertThat(reply.closes()).isFalse();
  }

  @Test
  void chunksAreJoined() throws Reply.Malformed {
    readByteByByte(
        """
        HTTP/1.1 200 OK
        Transfer-Encoding: chunked

        2;name=value
        ab
        A
        0123456789
        0
        Trailer: x

        """
            .replace("\n", "\r\n"));

    assertThat(reply.body()).isEqualTo("ab0123456789");
    assertThat(reply.bodyHas("b01".getBytes(StandardCharsets.UTF_8))).isTrue();
    assertThat(reply.bodyHas("Trailer".getBytes(StandardCharsets.UTF_8))).isFalse();
  }

  @Test
  void answersWithoutABodyNeedNoLength() throws Reply.Malformed {
    readByteByByte("HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n");

    assertThat(reply.body()).isEmpty();
    assertThat(reply.closes()).isTrue();
  }

  @Test
  void whatIsNoProperResponseIsRefused() {
    var tooLong = "X: " + "y".repeat(Reply.HEAD_MAX_BYTES);
    for (var response :
        List.of(
            "HTTP/1.1 99 Odd\r\n\r\n",
            "HTTP/1.1 2x0 Odd\r\n\r\n",
            "HTTP/1.1 100 Continue\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: \r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n;\r\n",
            "HTTP/1.1 200 OK\r\n" + tooLong)) {
      var bytes = response.getBytes(StandardCharsets.UTF_8);
      assertThatThrownBy(() -> reply.read(bytes, bytes.length))
          .as(response)
          .isInstanceOf(Reply.Malformed.class);
    }
  }

  @Test
  void theSameObjectReadsOneResponseAfterAnother() throws Reply.Malformed {
    readByteByByte("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n");
    readByteByByte("HTTP/1.1 409 Conflict\r\nContent-Length: 2\r\n\r\nno");

    assertThat(reply.status()).isEqualTo(409);
    assertThat(reply.body()).isEqualTo("no");
  }
}
