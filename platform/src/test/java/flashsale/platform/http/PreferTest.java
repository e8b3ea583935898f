package flashsale.platform.http;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class PreferTest {
  private static final Prefer.Policy POLICY = new Prefer.Policy(false, Duration.ofSeconds(30));

  @Test
  void preferencesMayStandInOneHeaderOrInSeveral() {
    var both = new Prefer(true, Optional.of(Duration.ofSeconds(5)));
    assertThat(Prefer.of(List.of("respond-async, wait=5"))).isEqualTo(both);
    assertThat(Prefer.of(List.of("wait=\"5\"; x=y", "Respond-Async"))).isEqualTo(both);
    assertThat(Prefer.of(List.of("wait=5, wait=9, respond-async"))).isEqualTo(both);
  }

  @Test
  void whatIsNotUnderstoodIsIgnored() {
    var none = new Prefer(false, Optional.empty());
    assertThat(Prefer.of(List.of())).isEqualTo(none);
    for (var value :
        List.of("", ",,", "wait", "wait=", "wait=-1", "wait=1e9", "wait=99999999999")) {
      assertThat(Prefer.of(List.of(value))).as(value).isEqualTo(none);
    }
    assertThat(Prefer.of(List.of("return=minimal, respond-asynchronously"))).isEqualTo(none);
  }

  @Test
  void nobodyIsHeldLongerThanTheServerWants() {
    assertThat(POLICY.wait(Prefer.of(List.of("wait=5")))).isEqualTo(Duration.ofSeconds(5));
    assertThat(POLICY.wait(Prefer.of(List.of("wait=31")))).isEqualTo(Duration.ofSeconds(30));
    assertThat(POLICY.wait(Prefer.of(List.of("respond-async")))).isZero();
    assertThat(POLICY.isAsync(Prefer.of(List.of("wait=5")))).isFalse();
    assertThat(POLICY.isAsync(Prefer.of(List.of("respond-async")))).isTrue();
  }
}
