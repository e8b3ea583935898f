package flashsale.platform.messaging;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

class TestRabbitTest {
  private static void missing() {
    throw new RabbitNode.NotInstalled();
  }

  @Test
  void withoutServerAndDockerItIsSaidWhatToDo() {
    assertThatThrownBy(() -> TestRabbit.isInstalled(TestRabbitTest::missing, () -> false))
        .isInstanceOf(AssertionError.class)
        .hasMessageContaining("apt-get install rabbitmq-server")
        .hasMessageContaining("Docker");
  }

  @Test
  void anInstalledServerIsTakenBeforeDockerIsAskedFor() {
    assertThat(TestRabbit.isInstalled(TestRabbitTest::missing, () -> true)).isFalse();
    assertThat(
            TestRabbit.isInstalled(
                () -> {},
                () -> {
                  throw new AssertionError("asked");
                }))
        .isTrue();
  }
}
