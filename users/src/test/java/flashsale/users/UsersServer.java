package flashsale.users;

import com.fasterxml.jackson.databind.JsonNode;
import flashsale.platform.http.HttpServer;
import flashsale.platform.http.Routes;
import flashsale.platform.json.Json;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.Optional;

/** The users role behind a real HTTP server, and a client for it. */
final class UsersServer implements AutoCloseable {
  /** What came back. */
  record Reply(int status, JsonNode body, HttpResponse<byte[]> whole) {
    String code() {
      return body.path("code").asText();
    }

    String text(String field) {
      return body.path(field).asText();
    }

    String header(String name) {
      return whole.headers().firstValue(name).orElse("");
    }
  }

  final UsersFixture fixture;
  private final HttpServer server;
  private final HttpClient client = HttpClient.newHttpClient();

  UsersServer(UsersSettings settings) {
    fixture = new UsersFixture(settings);
    var routes = new Routes();
    new UsersApi(fixture.users).routes(routes);
    server =
        new HttpServer(
            new HttpServer.Settings("127.0.0.1", 0, 64 * 1024, 2_000, 2_000),
            routes,
            fixture.users.verifier(),
            (method, route, path, status, nanos, requestId) -> {},
            failure -> Optional.empty());
  }

  Reply post(String path, Object body) {
    return call("POST", path, null, Json.text(body));
  }

  /** Any request; token and body may be null. */
  Reply call(String method, String path, String token, String body) {
    var request = HttpRequest.newBuilder(HttpServer.local(server.port()).resolve(path));
    if (token != null) {
      request.header("Authorization", "Bearer " + token);
    }
    if (body != null) {
      request.header("Content-Type", "application/json");
    }
    request.method(
        method,
        body == null
            ? HttpRequest.BodyPublishers.noBody()
            : HttpRequest.BodyPublishers.ofString(body));
    try {
      var reply = client.send(request.build(), HttpResponse.BodyHandlers.ofByteArray());
      return new Reply(reply.statusCode(), Json.tolerant().readTree(reply.body()), reply);
    } catch (IOException e) {
      throw new UncheckedIOException(method + " " + path + " " + body, e);
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  @Override
  public void close() {
    client.close();
    server.close();
    fixture.close();
  }
}
