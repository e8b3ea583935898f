package flashsale.acceptance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import flashsale.platform.messaging.TestRabbit;
import java.time.Duration;
import java.util.UUID;

/**
 * Every fact is delivered twice, and those of different reservations out of order: the same end.
 */
class EverythingTwiceTest extends FlowKit {
  private static final long SEED = Long.getLong("meddler.seed", 20_260_131L);
  private static final Duration QUIET_MAX = Duration.ofSeconds(90);

  private final TestRabbit broker = TestRabbit.start();
  private Meddler meddler;

  @Override
  String[] settings() {
    return new String[] {"messaging.url=" + broker.url(), "payments.gatewayTimeout=4s"};
  }

  @Override
  void meddle() {
    meddler = new Meddler(broker, SEED);
  }

  @Override
  void awaitExtended(UUID reservationId) {
    await().until(() -> meddler.made("hold-extended.v1", reservationId) >= 2);
  }

  @Override
  void awaitQuiet() {
    await().atMost(QUIET_MAX).until(meddler::quiet);
    // Each story alone sends more than one.
    assertThat(meddler.passed()).isGreaterThan(FlowStory.values().length);
  }

  @Override
  void closeBroker() {
    if (meddler != null) {
      meddler.close();
    }
    broker.close();
  }
}
