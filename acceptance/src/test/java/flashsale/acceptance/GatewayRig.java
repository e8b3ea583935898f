package flashsale.acceptance;

import com.fasterxml.jackson.databind.JsonNode;
import flashsale.cluster.GatewayConfig;
import flashsale.cluster.NginxNode;
import flashsale.platform.json.Json;
import flashsale.platform.net.LoopbackPorts;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicReference;

/** A real nginx with the gateway's configuration, before two small servers for each role. */
final class GatewayRig implements AutoCloseable {
  final HttpClient http = HttpClient.newHttpClient();
  final Path folder = TemporaryFolder.make();

  /** For which the next request waits that comes to any instance. */
  final AtomicReference<CountDownLatch> holdsNext = new AtomicReference<>();

  final CountDownLatch nextEvent = new CountDownLatch(1);
  final CountDownLatch endOfEvents = new CountDownLatch(1);

  final Map<String, List<GatewayInstance>> roles = new LinkedHashMap<>();
  final URI url = free();
  private final NginxNode nginx;

  GatewayRig() {
    for (var role : GatewayConfig.ROLES) {
      roles.put(role, List.of(new GatewayInstance(role, this), new GatewayInstance(role, this)));
    }
    nginx = NginxNode.start(config(url, "gateway", 0));
  }

  static URI free() {
    return URI.create("http://127.0.0.1:" + LoopbackPorts.free());
  }

  GatewayConfig config(URI at, String name, int rate) {
    var urls = new LinkedHashMap<String, List<URI>>();
    roles.forEach((role, all) -> urls.put(role, urls(all)));
    return config(at, name, rate, urls);
  }

  /** The same with other instances of one role. */
  GatewayConfig config(URI at, String name, String role, List<GatewayInstance> instances) {
    var urls = new LinkedHashMap<String, List<URI>>();
    roles.forEach((other, all) -> urls.put(other, urls(other.equals(role) ? instances : all)));
    return config(at, name, 0, urls);
  }

  private static List<URI> urls(List<GatewayInstance> instances) {
    return instances.stream().map(GatewayInstance::url).toList();
  }

  private GatewayConfig config(URI at, String name, int rate, Map<String, List<URI>> urls) {
    return new GatewayConfig(
        at.getAuthority(),
        urls,
        Set.of(),
        folder.resolve(name),
        rate,
        GatewayConfig.BODY_MAX_BYTES,
        Optional.empty(),
        Optional.empty());
  }

  HttpResponse<String> send(URI to, String method, String body, String... headers) {
    var request =
        HttpRequest.newBuilder(to)
            .method(method, body == null ? BodyPublishers.noBody() : BodyPublishers.ofString(body));
    if (headers.length > 0) {
      request.headers(headers);
    }
    try {
      return http.send(request.build(), BodyHandlers.ofString());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  HttpResponse<String> get(String path, String... headers) {
    return send(url.resolve(path), "GET", null, headers);
  }

  static JsonNode json(HttpResponse<String> response) {
    return Json.read(response.body(), JsonNode.class);
  }

  static String header(HttpResponse<String> response, String name) {
    return response.headers().firstValue(name).orElseThrow();
  }

  int asked(String method) {
    return asked("payments", method);
  }

  int asked(String role, String start) {
    return roles.get(role).stream().mapToInt(instance -> instance.asked(start)).sum();
  }

  @Override
  public void close() {
    nginx.close();
    roles.values().forEach(all -> all.forEach(GatewayInstance::close));
    http.close();
    TemporaryFolder.delete(folder);
  }
}
