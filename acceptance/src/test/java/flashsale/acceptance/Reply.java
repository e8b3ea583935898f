package flashsale.acceptance;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.net.http.HttpHeaders;

/** An answer; {@code json} is a missing node where the body is none. */
record Reply(String request, int status, JsonNode json, HttpHeaders headers) {

  /** The same, if it has this status; otherwise the test fails with the body. */
  Reply expect(int expected) {
    assertThat(status).as("%s answered %s", request, json).isEqualTo(expected);
    return this;
  }

  /** The same, if it is a problem with this status and code. */
  Reply expect(int expected, String code) {
    expect(expected);
    assertThat(text("code")).as("%s answered %s", request, json).isEqualTo(code);
    assertThat(header("Content-Type")).startsWith("application/problem+json");
    return this;
  }

  /** A member's text; empty if there is no such member. */
  String text(String field) {
    return json.path(field).asText("");
  }

  String header(String name) {
    return headers.firstValue(name).orElse("");
  }
}
