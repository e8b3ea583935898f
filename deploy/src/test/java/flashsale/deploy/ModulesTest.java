package flashsale.deploy;

import static flashsale.deploy.DeployFiles.DEPLOY;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import flashsale.server.ShopFolder;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The shop on only the modules of the image's Java, with the image's options. */
class ModulesTest {
  /**
   * Some eight seconds where nothing else runs: without its cache of classes Java starts slowly.
   */
  private static final Duration START_MAX = Duration.ofMinutes(2);

  private static final Pattern LIST = Pattern.compile("modules=(\\$modules,)?([a-z.,]+)");

  @TempDir private Path folder;

  @Test
  void theShopRunsOnTheModulesOfTheImage() throws Exception {
    var output = folder.resolve("output").toFile();
    var process =
        new ProcessBuilder(command()).redirectErrorStream(true).redirectOutput(output).start();
    try {
      var data = folder.resolve("data");
      await()
          .atMost(START_MAX)
          .until(() -> !process.isAlive() || ShopFolder.server(data).isPresent());
      assertThat(process.isAlive()).as(() -> DeployFiles.text(output.toPath())).isTrue();
      var url = ShopFolder.server(data).orElseThrow().url();
      // The password is hashed by a native library, and the token signed.
      var account = "{\"email\":\"me@example.com\",\"password\":\"correct horse battery\"}";
      assertThat(post(url.resolve("/api/v1/users"), account)).isEqualTo(201);
      assertThat(post(url.resolve("/api/v1/sessions"), account)).isIn(200, 201);
      for (var page : List.of("/api/v1/sales", "/health/ready", "/metrics")) {
        assertThat(send(HttpRequest.newBuilder(url.resolve(page)).build())).isEqualTo(200);
      }
      assertThat(DeployFiles.text(output.toPath()))
          .doesNotContain("ClassNotFound", "NoClassDefFound");
    } finally {
      process.destroy();
      assertThat(process.waitFor(30, TimeUnit.SECONDS)).isTrue();
    }
  }

  private List<String> command() {
    var modules =
        LIST.matcher(DeployFiles.text(DEPLOY.resolve("image/jlink.sh")))
            .results()
            .map(found -> found.group(2))
            .collect(Collectors.joining(","));
    return List.of(
        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
        "@" + DEPLOY.resolve("image/java-options"),
        "-XX:MaxRAMPercentage=2",
        "--limit-modules",
        modules,
        "-cp",
        System.getProperty("java.class.path"),
        "flashsale.server.Main",
        "serve",
        "--port=0",
        "--data-dir=" + folder.resolve("data"));
  }

  private static int post(URI url, String body) throws IOException, InterruptedException {
    return send(
        HttpRequest.newBuilder(url)
            .header("Content-Type", "application/json")
            .POST(HttpRequest.BodyPublishers.ofString(body))
            .build());
  }

  private static int send(HttpRequest request) throws IOException, InterruptedException {
    try (var client = HttpClient.newHttpClient()) {
      return client.send(request, BodyHandlers.ofString()).statusCode();
    }
  }
}
