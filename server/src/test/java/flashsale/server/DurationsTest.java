package flashsale.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class DurationsTest {
  @ParameterizedTest
  @ValueSource(strings = {"0", "250ms", "5s", "1m30s", "2m", "12h", "30d", "1d12h", "1s5ms"})
  void whatIsShownReadsBack(String text) {
    assertThat(Durations.show(Durations.parse(text))).isEqualTo(text);
  }

  @Test
  void theShortestTextIsShown() {
    assertThat(Durations.show(Duration.ofSeconds(90))).isEqualTo("1m30s");
    assertThat(Durations.show(Duration.ofHours(36))).isEqualTo("1d12h");
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "5", "s", "5x", "-5s", "5 s", "5s ", "1.5s", "PT5S", "9999999999s"})
  void whatIsNoTimeIsRefused(String text) {
    assertThatIllegalArgumentException().isThrownBy(() -> Durations.parse(text));
  }
}
