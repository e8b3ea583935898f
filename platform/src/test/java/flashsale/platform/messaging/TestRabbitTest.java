package flashsale.platform.messaging;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TestRabbitTest {
  @TempDir private Path place;

  @Test
  void withoutServerAndDockerItIsSaidWhatToDo() {
    assertThatThrownBy(() -> TestRabbit.programs(List.of(place), () -> false))
        .isInstanceOf(AssertionError.class)
        .hasMessageContaining(place.toString())
        .hasMessageContaining("apt-get install rabbitmq-server")
        .hasMessageContaining("Docker");
  }

  @Test
  void anInstalledServerIsTakenBeforeDockerIsAskedFor() throws IOException {
    var server = Files.createFile(place.resolve("rabbitmq-server"));
    assertThat(TestRabbit.programs(List.of(place), () -> true)).isEmpty();
    assertThat(server.toFile().setExecutable(true)).isTrue();
    assertThat(
            TestRabbit.programs(
                List.of(place),
                () -> {
                  throw new AssertionError("asked");
                }))
        .contains(place);
  }
}
