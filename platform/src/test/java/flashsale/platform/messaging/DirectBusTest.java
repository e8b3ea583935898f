package flashsale.platform.messaging;

import static org.assertj.core.api.Assertions.assertThat;

import flashsale.platform.metrics.Meters;
import java.time.InstantSource;
import org.junit.jupiter.api.Test;

class DirectBusTest extends BusKit {
  @Override
  Bus create(Bus.Parking parking) {
    return new DirectBus(ATTEMPTS_MAX, parking, InstantSource.system(), new Meters());
  }

  @Test
  void whatFollowsAFailedMessageOfItsKeyIsLeftToTheCaller() {
    var bus = open();
    var messages = messages(6, 2);
    var recorder =
        new Recorder(
            batch -> {
              if (batch.contains(messages.get(2))) {
                throw new IllegalStateException("not now");
              }
            });
    bus.subscribe(queue, 2, recorder);
    var arrived = bus.publish(queue, messages);
    assertThat(arrived)
        .containsExactlyInAnyOrder(
            messages.get(0).id(), messages.get(1).id(), messages.get(3).id(), messages.get(5).id());
  }
}
